"""What the efficient backend must always give: the output of the maths, from the attended keys alone."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, EmptyRowError, Mask, masked_attention
from sah_core.attention import key_rows
from sah_core.attention.dense import dense_attention
from sah_core.attention.gathered import gathered_attention
from sah_core.testing import attention_inputs, masks

Attend = Callable[[AttentionInputs, Mask], Tensor]


def gathered(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The output alone."""
    return gathered_attention(inputs, mask)[0]


both_ways = pytest.mark.parametrize("attend", [gathered, dense_attention])


def like_the_maths(attend: Attend, inputs: AttentionInputs, mask: Mask) -> None:
    """The same output within rounding, or the same error for the same row."""
    expected, refused = outcome(masked_attention, inputs, mask)
    found, said = outcome(attend, attrs.evolve(inputs, shared={}), mask)
    assert said == refused
    if expected is not None and found is not None:
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)


def outcome(attend: Attend, inputs: AttentionInputs, mask: Mask) -> tuple[Tensor | None, str | None]:
    """The output, or what was said of a row without keys."""
    try:
        return attend(inputs, mask), None
    except EmptyRowError as error:
        return None, str(error)


@both_ways
@given(attention_inputs(dtype=torch.float64), st.data())
def test_any_mask_gives_what_the_maths_says(attend: Attend, inputs: AttentionInputs, data: st.DataObject) -> None:
    """Masks however stored, with probabilities, over padding, biases, sinks and soft caps, and of keys not visible."""
    like_the_maths(attend, inputs, data.draw(masks(inputs.shape)))


@both_ways
@given(attention_inputs(max_keys=30, dtype=torch.float64), st.data(), st.integers(1, 7))
def test_keys_are_read_a_few_at_a_time(
    attend: Attend, inputs: AttentionInputs, data: st.DataObject, at_once: int
) -> None:
    """However few keys are gathered together, within a set and across sets, the output is the same."""
    mask = data.draw(masks(inputs.shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_rows, "KEYS_AT_ONCE", at_once)
        like_the_maths(attend, inputs, mask)


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "projection split into heads": lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
    "channels first": lambda x: x.mT.contiguous().mT,
    "slice of a longer cache": lambda x: torch.nn.functional.pad(x, (0, 0, 3, 5))[:, :, 3:-5],
    "every second of a tensor": lambda x: x.repeat_interleave(2, 2)[:, :, ::2],
    "part of wider rows": lambda x: torch.nn.functional.pad(x, (1, 2))[..., 1:-2],
    "one batch row for all": lambda x: x[:1].expand(x.shape),
    "one head for all": lambda x: x[:, :1].expand(x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@given(attention_inputs(dtype=torch.float64), st.data())
def test_any_layout_of_keys_and_values(
    layout: Callable[[Tensor], Tensor], inputs: AttentionInputs, data: st.DataObject
) -> None:
    """However keys and values lie in memory, each of them by itself, the output is the same."""
    values = layout(inputs.values) if data.draw(st.booleans()) else inputs.values
    changed = attrs.evolve(inputs, keys=layout(inputs.keys), values=values, shared={})
    like_the_maths(gathered, changed, data.draw(masks(inputs.shape)))


@both_ways
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 2e-2), (torch.float16, 3e-3)])
def test_sixteen_bits(attend: Attend, dtype: torch.dtype, tolerance: float) -> None:
    """Read in 16 bits, computed in float32: the error is that of the rounded output."""
    torch.manual_seed(0)
    queries, keys, values = (torch.randn(2, h, n, 16).to(dtype) for h, n in ((4, 3), (2, 50), (2, 50)))
    inputs = AttentionInputs(queries, keys, values)
    mask = Mask.from_dense((torch.rand(inputs.shape) < 0.4).float() * 0.5)
    exact = masked_attention(AttentionInputs(queries.double(), keys.double(), values.double()), mask)
    found = attend(inputs, mask)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), exact, rtol=tolerance, atol=tolerance)


@both_ways
@pytest.mark.parametrize("trained", [(0,), (1,), (2,), (0, 1, 2)], ids=["queries", "keys", "values", "all"])
def test_gradients_are_those_of_the_maths(
    attend: Attend, trained: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sparse attention can be trained through: to any of queries, keys and values, as by the full product."""
    monkeypatch.setattr(key_rows, "KEYS_AT_ONCE", 7)  # so that memory would be written to again
    torch.manual_seed(0)
    parts = [torch.randn(1, h, n, 8, dtype=torch.float64) for h, n in ((4, 2), (2, 20), (2, 20))]
    wanted = [parts[place].requires_grad_() for place in trained]
    mask = Mask.from_dense((torch.rand(1, 4, 2, 20) < 0.5).float() * 0.25)
    found, expected = (
        torch.autograd.grad(way(AttentionInputs(parts[0], parts[1], parts[2]), mask).sum(), wanted)
        for way in (attend, masked_attention)
    )
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


@both_ways
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_broken_key_outside_the_mask_has_no_influence(attend: Attend, wrong: float) -> None:
    """Keys and values that are not attended to may hold anything, also where rows are padded to the longest."""
    keys = torch.ones(1, 1, 4, 2)
    keys[0, 0, [0, 3]] = wrong
    inputs = AttentionInputs(torch.ones(1, 2, 1, 2), keys, keys.clone())
    mask = Mask.from_indices(
        inputs.shape, torch.tensor([[[[1, 2]], [[2, 0]]]]), counts=torch.tensor([[[2], [1]]], dtype=torch.int64)
    )
    assert attend(inputs, mask).flatten().tolist() == [1.0, 1.0, 1.0, 1.0]


def dropped(attend: Attend, **options: Any) -> Tensor:
    torch.manual_seed(3)
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 4000, 1), torch.ones(1, 1, 4000, 1), **options)
    return attend(inputs, Mask.full(inputs.shape))


@both_ways
def test_dropout_falls_on_the_weights(attend: Attend) -> None:
    """Of 4000 equal keys a quarter is dropped and the rest scaled up: the output is 1 but for the draw's noise."""
    assert float(dropped(attend)) == pytest.approx(1.0, abs=1e-4)
    with_dropout = float(dropped(attend, dropout=0.25))
    assert with_dropout != pytest.approx(1.0, abs=1e-4)
    assert with_dropout == pytest.approx(1.0, abs=5 * (0.25 / 0.75 / 4000) ** 0.5)
