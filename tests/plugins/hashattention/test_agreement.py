"""Agreeing bits, counted or looked up byte by byte: exactly the sums of products of signs."""

import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    AttentionState,
    CalibrationError,
    KeyIndex,
    Mask,
    OpenUnits,
    TopKMasker,
    load_calibration,
)
from sah_core.calibration.folder import DataOrigin, ModelOrigin, Provenance, save_calibration
from sah_core.testing import attention_inputs, masks
from sah_masker_hashattention import HashAttentionConfig
from sah_masker_hashattention.agreement import agreement
from sah_masker_hashattention.masker import HashAttention
from sah_masker_hashattention.networks import Networks
from sah_masker_hashattention.signatures import pack_bits
from sah_masker_hashattention.training import Training

pytestmark = pytest.mark.usefixtures("reader")


class ByHead(HashAttention):
    """Every query head's score of every key, summed: what one row of look-ups has to give."""

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        return TopKMasker.group_scores(self, inputs, index, candidates)


def saved(folder: Path, d: int, heads: int, kv_heads: int, bits: int = 5) -> str:
    parameters = Training.start([d, 3, bits], heads, kv_heads, torch.Generator().manual_seed(0)).parameters
    model = ModelOrigin(name="t", fingerprint="0", layers=1, query_heads=heads, kv_heads=kv_heads, head_dim=d)
    data = DataOrigin(file="t", sha256="0", block=1, blocks=1, passes=1, tokens=1)
    origin = Provenance(kind="hashattention", config={}, settings={}, model=model, data=data, versions={}, measures={})
    save_calibration(folder, {name: {0: tensor} for name, tensor in parameters.items()}, origin)
    return str(folder)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int, int], str]:
    """Networks of 5 bits for every d, heads and KV heads that `attention_inputs` draws."""
    return {
        (d, g * kv_heads, kv_heads): saved(tmp_path_factory.mktemp("networks"), d, g * kv_heads, kv_heads)
        for kv_heads in (1, 2)
        for g in (1, 2, 3)
        for d in (1, 2, 4)
    }


def kept_among_others(packed: Tensor, room: int) -> Tensor:
    """The same bytes as an index holds them that has room for more keys."""
    return torch.nn.functional.pad(packed, (0, room), value=255)[..., : packed.shape[3]]


def sums_of_products(queries: Tensor, keys: Tensor) -> Tensor:
    """What `agreement` is to give, of bits (b, hkv, rows, heads, B) and (b, hkv, n, B), as int64."""
    return (queries * 2 - 1).sum(3) @ (keys * 2 - 1).mT


@given(
    st.integers(1, 64),
    st.sampled_from([1, 3, 4, 9, 1100]),
    st.integers(1, 6),
    st.integers(0, 9),
    st.integers(0, 3),
    st.integers(0, 2**16),
)
def test_it_is_the_sum_of_products_of_signs(bits: int, heads: int, rows: int, n: int, room: int, seed: int) -> None:
    """For any bits, heads that are summed and rows: one, two or four rows to an int32, with as many as do not fit."""
    random = torch.Generator().manual_seed(seed)
    queries = torch.randint(2, (2, 2, rows, heads, bits), generator=random)
    keys = torch.randint(2, (2, 2, n, bits), generator=random)
    found = agreement(queries.bool(), kept_among_others(pack_bits(keys.bool()).transpose(2, 3), room))
    assert found.dtype == torch.float32
    assert torch.equal(found.long(), sums_of_products(queries, keys))


@pytest.mark.parametrize("n", [4095, 4096, 4097, 9000])
def test_many_keys(n: int) -> None:
    """Any number of keys, whether or not it is what a loop takes at once; 11 bits leave 5 of a byte unused."""
    random = torch.Generator().manual_seed(n)
    queries = torch.randint(2, (1, 2, 3, 2, 11), generator=random)
    keys = torch.randint(2, (1, 2, n, 11), generator=random)
    found = agreement(queries.bool(), kept_among_others(pack_bits(keys.bool()).transpose(2, 3), n // 2))
    assert torch.equal(found.long(), sums_of_products(queries, keys))


def test_extremes_by_hand() -> None:
    """64 bits of 4 heads, all alike or all different: 256 and -256, which a byte could not count."""
    bits = torch.tensor([True, False]).reshape(1, 1, 2, 1, 1).expand(1, 1, 2, 4, 64)
    keys = pack_bits(torch.ones(1, 1, 1, 64, dtype=torch.bool)).transpose(2, 3)
    assert agreement(bits, keys).flatten().tolist() == [256.0, -256.0]


@given(inputs=attention_inputs(max_keys=20), budget=st.sampled_from([1, 4, 0.4]), data=st.data())
def test_a_group_selects_what_its_heads_sum_to(
    folders: dict[tuple[int, int, int], str], inputs: AttentionInputs, budget: int | float, data: st.DataObject
) -> None:
    """The same mask from the summed signatures as from the sum of scores, whatever is certain before; with a state."""
    _, heads, _, k = inputs.shape
    folder = folders[inputs.keys.shape[3], heads, inputs.kv_heads]
    config = HashAttentionConfig(weights=folder, bits=5, budget=budget, share_kv_group=True)
    previous = data.draw(masks(shape=inputs.shape, probabilities=(1.0, 0.5)))
    state = AttentionState(data.draw(st.integers(1, k)))
    one, other = (
        AttentionInputs(
            inputs.queries,
            inputs.keys,
            inputs.values,
            inputs.attention_mask,
            key_offset=inputs.key_offset,
            padding=inputs.padding,
            state=held,
        )
        for held in (state, None)
    )
    assert HashAttention(config).add_mask(one, previous) == ByHead(config).add_mask(other, previous)


def test_networks_are_converted_once(tmp_path: Path, reader: str) -> None:
    """The second call of a layer gets what the first did; a copy of the masker makes its own.

    In float64 for torch; loops read what was saved, float32, as it is.
    """
    folder = saved(tmp_path, 4, 2, 1)
    networks = Networks(load_calibration(folder, "hashattention"), 5)
    first = networks.of("query", 0, 2, 4, torch.device("cpu"))
    assert networks.of("query", 0, 2, 4, torch.device("cpu")) is first
    dtype = torch.float32 if reader == "compiled" else torch.float64
    assert all(tensor.dtype == dtype for layer in first for tensor in layer)
    size = len(pickle.dumps(Networks(load_calibration(folder, "hashattention"), 5)))
    assert len(pickle.dumps(networks)) == size
    again = pickle.loads(pickle.dumps(networks)).of("query", 0, 2, 4, torch.device("cpu"))
    assert all(torch.equal(a, b) for one, two in zip(first, again, strict=True) for a, b in zip(one, two, strict=True))


def test_a_calibration_that_does_not_fit_is_refused_after_one_that_does(tmp_path: Path) -> None:
    """What was found for one width is no answer for another."""
    networks = Networks(load_calibration(saved(tmp_path, 4, 2, 1), "hashattention"), 5)
    assert networks.of("query", 0, 2, 4, torch.device("cpu"))[0][0].shape == (2, 4, 3)
    with pytest.raises(CalibrationError, match=r"need \(2, 2, 3\)"):
        networks.of("query", 0, 2, 2, torch.device("cpu"))


@pytest.mark.parametrize("share", [False, True])
def test_queries_and_keys_that_need_gradients(tmp_path: Path, share: bool) -> None:
    """The selection is the same, and the index holds no graph: it may be asked again and again."""
    random = torch.Generator().manual_seed(0)
    keys, queries = torch.randn(1, 1, 40, 4, generator=random), torch.randn(1, 2, 1, 4, generator=random)
    config = HashAttentionConfig(weights=saved(tmp_path, 4, 2, 1), bits=5, budget=5, share_kv_group=share)
    masker = HashAttention(config)
    learning = AttentionInputs(
        queries.clone().requires_grad_(), keys.clone().requires_grad_(), keys, state=AttentionState()
    )
    plain = AttentionInputs(queries, keys, keys)
    for _ in range(2):
        assert masker.add_mask(learning, Mask.empty(plain.shape)) == masker.add_mask(plain, Mask.empty(plain.shape))
