"""Sink, local and causal: their masks by hand, and the laws of positions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, Mask, Size, apply_maskers, create_masker, create_maskers, keys_of_size
from sah_core.testing import attention_inputs, masks

kinds = st.sampled_from(["sink", "local", "causal"])
sizes = st.one_of(st.integers(1, 6), st.sampled_from([0.1, 0.3, 0.5, 1.0]))


def selected(inputs: AttentionInputs, **config: object) -> Mask:
    return create_masker(config).add_mask(inputs, Mask.empty(inputs.shape))


def rows(mask: Mask) -> list[list[int]]:
    """The keys of each query of the first head of the first batch row."""
    return [[key for key, prob in enumerate(row) if prob] for row in mask.to_dense()[0, 0].tolist()]


def inputs_of(q: int, k: int, mask: Tensor | None = None, **options: object) -> AttentionInputs:
    b = 1 if mask is None else mask.shape[0]
    parts = (torch.ones(b, 2, q, 2), torch.ones(b, 1, k, 2), torch.ones(b, 1, k, 2))
    return AttentionInputs(*parts, mask, **options)  # type: ignore[arg-type]  # options of any type


def causal(q: int, k: int, pads: tuple[int, ...] = (0,)) -> Tensor:
    seen = torch.arange(k) <= torch.arange(k - q, k).unsqueeze(-1)
    return seen & (torch.arange(k) >= torch.tensor(pads).reshape(-1, 1, 1, 1))


def test_sink_and_local_by_hand() -> None:
    """Three queries over six keys: the first two keys; the last two up to the query; both together."""
    inputs = inputs_of(3, 6, causal(3, 6))
    assert rows(selected(inputs, kind="sink", size=2)) == [[0, 1]] * 3
    assert rows(selected(inputs, kind="local", window=2)) == [[2, 3], [3, 4], [4, 5]]
    both = apply_maskers(create_maskers([{"kind": "sink", "size": 2}, {"kind": "local", "window": 2}]), inputs)
    assert rows(both) == [[0, 1, 2, 3], [0, 1, 3, 4], [0, 1, 4, 5]]
    assert both.density(inputs.visible) == 12 / 15


def test_left_padding_is_not_counted() -> None:
    """Behind two columns of padding the sink starts at column 2 and the window ends where it did."""
    inputs = inputs_of(2, 6, causal(2, 6, (2, 0)))
    sink, local = selected(inputs, kind="sink", size=2), selected(inputs, kind="local", window=3)
    assert rows(sink) == [[2, 3]] * 2
    assert rows(sink[1]) == [[0, 1]] * 2
    assert rows(local) == [[2, 3, 4], [3, 4, 5]]
    padded = inputs_of(3, 4, causal(3, 4, (3,)))
    assert rows(selected(padded, kind="local", window=3)) == [[], [], [3]]


def test_fractions_are_of_the_visible_keys() -> None:
    """.3 of 4, 5, 6 visible keys is 2 (1.2), 2 (1.5), 2 (1.8) keys, rounded up; .1 is at least one."""
    inputs = inputs_of(3, 6, causal(3, 6))
    assert rows(selected(inputs, kind="local", window=0.3)) == [[2, 3], [3, 4], [4, 5]]
    assert rows(selected(inputs, kind="sink", size=0.1)) == [[0]] * 3


def test_a_sliding_window_that_left_the_sink_behind() -> None:
    """Columns 0-3 are positions 10-13: no key is among the first 4, unless the offset is small; the window still is."""
    window = causal(1, 4)
    assert rows(selected(inputs_of(1, 4, window, key_offset=10), kind="sink", size=4)) == [[]]
    assert rows(selected(inputs_of(1, 4, window, key_offset=2), kind="sink", size=4)) == [[0, 1]]
    assert rows(selected(inputs_of(1, 4, window, key_offset=10), kind="local", window=2)) == [[2, 3]]
    padded = inputs_of(1, 4, window, key_offset=2, padding=torch.tensor([3]))
    assert rows(selected(padded, kind="sink", size=2)) == [[1, 2]]


def test_a_static_cache_is_read_up_to_the_query() -> None:
    """Eight columns of which five hold keys: the window ends at the query's position, not at the last column."""
    seen = (torch.arange(8) <= 4).reshape(1, 1, 1, 8)
    inputs = inputs_of(1, 8, seen, query_positions=torch.tensor([4]))
    assert rows(selected(inputs, kind="local", window=2)) == [[3, 4]]
    assert rows(selected(inputs, kind="causal")) == [[0, 1, 2, 3, 4]]


def test_causal_without_an_attention_mask_is_the_triangle() -> None:
    """Every key is visible; causal keeps those up to the query, local the last of those."""
    inputs = inputs_of(3, 4)
    assert rows(selected(inputs, kind="causal")) == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert rows(selected(inputs, kind="local", window=2)) == [[0, 1], [1, 2], [2, 3]]


def test_a_sink_stores_one_row() -> None:
    """For 4096 keys and 32 heads a sink of four stores four numbers: no tensor of queries x keys."""
    parts = (torch.ones(1, 32, 64, 1), torch.ones(1, 8, 4096, 1), torch.ones(1, 8, 4096, 1))
    mask = create_masker({"kind": "sink"}).add_mask(AttentionInputs(*parts), Mask.empty((1, 32, 64, 4096)))
    assert mask.representation == "index"
    assert mask.index_rows().indices.numel() == 4
    local = create_masker({"kind": "local"}).add_mask(AttentionInputs(*parts), mask)
    assert local.index_rows().indices.numel() == 64 * 68


@given(attention_inputs(), sizes)
def test_sink_is_the_first_tokens_as_far_as_visible(inputs: AttentionInputs, size: Size) -> None:
    """Row by row: positions first .. first + size, visible ones only."""
    mask = selected(inputs, kind="sink", size=size).to_dense()
    visible = inputs.visible.expand(inputs.shape)
    b, h, q, k = inputs.shape
    for i in range(b):
        first = int(inputs.first_tokens[i])
        for j, n in ((j, n) for j in range(h) for n in range(q)):
            count = size if isinstance(size, int) else keys_of_size(size, int(visible[i, j, n].sum()))
            span = {key - inputs.key_offset for key in range(first, first + count)}
            assert (mask[i, j, n] == 1).tolist() == [key in span and bool(visible[i, j, n, key]) for key in range(k)]


@given(attention_inputs(), sizes)
def test_local_is_the_last_visible_keys(inputs: AttentionInputs, window: Size) -> None:
    """Row by row: the last `window` of the visible keys at or before the query."""
    mask = selected(inputs, kind="local", window=window).to_dense()
    visible = inputs.visible.expand(inputs.shape)
    b, h, q, k = inputs.shape
    for i, j, n in ((i, j, n) for i in range(b) for j in range(h) for n in range(q)):
        seen = [key for key in range(k) if visible[i, j, n, key]]
        upto = [key for key in seen if key <= k - q + n]
        assert mask[i, j, n].nonzero().flatten().tolist() == upto[-keys_of_size(window, len(seen)) :] if seen else True


@given(attention_inputs(), st.data(), kinds)
def test_a_positional_masker_is_a_union(inputs: AttentionInputs, data: st.DataObject, kind: str) -> None:
    """It adds its span, certain, to any previous mask; a second time it changes nothing; all of it is visible."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    masker = create_masker({"kind": kind})
    alone = masker.add_mask(inputs, Mask.empty(inputs.shape))
    after = masker.add_mask(inputs, previous)
    assert after == previous | alone
    assert masker.add_mask(inputs, after) == after
    assert alone == alone.promote() == alone.restrict(inputs.visible)


@given(attention_inputs(masks=("none", "causal", "causal_additive", "padded", "biased")), kinds)
def test_the_last_row_is_what_decoding_would_see(inputs: AttentionInputs, kind: str) -> None:
    """The mask of the last query alone is the last row of the mask of all queries."""
    whole = selected(inputs, kind=kind)
    mask = None if inputs.attention_mask is None else inputs.attention_mask[:, :, -1:]
    last = AttentionInputs(inputs.queries[:, :, -1:], inputs.keys, inputs.values, mask, padding=inputs.first_tokens)
    assert whole[:, :, -1] == selected(last, kind=kind)


@given(attention_inputs())
def test_the_whole_of_each_is_dense(inputs: AttentionInputs) -> None:
    """A window of 1.0, and causal, keep every key visible up to the query."""
    _, _, q, k = inputs.shape
    upto = torch.arange(k) <= torch.arange(k - q, k).unsqueeze(-1)
    dense = Mask.from_dense((inputs.visible & upto).expand(inputs.shape))
    assert selected(inputs, kind="causal") == dense
    assert selected(inputs, kind="local", window=1.0) == dense


@pytest.mark.parametrize("kind", ["sink", "local", "causal"])
def test_full_stays_full(kind: str) -> None:
    """Nothing can be added to the full mask."""
    inputs = inputs_of(1, 3)
    full = Mask.full(inputs.shape)
    assert create_masker({"kind": kind}).add_mask(inputs, full) is full
