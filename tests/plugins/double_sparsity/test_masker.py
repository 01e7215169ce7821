"""Double Sparsity: what it selects, what it stores, and which calibrations it refuses."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    AttentionState,
    CalibrationError,
    InputsError,
    Mask,
    NumericalError,
    create_masker,
    masked_attention,
)
from sah_core.calibration.folder import DataOrigin, ModelOrigin, Provenance, save_calibration
from sah_core.testing import attention_inputs
from sah_masker_double_sparsity.labels import LabelCache, quantise

BITS = st.sampled_from([1, 2, 3, 4, 7, 8, 9, 15, 16])


def saved(folder: Path, layers: dict[int, Tensor], kind: str = "double_sparsity") -> str:
    """A calibration folder with these lists, (hkv, d) a layer."""
    kv_heads, width = next(iter(layers.values())).shape
    model = ModelOrigin(
        name="tiny", fingerprint="0" * 16, layers=4, query_heads=kv_heads, kv_heads=kv_heads, head_dim=width
    )
    data = DataOrigin(file="text.jsonl", sha256="0" * 64, block=8, blocks=1, passes=1, tokens=8)
    provenance = Provenance(kind=kind, config={}, settings={}, model=model, data=data, versions={}, measures={})
    save_calibration(folder, {"channels": layers}, provenance)
    return str(folder)


@pytest.fixture(scope="session")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], str]:
    """For each number of KV heads and width a folder with a shuffled list a head, for layer 0."""
    random = torch.Generator().manual_seed(0)
    return {
        (heads, width): saved(
            tmp_path_factory.mktemp("lists"),
            {0: torch.stack([torch.randperm(width, generator=random) for _ in range(heads)])},
        )
        for heads in (1, 2)
        for width in (1, 2, 4, 8)
    }


def selected(inputs: AttentionInputs, previous: Mask | None = None, **config: Any) -> Mask:
    masker = create_masker({"kind": "double_sparsity", **config})
    return masker.add_mask(inputs, Mask.empty(inputs.shape) if previous is None else previous)


def kept(mask: Mask, head: int = 0) -> list[int]:
    return mask.to_dense()[0, head, 0].nonzero().flatten().tolist()


def of_keys(queries: list[list[float]], keys: list[list[float]], **options: Any) -> AttentionInputs:
    """One query a head, one KV head."""
    k = torch.tensor(keys).reshape(1, 1, len(keys), -1)
    return AttentionInputs(torch.tensor(queries).reshape(1, len(queries), 1, -1), k, k, scaling=1.0, **options)


def labels_of(cache: LabelCache, b: int, dtype: torch.dtype) -> Tensor:
    """What is stored, (b, hkv, n, r): the products with the unit vectors."""
    kv_heads, r = cache.channels.shape
    return cache.products(torch.eye(r, dtype=dtype).expand(b, kv_heads, r, r)).mT


@given(inputs=attention_inputs(), budget=st.sampled_from([1, 3, 0.4, 1.0]), calibrated=st.booleans())
def test_all_channels_unquantised_are_the_oracle(
    lists: dict[tuple[int, int], str], inputs: AttentionInputs, budget: float, calibrated: bool
) -> None:
    """group_factor 1 and label_bits 16 select exactly what the exact logits do, bias and softcap included."""
    folder = lists[inputs.kv_heads, inputs.keys.shape[3]] if calibrated else "online"
    mask = selected(inputs, budget=budget, group_factor=1, label_bits=16, channels=folder)
    assert mask == create_masker({"kind": "oracle_top_k", "budget": budget}).add_mask(inputs, Mask.empty(inputs.shape))


@given(st.integers(0, 2**16), st.sampled_from([2, 4]), st.booleans())
def test_keys_that_are_zero_outside_the_heavy_channels_are_ranked_exactly(
    tmp_path_factory: pytest.TempPathFactory, seed: int, factor: int, calibrated: bool
) -> None:
    """Nothing is lost with the channels left out: the oracle's selection."""
    random = torch.Generator().manual_seed(seed)
    heavy = torch.randperm(8, generator=random)
    queries, keys = (torch.randn(1, 2, n, 8, generator=random) for n in (2, 20))
    light = heavy[8 // factor :]
    keys[..., light] = 0.0
    folder = "online"
    if calibrated:
        folder = saved(tmp_path_factory.mktemp("heavy"), {0: heavy.expand(2, 8)})
    else:
        queries[..., heavy[: 8 // factor]] *= 1000
    inputs = AttentionInputs(queries.double(), keys.double(), keys.double())
    mask = selected(inputs, budget=5, group_factor=factor, label_bits=16, channels=folder)
    assert mask == create_masker({"kind": "oracle_top_k", "budget": 5}).add_mask(inputs, Mask.empty(inputs.shape))


def test_online_by_hand() -> None:
    """A query (1, -3) has its heavy channel at 1: keys by -3 k_1, whatever stands in channel 0."""
    inputs = of_keys([[1.0, -3.0]], [[9.0, 1.0], [0.0, -1.0], [99.0, 0.0]])
    assert kept(selected(inputs, budget=1, group_factor=2)) == [1]
    assert kept(selected(inputs, budget=2, group_factor=2)) == [1, 2]


def test_equal_channels_go_to_the_lower_one() -> None:
    """A query (2, -2) reads channel 0."""
    inputs = of_keys([[2.0, -2.0]], [[1.0, -9.0], [2.0, 0.0]])
    assert kept(selected(inputs, budget=1, group_factor=2)) == [1]


def test_a_group_chooses_its_channels_together() -> None:
    """Heads (3, 2) and (0, 2) read channel 0 and 1 alone; together channel 1, 4 to 3, and key 1."""
    inputs = of_keys([[3.0, 2.0], [0.0, 2.0]], [[5.0, 0.0], [0.0, 1.0]])
    own = selected(inputs, budget=1, group_factor=2)
    shared = selected(inputs, budget=1, group_factor=2, share_kv_group=True)
    assert (kept(own, 0), kept(own, 1)) == ([0], [1])
    assert (kept(shared, 0), kept(shared, 1)) == ([1], [1])


def test_calibrated_by_hand(tmp_path: Path) -> None:
    """The list names channel 0, which the query hardly uses: keys by .1 k_0."""
    folder = saved(tmp_path, {0: torch.tensor([[0, 1]])})
    inputs = of_keys([[0.1, -3.0]], [[9.0, 1.0], [0.0, -1.0], [99.0, 0.0]])
    assert kept(selected(inputs, budget=1, group_factor=2, channels=folder)) == [2]
    assert kept(selected(inputs, budget=2, group_factor=2, channels=folder)) == [0, 2]


def test_the_additive_mask_counts(tmp_path: Path) -> None:
    """Labels 1, 2, 3 with biases 0, 5, 0: key 1, as attention would have it."""
    folder = saved(tmp_path, {0: torch.tensor([[0, 1]])})
    keys = [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]
    inputs = of_keys([[1.0, 1.0]], keys, attention_mask=torch.tensor([0.0, 5.0, 0.0]).reshape(1, 1, 1, 3))
    for channels in (folder, "online"):
        assert kept(selected(inputs, budget=1, group_factor=2, channels=channels)) == [1]


def test_each_layer_and_kv_head_has_its_own_channels(tmp_path: Path) -> None:
    """One masker, two layers, two KV heads: four lists, four different keys."""
    folder = saved(
        tmp_path, {0: torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3]]), 5: torch.tensor([[2, 0, 1, 3], [3, 0, 1, 2]])}
    )
    masker = create_masker({"kind": "double_sparsity", "budget": 1, "group_factor": 4, "channels": folder})
    keys = torch.eye(4).expand(1, 2, 4, 4)
    for layer, expected in ((0, [0, 1]), (5, [2, 3]), (0, [0, 1])):
        inputs = AttentionInputs(torch.ones(1, 2, 1, 4), keys, keys, layer_idx=layer, state=AttentionState())
        mask = masker.add_mask(inputs, Mask.empty(inputs.shape))
        assert [kept(mask, head)[0] for head in (0, 1)] == expected


@given(
    st.integers(0, 2**16),
    BITS,
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
)
def test_keys_may_come_in_any_portions(seed: int, bits: int, dtype: torch.dtype, portions: list[int]) -> None:
    """fit(A), append(B), append(C) stores and reads the very same as fit of all at once."""
    random = torch.Generator().manual_seed(seed)
    keys = torch.randn(2, 2, sum(portions) + 1, 8, generator=random).to(dtype)
    channels = torch.tensor([[0, 3, 7], [1, 2, 5]])
    once, bit_by_bit = LabelCache(channels, bits), LabelCache(channels, bits)
    once.fit(keys)
    bit_by_bit.fit(keys[:, :, :1])
    for portion in portions:
        bit_by_bit.append(keys[:, :, bit_by_bit.length : bit_by_bit.length + portion])
    assert bit_by_bit.length == once.length == keys.shape[2]
    assert torch.equal(labels_of(bit_by_bit, 2, torch.float32), labels_of(once, 2, torch.float32))
    assert bit_by_bit.nbytes == once.nbytes


@given(st.integers(0, 2**16), BITS, st.integers(1, 12), st.integers(1, 12))
def test_truncating_forgets(seed: int, bits: int, length: int, more: int) -> None:
    """truncate(n) and other keys after it: as if the first ones had never been there."""
    random = torch.Generator().manual_seed(seed)
    keys = torch.randn(1, 1, length + more, 4, generator=random)
    other = torch.randn(1, 1, more, 4, generator=random)
    channels = torch.tensor([[0, 2]])
    cache, fresh = LabelCache(channels, bits), LabelCache(channels, bits)
    cache.fit(keys)
    cache.truncate(length)
    cache.append(other)
    fresh.fit(torch.cat([keys[:, :, :length], other], 2))
    assert cache.length == fresh.length
    assert torch.equal(labels_of(cache, 1, torch.float64), labels_of(fresh, 1, torch.float64))
    assert cache.nbytes == fresh.nbytes


@given(st.integers(1, 15), st.integers(0, 2**16))
def test_what_is_stored_is_read(bits: int, seed: int) -> None:
    """Zero + scale code of the heavy channels."""
    keys = torch.randn(1, 2, 5, 4, generator=torch.Generator().manual_seed(seed))
    cache = LabelCache(torch.tensor([[1, 3], [0, 1]]), bits)
    cache.fit(keys)
    for head, channels in enumerate(([1, 3], [0, 1])):
        codes, scale, zero = quantise(keys[0, head][:, channels], bits)
        expected = zero.double() + scale.double() * codes
        torch.testing.assert_close(labels_of(cache, 1, torch.float64)[0, head], expected)


@given(inputs=attention_inputs(max_keys=10), bits=BITS, data=st.data())
def test_token_by_token_selects_what_one_call_does(
    lists: dict[tuple[int, int], str], inputs: AttentionInputs, bits: int, data: st.DataObject
) -> None:
    """The mask of a call does not depend on how the keys before it reached the state."""
    k, q = inputs.shape[3], inputs.shape[2]
    config = {
        "kind": "double_sparsity",
        "budget": 2,
        "group_factor": 1,
        "label_bits": bits,
        "channels": lists[inputs.kv_heads, inputs.keys.shape[3]],
    }
    masker = create_masker(config)
    context = data.draw(st.integers(1, k))
    state = AttentionState(context)
    for seen in range(1, k - q + 1):
        part = (inputs.queries[:, :, -1:], inputs.keys[:, :, :seen], inputs.values[:, :, :seen])
        before = AttentionInputs(*part, key_offset=inputs.key_offset, state=state)
        masker.add_mask(before, Mask.empty(before.shape))
    options: dict[str, Any] = {
        "attention_mask": inputs.attention_mask,
        "key_offset": inputs.key_offset,
        "softcap": inputs.softcap,
    }
    tensors = (inputs.queries, inputs.keys, inputs.values)
    grown, fresh = (AttentionInputs(*tensors, state=held, **options) for held in (state, None))
    assert masker.add_mask(grown, Mask.empty(grown.shape)) == masker.add_mask(fresh, Mask.empty(fresh.shape))


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(1, 16 * 1 + 32), (2, 16 * 2 + 32), (4, 16 * 4 + 32), (8, 16 * 8 + 32), (12, 16 * 16 + 32), (16, 16 * 16)],
)
def test_bits_of_a_token(tmp_path: Path, bits: int, expected: int) -> None:
    """bfloat16, d = 128, group_factor 8: 16 channels of so many bits, and 2 x 16 for scale and zero point."""
    folder = saved(tmp_path, {0: torch.arange(128).expand(2, 128)})
    masker = create_masker({"kind": "double_sparsity", "label_bits": bits, "channels": folder})
    state, sizes = AttentionState(), []
    for n in (1, 11):
        keys = torch.zeros(1, 2, n, 128, dtype=torch.bfloat16)
        inputs = AttentionInputs(keys[:, :, :1], keys, keys, state=state)
        masker.add_mask(inputs, Mask.empty(inputs.shape))
        sizes.append(state.nbytes)
    assert (sizes[1] - sizes[0]) * 8 == expected * 2 * 10


def test_online_stores_nothing() -> None:
    """Without a label cache the state stays empty."""
    state = AttentionState()
    inputs = AttentionInputs(torch.ones(1, 1, 1, 8), torch.ones(1, 1, 4, 8), torch.ones(1, 1, 4, 8), state=state)
    selected(inputs, budget=1)
    assert state.nbytes == 0


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_group_factor_that_does_not_divide_is_refused(tmp_path: Path, calibrated: bool) -> None:
    """Eight into a head dimension of 12."""
    folder = saved(tmp_path, {0: torch.arange(12).expand(1, 12)}) if calibrated else "online"
    inputs = AttentionInputs(torch.ones(1, 1, 1, 12), torch.ones(1, 1, 4, 12), torch.ones(1, 1, 4, 12))
    with pytest.raises(InputsError, match="group_factor 8 does not divide the head dimension 12"):
        selected(inputs, channels=folder)


def test_calibrations_that_do_not_fit(tmp_path: Path) -> None:
    """A folder that is missing, another masker's or damaged; a model with other heads, dimension or layers."""
    with pytest.raises(CalibrationError, match="there is no calibration"):
        create_masker({"kind": "double_sparsity", "channels": str(tmp_path / "nowhere")})
    with pytest.raises(CalibrationError, match="'pqcache', not of 'double_sparsity'"):
        selected(of_keys([[1.0]], [[1.0]]), channels=saved(tmp_path / "foreign", {0: torch.zeros(1, 8)}, "pqcache"))
    folder = saved(tmp_path / "own", {0: torch.arange(8).expand(2, 8)})
    keys = torch.ones(1, 2, 3, 8)
    masker = create_masker({"kind": "double_sparsity", "channels": folder})
    for wrong, layer, message in (
        (keys[:, :1], 0, r"shape \(2, 8\) for layer 0, and this model and config need \(1, 8\)"),
        (torch.ones(1, 2, 3, 16), 0, r"need \(2, 16\)"),
        (keys, 1, "has no channels for layer 1"),
    ):
        inputs = AttentionInputs(wrong[:, :, :1], wrong, wrong, layer_idx=layer)
        with pytest.raises(CalibrationError, match=message):
            masker.add_mask(inputs, Mask.empty(inputs.shape))
    tensors = tmp_path / "own" / "calibration.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\1")
    with pytest.raises(CalibrationError, match="calibrate again"):
        create_masker({"kind": "double_sparsity", "channels": folder})


def test_the_masker_keeps_its_calibration_through_pickling(tmp_path: Path) -> None:
    """The copy selects the same when the folder is gone, and names the model it was made of."""
    folder = saved(tmp_path / "here", {0: torch.tensor([[1, 0]])})
    masker = create_masker({"kind": "double_sparsity", "budget": 1, "group_factor": 2, "channels": folder})
    (tmp_path / "here").rename(tmp_path / "there")
    copy = pickle.loads(pickle.dumps(masker))
    inputs = of_keys([[1.0, 1.0]], [[5.0, 0.0], [0.0, 1.0]])
    assert kept(copy.add_mask(inputs, Mask.empty(inputs.shape))) == [1]
    assert copy.calibration.provenance.model.fingerprint == "0" * 16


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_nan_key_is_an_error_when_it_is_attended(tmp_path: Path, calibrated: bool) -> None:
    """It spoils no other key's label; attention refuses it if it is selected."""
    folder = saved(tmp_path, {0: torch.tensor([[0, 1]])}) if calibrated else "online"
    inputs = of_keys([[1.0, 0.0]], [[1.0, 0.0], [float("nan"), 0.0], [3.0, 0.0]])
    config: dict[str, Any] = {"budget": 1.0, "group_factor": 2, "channels": folder}
    with pytest.raises(NumericalError, match="NaN"):
        masked_attention(inputs, selected(inputs, **config))
    hidden = of_keys(
        [[1.0, 0.0]],
        [[1.0, 0.0], [float("nan"), 0.0], [3.0, 0.0]],
        attention_mask=torch.tensor([True, False, True]).reshape(1, 1, 1, 3),
    )
    assert kept(selected(hidden, **{**config, "budget": 1})) == [2]
