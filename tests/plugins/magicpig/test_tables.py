"""Bucket tables find what comparing all codes finds: whatever came and went, in blocks, and in whole masks."""

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, AttentionState, Mask
from sah_core.testing import attention_inputs, masks
from sah_masker_magicpig import MagicPigConfig
from sah_masker_magicpig.codes import KeyCodes
from sah_masker_magicpig.tables import BucketTables

from .plain import PlainMagicPig, SortedMagicPig, matches

CONFIGS = st.builds(
    MagicPigConfig,
    bits=st.integers(1, 6),
    tables=st.integers(2, 12),
    min_matches=st.sampled_from([1, 2]),
    center=st.booleans(),
)


def index_of(config: MagicPigConfig, tail: int, heads: int = 2) -> KeyCodes:
    """An empty index for keys of dimension 4."""
    shape = (heads, 4, config.tables, config.bits)
    projections = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return KeyCodes(config, projections, torch.zeros(1, dtype=torch.int64), tail)


def found(index: KeyCodes, queries: Tensor) -> Tensor:
    return index.collisions(queries, index.length).to_dense() > 0


@given(
    CONFIGS,
    st.sampled_from([0, 3, 128]),
    st.integers(1, 30),
    st.lists(st.tuples(st.sampled_from(["append", "truncate"]), st.integers(0, 12)), max_size=8),
    st.sampled_from(["normal", "ties", "zeros", "nan"]),
    st.integers(0, 99),
)
def test_tables_find_what_comparing_all_codes_finds(
    config: MagicPigConfig, tail: int, context: int, steps: list[tuple[str, int]], kind: str, seed: int
) -> None:
    """After any appending and truncating down to the context, with any tail."""
    random = torch.Generator().manual_seed(seed)
    queries = torch.randn(1, 4, 3, 4, generator=random)
    keys = torch.randn(1, 2, context, 4, generator=random)
    index = index_of(config, tail)
    index.fit(keys)
    for step, count in steps:
        if step == "append":
            new = torch.randn(1, 2, count, 4, generator=random)
            if kind == "ties":
                new = new.round().clamp(-1, 1)
            elif kind in ("zeros", "nan"):
                new[:, 1, ::3] = 0.0 if kind == "zeros" else torch.nan
            index.append(new)
            keys = torch.cat([keys, new], 2)
        else:
            index.truncate(max(index.length - count, context))
            keys = keys[:, :, : index.length]
        assert index.length == keys.shape[2]
        assert torch.equal(found(index, queries), matches(index, queries, keys) >= config.min_matches)


@pytest.mark.parametrize("bits", [1, 3, 15])
def test_buckets_hold_the_keys_of_a_code_by_position(bits: int) -> None:
    """Three tables of one head, codes 0, 1 and the largest; then two more keys behind the first four of six."""
    last = 2**bits - 1
    codes = torch.tensor([[last, 0, 1, last, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1]], dtype=torch.int16)
    tables = BucketTables.empty(3, bits, codes.device).extended(0, codes.T.reshape(1, 1, 6, 3))
    assert tables.order[0].tolist() == ([1, 4, 5, 0, 2, 3] if bits == 1 else [1, 4, 5, 2, 0, 3])
    assert tables.starts[2, [0, 1, 2, -1]].tolist() == [0, 3, 6, 6]
    more = torch.tensor([[0, 1, 1], [last, 1, 0]], dtype=torch.int16)
    tables = tables.extended(4, more.reshape(1, 1, 2, 3))
    assert tables.order[0].tolist() == ([1, 4, 0, 2, 3, 5] if bits == 1 else [1, 4, 2, 0, 3, 5])
    assert tables.order[2].tolist() == [0, 2, 5, 1, 3, 4]
    assert tables.starts[0, -1] == 6


def test_many_queries_count_their_matches_in_blocks() -> None:
    """300 queries and 1000 keys a KV head; a row that starts a block finds what it finds alone."""
    config = MagicPigConfig(bits=4, tables=12)
    random = torch.Generator().manual_seed(0)
    queries, keys = torch.randn(1, 2, 300, 4, generator=random), torch.randn(1, 2, 1000, 4, generator=random)
    index = index_of(config, tail=128)
    index.fit(keys[:, :, :900])
    index.append(keys[:, :, 900:])
    assert torch.equal(found(index, queries), matches(index, queries, keys) >= 2)


def test_full_buckets_are_read_in_parts() -> None:
    """When every key has the queries' code in all of 20 tables, 5 million keys are counted, 20 times each."""
    index = index_of(MagicPigConfig(bits=1, tables=20, center=False), tail=0, heads=1)
    index.fit(torch.ones(1, 1, 1000, 4))
    assert bool(found(index, torch.ones(1, 1, 262, 4)).all())
    assert not bool(found(index, -torch.ones(1, 1, 262, 4)).any())


@given(st.data(), CONFIGS, attention_inputs(max_keys=24), st.booleans())
def test_masks_are_those_of_the_definition(
    data: st.DataObject, config: MagicPigConfig, inputs: AttentionInputs, in_pieces: bool
) -> None:
    """For any attention mask, padding, groups and previous mask; the probabilities within a rounding of float32."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    context = data.draw(st.integers(1, inputs.shape[3])) if in_pieces else None
    fast, plain = (
        masker.add_mask(attrs.evolve(inputs, state=AttentionState(context)), previous).to_dense()
        for masker in (SortedMagicPig(config), PlainMagicPig(config))
    )
    assert torch.equal(fast > 0, plain > 0)
    torch.testing.assert_close(fast, plain, rtol=1e-6, atol=0)


def test_a_query_that_is_not_finite_draws_every_key() -> None:
    """So that attention meets its logits and refuses them."""
    queries = torch.randn(1, 2, 2, 4, generator=torch.Generator().manual_seed(0))
    queries[0, 0, 1, 2] = torch.nan
    queries[0, 1, 0, 0] = torch.inf
    keys = torch.randn(1, 2, 300, 4, generator=torch.Generator().manual_seed(1))
    inputs = AttentionInputs(queries, keys, keys)
    probs = SortedMagicPig(MagicPigConfig(bits=6, tables=12)).add_mask(inputs, Mask.empty(inputs.shape)).to_dense()
    assert (probs == 1).all(-1).tolist() == [[[False, True], [True, False]]]


def test_a_sampler_draws_nothing_where_nothing_collides() -> None:
    """An opposite key has no bit in common: an empty draw is a mask as any other."""
    one = torch.ones(1, 1, 1, 4)
    inputs = AttentionInputs(one, -one, one)
    masker = SortedMagicPig(MagicPigConfig(center=False))
    assert masker.add_mask(inputs, Mask.empty(inputs.shape)) == Mask.empty(inputs.shape)


def test_no_keys_collide_where_there_are_none() -> None:
    """A cache whose queries all stand before its first column has nothing in it."""
    index = index_of(MagicPigConfig(bits=3, tables=12, center=False), tail=0)
    index.fit(torch.ones(1, 2, 0, 4))
    assert index.collisions(torch.ones(1, 2, 3, 4), 5).to_dense().tolist() == torch.zeros(1, 2, 3, 5).tolist()
