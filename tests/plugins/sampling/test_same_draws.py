"""Both samplers make rows of few keys, and draw what they would by sorting a number for every cell."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sah_core import AttentionInputs, Mask, create_masker
from sah_core.testing import attention_inputs, masks
from sah_masker_sampling import RandomConfig, VAttentionConfig

from .dense_draws import dense_random, dense_vattention

RANDOM = st.builds(
    RandomConfig,
    rate=st.sampled_from([0.001, 0.03, 0.1, 0.4, 1.0]),
    mode=st.sampled_from(["without_replacement", "bernoulli"]),
    share_kv_group=st.booleans(),
)
VATTENTION = st.builds(
    VAttentionConfig,
    epsilon=st.sampled_from([0.05, 0.2, 0.6]),
    delta=st.sampled_from([0.05, 0.2]),
    base_rate=st.sampled_from([0.002, 0.05, 0.3]),
    target=st.sampled_from(["denominator", "numerator", "sdpa"]),
    share_kv_group=st.booleans(),
)


@st.composite
def long_inputs(draw: st.DrawFn) -> AttentionInputs:
    """Rows of more than 4096 keys, of which only a beginning of the order is made: padded, with holes, or open."""
    b, q, group = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    k, seed = draw(st.integers(4097, 7000)), draw(st.integers(0, 2**16))
    random = torch.Generator().manual_seed(seed)
    shapes = ((b, 2 * group, q, 2), (b, 2, k, 2), (b, 2, k, 2))
    queries, keys, values = (torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes)
    column, query = torch.arange(k), torch.arange(k - q, k).unsqueeze(-1)
    seen = (column <= query).expand(b, 1, q, k)
    kind = draw(st.sampled_from(["none", "padded", "holes", "heads"]))
    if kind == "padded":
        pads = torch.tensor([draw(st.integers(0, k - q)) for _ in range(b)]).reshape(b, 1, 1, 1)
        seen = seen & (column >= pads)
    elif kind != "none":
        heads = 1 if kind == "holes" else 2 * group
        seen = seen & ((torch.rand((b, heads, q, k), generator=random) < 0.7) | (column == query))
    return AttentionInputs(
        queries, keys, values + draw(st.sampled_from([0.0, 2.0])), None if kind == "none" else seen, seed=seed
    )


@st.composite
def kept(draw: st.DrawFn, inputs: AttentionInputs) -> Mask:
    """None, few or half of the keys, in as few stored rows as may be, some of them drawn."""
    (b, heads, q, k), random = inputs.shape, torch.Generator().manual_seed(draw(st.integers(0, 99)))
    stored = (
        draw(st.sampled_from(sorted({1, b}))),
        draw(st.sampled_from([n for n in range(1, heads + 1) if heads % n == 0])),
        draw(st.sampled_from(sorted({1, q}))),
    )
    width = draw(st.sampled_from([0, 7, 60, k // 2]))
    indices = torch.rand((*stored, k), generator=random).argsort(-1)[..., :width]
    counts = torch.randint(draw(st.sampled_from([0, width])), width + 1, stored, generator=random)
    probs = torch.rand(indices.shape, generator=random).clamp(min=0.1)
    return Mask.from_indices(inputs.shape, indices, draw(st.sampled_from([None, probs])), counts)


def drawn(inputs: AttentionInputs, previous: Mask, config: Any) -> Mask:
    return create_masker(config).add_mask(inputs, previous)


@given(attention_inputs(max_keys=40, dtype=torch.float64), st.data(), RANDOM)
def test_random_draws_what_sorting_all_numbers_gives(
    inputs: AttentionInputs, data: st.DataObject, config: RandomConfig
) -> None:
    """The same keys with the same probabilities, whatever the mask, the padding and the mask before."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    assert drawn(inputs, previous, config) == dense_random(inputs, previous, config)


@settings(max_examples=40)
@given(long_inputs(), st.data(), RANDOM)
def test_random_draws_the_same_from_long_rows(
    inputs: AttentionInputs, data: st.DataObject, config: RandomConfig
) -> None:
    """Where a threshold stands for sorting, too."""
    previous = data.draw(kept(inputs)).restrict(inputs.visible)
    assert drawn(inputs, previous, config) == dense_random(inputs, previous, config)


@given(attention_inputs(max_keys=40, dtype=torch.float64), st.data(), VATTENTION)
def test_vattention_draws_what_sorting_all_numbers_gives(
    inputs: AttentionInputs, data: st.DataObject, config: VAttentionConfig
) -> None:
    """The same base sample and the same number of keys beyond it, so that every probability is the same."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    assert drawn(inputs, previous, config) == dense_vattention(inputs, previous, config)


@settings(max_examples=40)
@given(long_inputs(), st.data(), VATTENTION)
def test_vattention_draws_the_same_from_long_rows(
    inputs: AttentionInputs, data: st.DataObject, config: VAttentionConfig
) -> None:
    """Where a threshold stands for sorting, and the order is asked for once or twice."""
    previous = data.draw(kept(inputs)).restrict(inputs.visible)
    assert drawn(inputs, previous, config) == dense_vattention(inputs, previous, config)


@pytest.mark.parametrize("config", [RandomConfig(share_kv_group=True), VAttentionConfig(share_kv_group=True)])
def test_a_group_has_one_row_of_indices(config: Any) -> None:
    """What a group shares is stored once: rows of index form, one a KV head."""
    random = torch.Generator().manual_seed(0)
    queries, keys = torch.randn(1, 4, 1, 8, generator=random), torch.randn(1, 2, 5000, 8, generator=random)
    inputs = AttentionInputs(queries, keys, keys)
    previous = Mask.from_indices(inputs.shape, torch.arange(30).reshape(1, 1, 1, 30))
    after = drawn(inputs, previous, config)
    assert after.representation == "index"
    assert after.index_rows().rows == (1, 2, 1)
