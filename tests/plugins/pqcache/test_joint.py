"""Joint codes: which parts share one, how they are counted, and that scoring by them is scoring by parts."""

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, AttentionState, KeyIndex, Mask, OpenUnits, TopKMasker
from sah_core.mask import IndexRows
from sah_core.testing import attention_inputs, masks
from sah_masker_pqcache import PQCacheConfig
from sah_masker_pqcache.codebook import Codebook
from sah_masker_pqcache.joint import joint_codes, joint_table, looked_up, part_codes, parts_together
from sah_masker_pqcache.masker import PQCache

pytestmark = pytest.mark.usefixtures("reader")
SMALL = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (1, 4)])
"""Bits and parts."""
SEEDS = st.integers(0, 2**16)


class ByKey(PQCache):
    """Every query head's score of every key, aggregated: what the shorter way has to give."""

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        return TopKMasker.group_scores(self, inputs, index, candidates)


def drawn(data: st.DataObject, bits: int, parts: int, **options: object) -> AttentionInputs:
    widths = tuple(d for d in (1, 2, 4) if d % parts == 0)
    return data.draw(attention_inputs(max_keys=40, head_dims=widths, **options))  # type: ignore[arg-type]  # as given


def scores_by_part(masker: PQCache, inputs: AttentionInputs, index: Codebook) -> Tensor:
    """s_j, one look-up a part and key."""
    b, hq, q, _ = inputs.shape
    centroids = index.centroids.to(inputs.compute_dtype)  # (b, hkv, M, C, w)
    queries = inputs.queries.reshape(b, inputs.kv_heads, -1, *centroids.shape[2::2]).transpose(2, 3)
    tables = queries @ centroids.mT  # (b, hkv, M, g * q, C)
    codes = index.codes.long().transpose(2, 3).unsqueeze(3).expand(-1, -1, -1, tables.shape[3], -1)
    return inputs.logits_from(tables.gather(-1, codes).sum(2).reshape(b, hq, q, -1))


@given(st.integers(1, 16), st.integers(1, 256), st.integers(0, 200_000))
def test_no_more_joint_codes_than_keys(parts: int, centroids: int, keys: int) -> None:
    """As many parts together as leave at most a joint code a key, and 2^15; one part is always by itself."""
    together = parts_together(parts, centroids, keys)
    assert 1 <= together <= parts
    assert together == 1 or centroids**together <= min(keys, 2**15)
    assert together == parts or centroids ** (together + 1) > min(keys, 2**15)


def test_joint_codes_by_hand() -> None:
    """Codes 1 2 3 of 4 centroids: all three as 1 * 16 + 2 * 4 + 3 = 27, in twos as 6 and 3; 20^2 takes an int16."""
    codes = torch.tensor([1, 2, 3]).reshape(1, 1, 3, 1)
    assert joint_codes(codes, 4, 3).flatten().tolist() == [27]
    assert joint_codes(codes, 4, 2).flatten().tolist() == [6, 3]
    assert joint_codes(codes, 4, 2).dtype == torch.uint8
    assert joint_codes(codes, 20, 2).dtype == torch.int16
    tables = torch.tensor([[0.0, 1.0], [0.0, 10.0]]).reshape(1, 1, 2, 1, 2)
    assert joint_table(tables).flatten().tolist() == [0.0, 10.0, 1.0, 11.0]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 20), st.integers(0, 9), SEEDS)
def test_part_codes_are_what_was_joined(parts: int, together: int, centroids: int, n: int, seed: int) -> None:
    """Whatever the number of parts, also one that does not come out even."""
    together = min(together, parts, 3)
    codes = torch.randint(centroids, (2, 2, parts, n), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(part_codes(joint_codes(codes, centroids, together), centroids, together, parts).long(), codes)


@given(
    st.sampled_from([1, 256, 2**15]),
    st.integers(1, 5),
    st.integers(0, 9),
    st.integers(0, 3),
    st.sampled_from([torch.float32, torch.float64]),
    SEEDS,
)
def test_codes_are_looked_up(most: int, rows: int, n: int, room: int, dtype: torch.dtype, seed: int) -> None:
    """Each key gets what its code names, up to the largest of either type, from an index that has room for more."""
    random = torch.Generator().manual_seed(seed)
    numbers = torch.randint(most, (2, 2, n + room), generator=random)
    numbers[..., :1] = most - 1
    codes = numbers.to(torch.uint8 if most <= 256 else torch.int16)[..., :n]
    table = torch.randn((2, 2, rows, most), generator=random, dtype=dtype)
    found = looked_up(table, codes)
    assert found.dtype == dtype
    assert torch.equal(found, torch.take_along_dim(table, numbers[..., None, :n], -1))


@given(st.integers(4, 30), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), max_size=4), st.data())
def test_counts_are_those_of_the_keys(context: int, steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """However keys came and went: of each joint code as many as there are keys that are not closed."""
    keys = torch.randn(2, 2, context + sum(more for more, _ in steps), 4)
    index = Codebook(PQCacheConfig(bits=1), torch.zeros(2, dtype=torch.int64), ("test",))
    index.fit(keys[:, :, :context])
    for more, fewer in steps:
        index.append(keys[:, :, index.length : index.length + more])
        index.truncate(max(context, index.length - fewer))
    mask = data.draw(masks(shape=(2, 2, 3, index.length), probabilities=(1.0,), representations=("index",)))
    closed = mask.index_rows(keys.device)
    counts = index.open_counts(closed)
    assert counts is not None
    joint = index.joint_codes[:, :, 0].long()
    taken = closed.expand((2, 2, closed.rows[2])).to_dense()  # (b, hkv, 1 | q, n)
    for code in range(4):
        expected = ((joint == code).unsqueeze(2) & (taken == 0)).sum(-1)
        assert torch.equal(counts[..., code].expand(expected.shape).long(), expected)


def test_closed_columns_past_the_keys_do_not_count() -> None:
    """A static cache has columns without keys: closing one takes nothing away."""
    index = Codebook(PQCacheConfig(subvectors=1, bits=1), torch.zeros(1, dtype=torch.int64), ("test",))
    index.fit(torch.tensor([0.0, 0.0, 1.0]).reshape(1, 1, 3, 1))
    closed = IndexRows(torch.tensor([2, 7]).reshape(1, 1, 1, 2), torch.tensor([[[2]]]), None, 9)
    counts = index.open_counts(closed)
    assert counts is not None
    assert sorted(counts.flatten().tolist()) == [0, 2]


def test_counts_only_where_one_number_holds_all_parts() -> None:
    """Two parts of 2 centroids are 4 joint codes: counted from 4 keys of the context on."""
    for n, counted in ((3, False), (4, True)):
        index = Codebook(PQCacheConfig(bits=1), torch.zeros(1, dtype=torch.int64), ("test",))
        index.fit(torch.randn(1, 1, n, 2))
        index.append(torch.randn(1, 1, 9, 2))
        nothing = IndexRows(torch.zeros(1, 1, 1, 0, dtype=torch.int64), torch.tensor([[[0]]]), None, n + 9)
        assert (index.open_counts(nothing) is not None) == counted
        assert index.joint_codes.shape == (1, 1, 1 if counted else 2, n + 9)


@given(SMALL, st.data())
def test_scores_are_the_sums_of_the_parts(small: tuple[int, int], data: st.DataObject) -> None:
    """One look-up a joint code gives what one a part does, under every mask."""
    bits, parts = small
    inputs = drawn(data, bits, parts, dtype=torch.float64)
    masker = PQCache(PQCacheConfig(bits=bits, subvectors=parts))
    index = masker.create_index(inputs)
    index.fit(inputs.keys)
    torch.testing.assert_close(masker.scores(inputs, index), scores_by_part(masker, inputs, index))


@given(SMALL, st.sampled_from([torch.float32, torch.float64]), st.sampled_from([1, 3, 0.4]), st.data())
def test_a_group_selects_by_codes_what_it_selects_by_keys(
    small: tuple[int, int], dtype: torch.dtype, budget: int | float, data: st.DataObject
) -> None:
    """The same mask, whatever is certain before, masked or not, for keys that were appended or taken back."""
    bits, parts = small
    inputs = drawn(data, bits, parts, dtype=dtype)
    k = inputs.shape[3]
    state = AttentionState(data.draw(st.integers(1, k), label="context"))
    previous = data.draw(masks(shape=inputs.shape, probabilities=(1.0, 0.5)))
    config = PQCacheConfig(bits=bits, subvectors=parts, budget=budget)
    if inputs.key_offset == 0:
        # What a longer call before left behind is taken back.
        again = [0] * data.draw(st.integers(0, 3), label="more")
        keys, values = (torch.cat([held, held[:, :, again]], 2) for held in (inputs.keys, inputs.values))
        before = AttentionInputs(inputs.queries[:, :, -1:], keys, values, state=state)
        PQCache(config).add_mask(before, Mask.empty(before.shape))
    asked = attrs.evolve(inputs, state=state, shared={})
    assert PQCache(config).add_mask(asked, previous) == ByKey(config).add_mask(asked, previous)


def test_a_group_of_one_head_tells_nearly_equal_keys_apart() -> None:
    """Soft-capped at 5, logits of 60 and 75 differ by 4e-10, less than a float32 can tell: the larger one is kept."""
    keys = torch.tensor([0.0, 1.0, 60.0, 2.0, 75.0, 3.0, 4.0, 5.0], dtype=torch.float64).reshape(1, 1, 8, 1)
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1, dtype=torch.float64), keys, keys, scaling=1.0, softcap=5.0)
    mask = PQCache(PQCacheConfig(bits=3, subvectors=1, budget=1)).add_mask(inputs, Mask.empty(inputs.shape))
    assert mask.to_dense().flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("closed", [[], [0], [0, 3, 5]])
def test_group_scores_by_codes_by_keys_and_by_hand(closed: list[int]) -> None:
    """Of 400 keys with 4 joint codes, the logarithm of the sum over heads of softmax over the keys not closed."""
    random = torch.Generator().manual_seed(0)
    keys, queries = torch.randn(1, 2, 400, 4, generator=random), torch.randn(1, 6, 1, 4, generator=random)
    inputs = AttentionInputs(queries, keys, keys)
    masker, by_key = (kind(PQCacheConfig(bits=1)) for kind in (PQCache, ByKey))
    index = masker.create_index(inputs)
    index.fit(keys)
    rows = IndexRows(torch.tensor(closed).long().reshape(1, 1, 1, -1), torch.tensor([[[len(closed)]]]), None, 400)
    candidates = OpenUnits((1, 6, 1), 400, rows, None)
    found = masker.group_scores(inputs, index, candidates)
    opened = [key for key in range(400) if key not in closed]
    weights = masker.scores(inputs, index).double()[..., opened].softmax(-1)
    expected = weights.reshape(1, 2, 3, 1, -1).sum(2).log().float()
    torch.testing.assert_close(found[..., opened], expected)
    assert torch.equal(found[..., opened], by_key.group_scores(inputs, index, candidates)[..., opened])
    assert len(set(found[0, 0, 0, opened].tolist())) <= 4


def test_a_closed_key_that_outweighs_all_others_does_not_count() -> None:
    """Keys 10000, 1 and 2, the first closed: for each of two heads the others weigh 1 / (1 + e) and e / (1 + e)."""
    keys = torch.tensor([10000.0, 1.0, 2.0]).reshape(1, 1, 3, 1)
    inputs = AttentionInputs(torch.ones(1, 2, 1, 1), keys, keys)
    masker = PQCache(PQCacheConfig(subvectors=1))
    index = masker.create_index(inputs)
    index.fit(keys)
    candidates = OpenUnits((1, 2, 1), 3, IndexRows(torch.tensor([[[[0]]]]), torch.tensor([[[1]]]), None, 3), None)
    found = masker.group_scores(inputs, index, candidates)[0, 0, 0, 1:].exp()
    assert found.tolist() == pytest.approx([2 * 0.268941, 2 * 0.731059], abs=2e-6)


@pytest.mark.parametrize("share", [False, True])
def test_queries_and_keys_that_need_gradients(share: bool) -> None:
    """The selection is the same, and the index holds no graph: it may be asked again and again."""
    random = torch.Generator().manual_seed(0)
    keys, queries = torch.randn(1, 2, 40, 4, generator=random), torch.randn(1, 4, 1, 4, generator=random)
    masker = PQCache(PQCacheConfig(bits=1, budget=5, share_kv_group=share))
    learning = AttentionInputs(
        queries.clone().requires_grad_(), keys.clone().requires_grad_(), keys, state=AttentionState()
    )
    plain = AttentionInputs(queries, keys, keys)
    for _ in range(2):
        assert masker.add_mask(learning, Mask.empty(plain.shape)) == masker.add_mask(plain, Mask.empty(plain.shape))
