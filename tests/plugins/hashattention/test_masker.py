"""HashAttention: its score, what it selects, and which calibrations it refuses."""

import pickle
from collections.abc import Mapping
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
    ConfigError,
    Mask,
    NumericalError,
    create_masker,
    masked_attention,
)
from sah_core.calibration.folder import DataOrigin, ModelOrigin, Provenance, save_calibration
from sah_core.testing import attention_inputs
from sah_masker_hashattention import HashAttentionConfig
from sah_masker_hashattention.masker import HashAttention
from sah_masker_hashattention.training import Training


def saved(folder: Path, layers: Mapping[int, Mapping[str, Tensor]], kind: str = "hashattention") -> str:
    """A calibration folder with these tensors for each layer."""
    model = ModelOrigin(name="tiny", fingerprint="0" * 16, layers=4, query_heads=4, kv_heads=2, head_dim=8)
    data = DataOrigin(file="text.jsonl", sha256="0" * 64, block=8, blocks=1, passes=1, tokens=8)
    provenance = Provenance(kind=kind, config={}, settings={}, model=model, data=data, versions={}, measures={})
    tensors: dict[str, dict[int, Tensor]] = {}
    for layer, named in layers.items():
        for name, tensor in named.items():
            tensors.setdefault(name, {})[layer] = tensor
    save_calibration(folder, tensors, provenance)
    return str(folder)


def started(*widths: int, heads: int = 4, kv_heads: int = 2, seed: int = 0) -> dict[str, Tensor]:
    """Networks as training starts from: a query head's is its KV head's."""
    return Training.start(list(widths), heads, kv_heads, torch.Generator().manual_seed(seed)).parameters


def identity(width: int) -> dict[str, Tensor]:
    """Networks of one layer whose signature is the signs of the vector itself."""
    square, zero = torch.eye(width), torch.zeros(width)
    return {
        f"{name}.0.{part}": value.unsqueeze(0).clone()
        for name in ("query", "key")
        for part, value in (("weight", square), ("bias", zero))
    }


def masker_of(folder: str, **config: Any) -> HashAttention:
    return HashAttention(HashAttentionConfig(weights=folder, **config))


def kept(mask: Mask, head: int = 0) -> list[int]:
    return mask.to_dense()[0, head, 0].nonzero().flatten().tolist()


def added(masker: HashAttention, inputs: AttentionInputs, previous: Mask | None = None) -> Mask:
    return masker.add_mask(inputs, Mask.empty(inputs.shape) if previous is None else previous)


def scores(masker: HashAttention, inputs: AttentionInputs) -> Tensor:
    index = masker.create_index(inputs)
    assert index is not None
    index.fit(inputs.keys)
    return masker.scores(inputs, index)


def of_keys(query: list[float], keys: list[list[float]], **options: Any) -> AttentionInputs:
    """One query, one head."""
    k = torch.tensor(keys).reshape(1, 1, len(keys), -1)
    return AttentionInputs(torch.tensor(query).reshape(1, 1, 1, -1), k, k, **options)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int, int, int], str]:
    """Random networks for every number of heads and widths that `attention_inputs` draws, of 11 bits, for layer 0."""
    return {
        (heads, kv_heads, d, 11): saved(
            tmp_path_factory.mktemp("networks"), {0: started(d, 8, 11, heads=heads, kv_heads=kv_heads)}
        )
        for kv_heads in (1, 2)
        for heads in (kv_heads, 2 * kv_heads, 3 * kv_heads)
        for d in (1, 2, 4)
    }


def test_the_score_by_hand(tmp_path: Path) -> None:
    """Signs of the vectors themselves: query ++-, keys ++- (3 alike), +-- (2), --+ (none): scores 3, 1, -3."""
    masker = masker_of(saved(tmp_path, {0: identity(3)}), bits=3, budget=2)
    inputs = of_keys([1.0, 2.0, -1.0], [[-9.0, -9.0, 9.0], [0.1, -5.0, -1.0], [0.1, 0.1, -0.1]])
    assert scores(masker, inputs).flatten().tolist() == [-3.0, 1.0, 3.0]
    assert kept(added(masker, inputs)) == [1, 2]


def test_equal_scores_go_to_the_lower_position(tmp_path: Path) -> None:
    """Three keys with the query's signature, budget 2: the first two of them."""
    masker = masker_of(saved(tmp_path, {0: identity(2)}), bits=2, budget=2)
    assert kept(added(masker, of_keys([1.0, 1.0], [[1.0, -1.0], [1.0, 1.0], [2.0, 3.0], [9.0, 9.0]]))) == [1, 2]


def test_an_additive_mask_hides_and_does_not_rank(tmp_path: Path) -> None:
    """A bias of 5 on the worst key changes nothing; -inf on the best hides it."""
    masker = masker_of(saved(tmp_path, {0: identity(2)}), bits=2, budget=1)
    keys = [[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]
    biased = of_keys([1.0, 1.0], keys, attention_mask=torch.tensor([0.0, 0.0, 5.0]).reshape(1, 1, 1, 3))
    hidden = of_keys([1.0, 1.0], keys, attention_mask=torch.tensor([-torch.inf, 0.0, 0.0]).reshape(1, 1, 1, 3))
    assert kept(added(masker, biased)) == [0]
    assert kept(added(masker, hidden)) == [1]


@pytest.mark.parametrize("bits", [*range(1, 18), 31, 32, 33, 63, 64])
def test_the_score_is_bits_less_twice_the_differing_ones(tmp_path: Path, bits: int) -> None:
    """sum of sign sign = B - 2 popcount(xor) for every number of bits, multiples of 8 or not; and symmetric."""
    masker = masker_of(saved(tmp_path, {0: started(8, 16, bits)}), bits=bits)
    vectors = torch.randn(1, 2, 20, 8, generator=torch.Generator().manual_seed(bits))
    inputs = AttentionInputs(vectors.repeat_interleave(2, 1), vectors, vectors)
    found = scores(masker, inputs)
    index = masker.create_index(inputs)
    assert index is not None
    index.fit(vectors)
    signature = [[int("".join(str(int(bit)) for bit in row), 2) for row in head] for head in index.bits[0].tolist()]  # type: ignore[attr-defined]  # Signatures'
    for head in range(4):
        differing = [[(q ^ k).bit_count() for k in signature[head // 2]] for q in signature[head // 2]]
        assert found[0, head].tolist() == (bits - 2 * torch.tensor(differing)).tolist()
    assert torch.equal(found, found.transpose(-1, -2))


@given(st.integers(0, 2**16), st.integers(1, 64))
def test_a_query_that_is_a_key_scores_the_most(tmp_path_factory: pytest.TempPathFactory, seed: int, bits: int) -> None:
    """Identical networks and q = k: B, which nothing exceeds."""
    masker = masker_of(saved(tmp_path_factory.mktemp("same"), {0: started(4, 8, 8, bits, seed=seed)}), bits=bits)
    vectors = torch.randn(2, 2, 5, 4, generator=torch.Generator().manual_seed(seed))
    found = scores(masker, AttentionInputs(vectors.repeat_interleave(2, 1), vectors, vectors))
    assert bool((found.diagonal(dim1=-2, dim2=-1) == bits).all())
    assert float(found.max()) == bits


@given(inputs=attention_inputs(), budget=st.integers(1, 6), share=st.booleans())
def test_the_budget_is_kept_exactly(
    folders: dict[tuple[int, int, int, int], str], inputs: AttentionInputs, budget: int, share: bool
) -> None:
    """Every row gets its budget of visible keys, or all it sees; many equal scores make no difference."""
    folder = folders[inputs.shape[1], inputs.kv_heads, inputs.keys.shape[3], 11]
    mask = added(masker_of(folder, bits=11, budget=budget, share_kv_group=share), inputs)
    assert torch.equal(mask.to_dense().sum(-1).long(), inputs.visible_counts.clamp(max=budget).expand(inputs.shape[:3]))


@given(inputs=attention_inputs(max_keys=10), data=st.data())
def test_token_by_token_selects_what_one_call_does(
    folders: dict[tuple[int, int, int, int], str], inputs: AttentionInputs, data: st.DataObject
) -> None:
    """The mask of a call does not depend on how the keys before it reached the state."""
    k, q = inputs.shape[3], inputs.shape[2]
    masker = masker_of(folders[inputs.shape[1], inputs.kv_heads, inputs.keys.shape[3], 11], bits=11, budget=2)
    state = AttentionState(data.draw(st.integers(1, k)))
    for seen in range(1, k - q + 1):
        part = (inputs.queries[:, :, -1:], inputs.keys[:, :, :seen], inputs.values[:, :, :seen])
        added(masker, AttentionInputs(*part, key_offset=inputs.key_offset, state=state))
    options: dict[str, Any] = {"attention_mask": inputs.attention_mask, "key_offset": inputs.key_offset}
    tensors = (inputs.queries, inputs.keys, inputs.values)
    grown, fresh = (AttentionInputs(*tensors, state=held, **options) for held in (state, None))
    assert added(masker, grown) == added(masker, fresh)


@given(inputs=attention_inputs(masks=("none", "causal", "padded", "biased")), data=st.data())
def test_no_batch_row_influences_another(
    folders: dict[tuple[int, int, int, int], str], inputs: AttentionInputs, data: st.DataObject
) -> None:
    """A row alone gets the mask that it gets in the batch."""
    row = data.draw(st.integers(0, inputs.shape[0] - 1))
    masker = masker_of(folders[inputs.shape[1], inputs.kv_heads, inputs.keys.shape[3], 11], bits=11, budget=0.4)
    mask, only = inputs.attention_mask, slice(row, row + 1)
    alone = AttentionInputs(
        inputs.queries[only],
        inputs.keys[only],
        inputs.values[only],
        mask if mask is None or mask.shape[0] == 1 else mask[only],
    )
    assert added(masker, inputs)[row] == added(masker, alone)


@given(inputs=attention_inputs(masks=("causal", "padded")))
def test_it_makes_no_tensor_on_another_device(
    folders: dict[tuple[int, int, int, int], str], inputs: AttentionInputs
) -> None:
    """With torch's default device set to meta, everything still happens where the data is."""
    with torch.device("meta"):
        masker = masker_of(folders[inputs.shape[1], inputs.kv_heads, inputs.keys.shape[3], 11], bits=11)
        assert added(masker, inputs).to_dense(inputs.device).device == inputs.device


def test_random_signatures_are_better_than_chance(tmp_path: Path) -> None:
    """One random layer without training: of the 32 keys with the largest logits, 32 of 512 find over 3 times a 16th."""
    random = torch.Generator().manual_seed(0)
    keys = torch.randn(1, 2, 512, 16, generator=random)
    queries = keys[:, :, :64].repeat_interleave(2, 1) + 0.5 * torch.randn(1, 4, 64, 16, generator=random)
    inputs = AttentionInputs(queries, keys, keys)
    weights = {name: tensor * 0 if name.endswith("bias") else tensor for name, tensor in started(16, 32).items()}
    mask = added(masker_of(saved(tmp_path, {0: weights}), budget=32), inputs).to_dense()
    best = added_by_oracle(inputs, 32).to_dense()
    assert float((mask * best).sum() / best.sum()) > 3 / 16


def added_by_oracle(inputs: AttentionInputs, budget: int) -> Mask:
    return create_masker({"kind": "oracle_top_k", "budget": budget}).add_mask(inputs, Mask.empty(inputs.shape))


def test_each_layer_has_its_own_networks(tmp_path: Path) -> None:
    """Layer 0 looks for alike vectors, layer 3 for opposite ones."""
    opposite = identity(2)
    opposite["query.0.weight"] = -opposite["query.0.weight"]
    masker = masker_of(saved(tmp_path, {0: identity(2), 3: opposite}), bits=2, budget=1)
    for layer, expected in ((0, 0), (3, 1), (0, 0)):
        inputs = of_keys([1.0, 1.0], [[1.0, 2.0], [-1.0, -1.0]], layer_idx=layer, state=AttentionState())
        assert kept(added(masker, inputs)) == [expected]


def test_bits_of_a_token(tmp_path: Path) -> None:
    """32 bits a token and KV head, 11 bits take two bytes."""
    for bits, expected in ((32, 32), (11, 16), (64, 64)):
        masker = masker_of(saved(tmp_path / str(bits), {0: started(128, bits)}), bits=bits)
        state, sizes = AttentionState(), []
        for n in (1, 11):
            keys = torch.zeros(1, 2, n, 128, dtype=torch.bfloat16)
            added(masker, AttentionInputs(keys[:, :, :1].repeat(1, 2, 1, 1), keys, keys, state=state))
            sizes.append(state.nbytes)
        assert (sizes[1] - sizes[0]) * 8 == expected * 2 * 10


def test_calibrations_that_do_not_fit(tmp_path: Path) -> None:
    """No weights; a folder that is missing, another masker's or damaged; other heads, dimension, layers or bits."""
    with pytest.raises(ConfigError, match="weights"):
        create_masker({"kind": "hashattention"})
    with pytest.raises(CalibrationError, match="there is no calibration"):
        masker_of(str(tmp_path / "nowhere"))
    with pytest.raises(CalibrationError, match="'pqcache', not of 'hashattention'"):
        masker_of(saved(tmp_path / "foreign", {0: started(8, 32)}, "pqcache"))
    folder = saved(tmp_path / "own", {0: started(8, 16, 32)})
    queries, keys = torch.ones(1, 4, 1, 8), torch.ones(1, 2, 3, 8)
    wide = torch.ones(1, 4, 1, 16), torch.ones(1, 2, 3, 16)
    for (q, k), layer, bits, message in (
        ((queries, keys[:, :1]), 0, 32, r"key.0.weight of shape \(2, 8, 16\).* need \(1, 8, 16\)"),
        ((queries[:, :2], keys), 0, 32, r"query.0.weight of shape \(4, 8, 16\).* need \(2, 8, 16\)"),
        (wide, 0, 32, r"need \(2, 16, 16\)"),
        ((queries, keys), 2, 32, "for layer 2"),
        ((queries, keys), 0, 11, r"key.1.weight of shape \(2, 16, 32\).* need \(2, 16, 11\)"),
    ):
        with pytest.raises(CalibrationError, match=message):
            added(masker_of(folder, bits=bits), AttentionInputs(q, k, k, layer_idx=layer))
    tensors = tmp_path / "own" / "calibration.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\1")
    with pytest.raises(CalibrationError, match="calibrate again"):
        masker_of(folder)


def test_the_masker_keeps_its_calibration_through_pickling(tmp_path: Path) -> None:
    """The copy selects the same when the folder is gone, and names the model it was made of."""
    masker = masker_of(saved(tmp_path / "here", {0: identity(2)}), bits=2, budget=1)
    (tmp_path / "here").rename(tmp_path / "there")
    copy = pickle.loads(pickle.dumps(masker))
    assert kept(added(copy, of_keys([1.0, -1.0], [[1.0, 1.0], [1.0, -1.0]]))) == [1]
    assert copy.calibration.provenance.model.fingerprint == "0" * 16


def test_a_nan_key_is_an_error_when_it_is_attended(tmp_path: Path) -> None:
    """Its signature is no number's, other scores are as they were; attention refuses it if it is selected."""
    folder = saved(tmp_path, {0: identity(2)})
    inputs = of_keys([1.0, 1.0], [[1.0, 1.0], [float("nan"), 0.0], [-1.0, 1.0]])
    assert scores(masker_of(folder, bits=2), inputs).flatten().tolist() == [2.0, -2.0, 0.0]
    with pytest.raises(NumericalError, match="NaN"):
        masked_attention(inputs, added(masker_of(folder, bits=2, budget=1.0), inputs))
