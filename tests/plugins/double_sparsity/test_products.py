"""Products with stored labels: those of what is stored, some keys after others, and of summed queries."""

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, AttentionState, KeyIndex, Mask, OpenUnits, TopKMasker
from sah_core.calibration.folder import DataOrigin, ModelOrigin, Provenance, save_calibration
from sah_core.testing import attention_inputs, masks
from sah_masker_double_sparsity import DoubleSparsityConfig
from sah_masker_double_sparsity.blocks import keys_at_once, products_in_blocks
from sah_masker_double_sparsity.labels import LabelCache, quantise, read_channels
from sah_masker_double_sparsity.masker import DoubleSparsity

BITS = st.sampled_from([1, 2, 3, 4, 7, 8, 9, 15, 16])


class ByHead(DoubleSparsity):
    """Every query head's logits of every key, summed: what the product with the summed queries has to give."""

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        return TopKMasker.group_scores(self, inputs, index, candidates)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], str]:
    """For each number of KV heads and width a folder with a shuffled list a head, for layer 0."""
    random = torch.Generator().manual_seed(0)
    found = {}
    for heads in (1, 2):
        for width in (1, 4):
            ranked = torch.stack([torch.randperm(width, generator=random) for _ in range(heads)])
            model = ModelOrigin(name="t", fingerprint="0", layers=1, query_heads=heads, kv_heads=heads, head_dim=width)
            data = DataOrigin(file="t", sha256="0", block=1, blocks=1, passes=1, tokens=1)
            origin = Provenance(
                kind="double_sparsity", config={}, settings={}, model=model, data=data, versions={}, measures={}
            )
            found[heads, width] = str(tmp_path_factory.mktemp("lists"))
            save_calibration(found[heads, width], {"channels": {0: ranked}}, origin)
    return found


def cached(keys: Tensor, channels: Tensor, bits: int) -> tuple[LabelCache, Tensor]:
    """A label cache of these keys, and the labels zero + scale code, (b, hkv, n, r)."""
    cache = LabelCache(channels, bits)
    cache.fit(keys)
    labels = read_channels(keys, channels)
    if bits < 16:
        codes, scale, zero = quantise(labels, bits)
        labels = zero.double() + scale.double() * codes
    return cache, labels


@given(
    BITS,
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 5),
    st.sampled_from([torch.bfloat16, torch.float32]),
    st.integers(0, 2**16),
)
def test_products_are_those_with_the_labels(
    bits: int, r: int, n: int, rows: int, dtype: torch.dtype, seed: int
) -> None:
    """For any number of channels, whether or not they fill their last byte."""
    random = torch.Generator().manual_seed(seed)
    keys = torch.randn(2, 2, n, 9, generator=random).to(dtype)
    channels = torch.stack([torch.randperm(9, generator=random)[:r] for _ in range(2)])
    cache, labels = cached(keys, channels, bits)
    queries = torch.randn(2, 2, rows, r, generator=random, dtype=torch.float64)
    torch.testing.assert_close(cache.products(queries), queries @ labels.double().mT)


@pytest.mark.parametrize("bits", [2, 4, 16])
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_do_not_show(bits: int, extra: int) -> None:
    """Keys that fill two blocks, one fewer and one more: every key is multiplied, each once."""
    n = 2 * keys_at_once((1, 8, 128)) + extra
    keys = torch.randn(1, 8, n, 128, generator=torch.Generator().manual_seed(0))
    cache, labels = cached(keys, torch.arange(128).expand(8, 128), bits)
    queries = torch.randn(1, 8, 1, 128, dtype=torch.float64)
    torch.testing.assert_close(cache.products(queries), queries @ labels.double().mT)
    torch.testing.assert_close(products_in_blocks(queries, keys.mT), queries @ keys.double().mT)


def test_no_keys() -> None:
    """Nothing to multiply with: no products."""
    assert products_in_blocks(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 4, 0)).shape == (1, 2, 3, 0)


@given(
    inputs=attention_inputs(max_keys=20, dtype=torch.float64, head_dims=(1, 4)),
    budget=st.sampled_from([1, 4, 0.4]),
    calibrated=st.booleans(),
    data=st.data(),
)
def test_a_group_selects_what_its_heads_sum_to(
    folders: dict[tuple[int, int], str],
    inputs: AttentionInputs,
    budget: int | float,
    calibrated: bool,
    data: st.DataObject,
) -> None:
    """The same mask from the product with the summed queries as from the sum of the heads' logits.

    Under every mask, whatever is certain before, with a state. Keys and queries are whole numbers and the label is the
    key, so that no product is rounded: equal sums are equal both ways. But for a bias, whose multiples are.
    """
    inputs = attrs.evolve(inputs, queries=inputs.queries.round(), keys=inputs.keys.round(), shared={})
    bias = inputs.additive_mask
    if bias is not None:
        whole = bias.clamp(min=-4).round().masked_fill(~inputs.visible, -torch.inf)
        inputs = attrs.evolve(inputs, attention_mask=whole, shared={})
    width, previous = inputs.keys.shape[3], data.draw(masks(shape=inputs.shape, probabilities=(1.0, 0.5)))
    config = DoubleSparsityConfig(
        budget=budget,
        group_factor=data.draw(st.sampled_from([1, width])),
        label_bits=16,
        channels=folders[inputs.kv_heads, width] if calibrated else "online",
        share_kv_group=True,
    )
    state = AttentionState(data.draw(st.integers(1, inputs.shape[3])))
    remembering = attrs.evolve(inputs, state=state, shared={})
    assert DoubleSparsity(config).add_mask(remembering, previous) == ByHead(config).add_mask(inputs, previous)


def test_each_head_keeps_its_mask() -> None:
    """Keys 1 and 5 under a mask that hides the second from one head of two: it is not chosen for both."""
    keys = torch.tensor([1.0, 5.0]).reshape(1, 1, 2, 1)
    seen = torch.tensor([[True, True], [True, False]]).reshape(1, 2, 1, 2)
    inputs = AttentionInputs(torch.ones(1, 2, 1, 1), keys, keys, seen)
    masker = DoubleSparsity(DoubleSparsityConfig(budget=1, group_factor=1, share_kv_group=True))
    scores = masker.group_scores(inputs, None, OpenUnits((1, 2, 1), 2, None, seen))
    assert scores.flatten().tolist() == [2.0, -torch.inf]


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("share", [False, True])
def test_queries_and_keys_that_need_gradients(
    folders: dict[tuple[int, int], str], calibrated: bool, share: bool
) -> None:
    """The selection is the same, and the label cache holds no graph: it may be asked again and again."""
    random = torch.Generator().manual_seed(0)
    keys, queries = torch.randn(1, 2, 40, 4, generator=random), torch.randn(1, 4, 1, 4, generator=random)
    channels = folders[2, 4] if calibrated else "online"
    masker = DoubleSparsity(DoubleSparsityConfig(budget=5, group_factor=2, channels=channels, share_kv_group=share))
    learning = AttentionInputs(
        queries.clone().requires_grad_(), keys.clone().requires_grad_(), keys, state=AttentionState()
    )
    plain = AttentionInputs(queries, keys, keys)
    for _ in range(2):
        assert masker.add_mask(learning, Mask.empty(plain.shape)) == masker.add_mask(plain, Mask.empty(plain.shape))


def test_a_bias_counts_once_a_head() -> None:
    """Keys 0 and 1 with biases 1.5 and 0, two heads: 2 * 1.5 = 3 and 2 * 1 = 2."""
    keys = torch.tensor([0.0, 1.0]).reshape(1, 1, 2, 1)
    bias = torch.tensor([1.5, 0.0]).reshape(1, 1, 1, 2)
    inputs = AttentionInputs(torch.ones(1, 2, 1, 1), keys, keys, bias)
    masker = DoubleSparsity(DoubleSparsityConfig(budget=1, group_factor=1, share_kv_group=True))
    candidates = OpenUnits((1, 2, 1), 2, None, torch.ones(1, 1, 1, 2, dtype=torch.bool))
    assert masker.group_scores(inputs, None, candidates).flatten().tolist() == [3.0, 2.0]
