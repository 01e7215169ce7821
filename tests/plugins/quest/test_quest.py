"""Quest: bounds that hold, and the pages they select."""

from typing import Any

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import pad

from sah_core import (
    AttentionInputs,
    AttentionState,
    Mask,
    NumericalError,
    Units,
    apply_maskers,
    create_masker,
    masked_attention,
)
from sah_core.testing import attention_inputs
from sah_masker_quest import QuestConfig
from sah_masker_quest.masker import Quest

PAGE_SIZES = st.integers(1, 5)


def quest(**config: Any) -> Quest:
    return Quest(QuestConfig(**config))


def bounds(masker: Quest, inputs: AttentionInputs) -> Tensor:
    """U_p of every page, (b, hq, q, pages)."""
    index = masker.create_index(inputs)
    index.fit(inputs.keys)
    return masker.scores(inputs, index)


def selected(inputs: AttentionInputs, *certain: int, **config: Any) -> Mask:
    """What quest adds to these keys, certain for every row."""
    sunk = torch.tensor([[[certain]]], dtype=torch.int64)
    return quest(**config).add_mask(inputs, Mask.from_indices(inputs.shape, sunk))


def kept(mask: Mask, head: int = 0) -> list[int]:
    return mask.to_dense()[0, head, 0].nonzero().flatten().tolist()


def of_keys(*keys: float, query: float = 1.0) -> AttentionInputs:
    """One query of one channel: the logit of a key is the key."""
    given = torch.tensor(keys, dtype=torch.float32).reshape(1, 1, -1, 1)
    return AttentionInputs(torch.full((1, 1, 1, 1), query), given, given)


@given(attention_inputs(dtype=torch.float64), PAGE_SIZES, st.sampled_from([None, 1.0, -0.7]))
def test_no_visible_key_exceeds_the_bound_of_its_page(
    inputs: AttentionInputs, page_size: int, scaling: float | None
) -> None:
    """U_p >= the final logit (scaled, soft-capped, biased) of each visible key of p, to 1e-9 in float64."""
    inputs = attrs.evolve(inputs, scaling=scaling, shared={})
    units = Units.of(inputs, page_size)
    pages = bounds(quest(page_size=page_size), inputs)
    bound = units.keys_of(pad(pages, (0, units.count - pages.shape[3])))
    assert bool((bound >= inputs.logits.masked_fill(~inputs.visible, -torch.inf) - 1e-9).all())


@given(attention_inputs(dtype=torch.float64, masks=("none",)), PAGE_SIZES)
def test_the_bound_is_the_corner_that_the_query_likes_best(plain: AttentionInputs, page_size: int) -> None:
    """The two products give scaling * sum_c max(q_c kmin_c, q_c kmax_c), page by page, soft-capped."""
    queries = plain.queries * plain.queries.shape[3] ** -0.5
    keys = plain.keys.repeat_interleave(plain.group_size, 1)
    pages = [
        torch.maximum(queries * page.amin(2, keepdim=True), queries * page.amax(2, keepdim=True)).sum(-1)
        for page in torch.split(keys, page_size, 2)
    ]
    expected = torch.stack(pages, -1)
    if plain.softcap is not None:
        expected = plain.softcap * torch.tanh(expected / plain.softcap)
    torch.testing.assert_close(bounds(quest(page_size=page_size), plain), expected, rtol=1e-12, atol=1e-9)


@given(attention_inputs(dtype=torch.float64), st.sampled_from([1, 3, 0.3, 1.0]))
def test_pages_of_one_key_are_the_oracle(inputs: AttentionInputs, budget: int | float) -> None:
    """With page_size 1 the bound is the logit, and the mask that of oracle_top_k."""
    oracle = create_masker({"kind": "oracle_top_k", "budget": budget}).add_mask(inputs, Mask.empty(inputs.shape))
    assert selected(inputs, page_size=1, budget=budget, keep_last_page=False) == oracle


@given(attention_inputs(max_keys=4, dtype=torch.float64, masks=("none",)), PAGE_SIZES)
def test_the_bound_of_equal_keys_is_their_logit(inputs: AttentionInputs, page_size: int) -> None:
    """Where all keys of a page are equal the box is a point, and U_p their logit."""
    equal = inputs.keys.repeat_interleave(page_size, 2)
    repeated = AttentionInputs(inputs.queries, equal, equal, softcap=inputs.softcap)
    logits = repeated.logits[..., ::page_size]
    torch.testing.assert_close(bounds(quest(page_size=page_size), repeated), logits, rtol=1e-12, atol=1e-9)


@given(attention_inputs(dtype=torch.float64, masks=("none",)), PAGE_SIZES, st.integers(1, 11))
def test_a_key_more_never_lowers_a_bound(inputs: AttentionInputs, page_size: int, n: int) -> None:
    """U_p of the first n keys is at most U_p of all of them."""
    n = max(min(n, inputs.shape[3]), inputs.shape[2])
    fewer = attrs.evolve(inputs, keys=inputs.keys[:, :, :n], values=inputs.values[:, :, :n], shared={})
    masker = quest(page_size=page_size)
    before, after = bounds(masker, fewer), bounds(masker, inputs)
    assert bool((before <= after[..., : before.shape[-1]] + 1e-9).all())


@given(attention_inputs(dtype=torch.float64, masks=("none",)), PAGE_SIZES)
def test_the_opposite_query_bounds_from_below(inputs: AttentionInputs, page_size: int) -> None:
    """-U_p(-q) <= every logit of the page."""
    opposite = attrs.evolve(inputs, queries=-inputs.queries, shared={})
    lower = -bounds(quest(page_size=page_size), opposite).repeat_interleave(page_size, -1)[..., : inputs.shape[3]]
    assert bool((lower <= inputs.logits + 1e-9).all())


@given(attention_inputs(masks=("causal", "padded")), PAGE_SIZES, st.integers(1, 3), st.booleans())
def test_padding_by_whole_pages_changes_nothing(
    inputs: AttentionInputs, page_size: int, pages: int, share: bool
) -> None:
    """Behind as many padding columns as fill pages, whatever they hold, each row selects the same keys."""
    more = pages * page_size
    mask = inputs.attention_mask
    assert mask is not None
    behind = AttentionInputs(
        inputs.queries,
        pad(inputs.keys, (0, 0, more, 0), value=1000.0),
        pad(inputs.values, (0, 0, more, 0), value=1000.0),
        pad(mask, (more, 0), value=False),
        softcap=inputs.softcap,
    )
    config: dict[str, Any] = {"page_size": page_size, "budget": 0.4, "share_kv_group": share}
    alone, padded = selected(inputs, **config).to_dense(), selected(behind, **config).to_dense()
    assert torch.equal(padded, pad(alone, (more, 0)))


@given(attention_inputs(masks=("padded",)), PAGE_SIZES)
def test_what_stands_in_the_padding_does_not_matter(inputs: AttentionInputs, page_size: int) -> None:
    """Other keys in the padding give the same mask, also where the padding ends within a page."""
    column = torch.arange(inputs.shape[3])
    padding = (column < inputs.first_tokens.unsqueeze(-1)).reshape(-1, 1, inputs.shape[3], 1)
    other = attrs.evolve(inputs, keys=torch.where(padding, 1000.0, inputs.keys), shared={})
    assert selected(inputs, page_size=page_size, budget=2) == selected(other, page_size=page_size, budget=2)


@given(attention_inputs(max_keys=20, masks=("none",)), PAGE_SIZES, st.integers(1, 20), st.booleans())
def test_a_request_that_grows_selects_as_if_asked_at_once(
    inputs: AttentionInputs, page_size: int, context: int, share: bool
) -> None:
    """With a state, asked after every key from a context on and once more, as without one."""
    state = AttentionState(context)
    masker = quest(page_size=page_size, budget=0.3, share_kv_group=share)
    k = inputs.shape[3]
    for n in [*range(min(context, k), k + 1), k]:
        keys, values, query = inputs.keys[:, :, :n], inputs.values[:, :, :n], inputs.queries[:, :, :1]
        remembering, afresh = (AttentionInputs(query, keys, values, state=known) for known in (state, None))
        empty = Mask.empty(afresh.shape)
        assert masker.add_mask(remembering, empty) == masker.add_mask(afresh, empty)


@pytest.mark.parametrize(("budget", "pages"), [(1, 1), (2, 1), (3, 2), (4, 2), (0.1, 1), (0.25, 2), (0.5, 3), (1.0, 5)])
def test_a_budget_is_rounded_up_to_pages(budget: int | float, pages: int) -> None:
    """Ten keys in pages of two: a budget of three keys, or of a quarter of them, is two pages; 1.0 is all."""
    mask = selected(of_keys(*range(10)), page_size=2, budget=budget, keep_last_page=False)
    assert kept(mask) == list(range(10 - 2 * pages, 10))


def test_pages_by_hand() -> None:
    """Pages 1 9 | 8 7 | 2 3 | 0: with q = 1 the best two are the first two, with q = -1 the bounds are -1 -7 -2 0."""
    config: dict[str, Any] = {"page_size": 2, "budget": 4, "keep_last_page": False}
    assert kept(selected(of_keys(1, 9, 8, 7, 2, 3, 0), **config)) == [0, 1, 2, 3]
    assert kept(selected(of_keys(1, 9, 8, 7, 2, 3, 0, query=-1.0), **config)) == [0, 1, 6]


def test_the_last_page_by_hand() -> None:
    """Pages 9 9 | 8 8 | 7 7 | 0: one page is the newest, two are it and the best; of the budget, not beside it."""
    inputs = of_keys(9, 9, 8, 8, 7, 7, 0)
    assert kept(selected(inputs, page_size=2, budget=1)) == [6]
    assert kept(selected(inputs, page_size=2, budget=4)) == [0, 1, 6]
    assert kept(selected(inputs, 6, page_size=2, budget=1)) == [4, 5, 6]
    assert kept(selected(inputs, 5, 6, page_size=2, budget=1)) == [4, 5, 6]


def test_the_last_page_is_each_querys_own() -> None:
    """Causal queries at 1, 3 and 5, a budget of one page of two: each keeps the page that it stands in."""
    keys = torch.tensor([9.0, 9, 8, 8, 7, 7]).reshape(1, 1, 6, 1)
    positions = torch.tensor([1, 3, 5])
    mask = (torch.arange(6) <= positions.unsqueeze(-1)).reshape(1, 1, 3, 6)
    inputs = AttentionInputs(torch.ones(1, 1, 3, 1), keys, keys, mask, query_positions=positions)
    rows = selected(inputs, page_size=2, budget=1).to_dense()[0, 0]
    assert [row.nonzero().flatten().tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]


def test_the_last_page_beside_what_is_certain_for_a_group() -> None:
    """Two KV heads of two heads each, of which the first has key 5: its heads keep 4, those of the second 4 and 5."""
    keys = torch.zeros(1, 2, 6, 1)
    inputs = AttentionInputs(torch.ones(1, 4, 1, 1), keys, keys)
    previous = Mask.from_indices(inputs.shape, torch.tensor([[[[5]], [[0]]]]))
    mask = quest(page_size=2, budget=1).add_mask(inputs, previous)
    assert [kept(mask, head) for head in range(4)] == [[4, 5], [4, 5], [0, 4, 5], [0, 4, 5]]


def test_a_page_that_is_certain_costs_nothing() -> None:
    """Beside a certain best page, the budget goes to the next; a page certain in part is taken whole."""
    inputs = of_keys(9, 9, 8, 8, 7, 7)
    assert kept(selected(inputs, 0, 1, page_size=2, budget=1, keep_last_page=False)) == [0, 1, 2, 3]
    assert kept(selected(inputs, 0, page_size=2, budget=1, keep_last_page=False)) == [0, 1]


def test_a_bias_counts_where_it_is_seen() -> None:
    """Equal keys, biases -5 -3 | -4 hidden: page 0 is bounded by -3 and page 1 by -4, not by the hidden 0."""
    mask = torch.tensor([-5.0, -3.0, -4.0, -torch.inf]).reshape(1, 1, 1, 4)
    inputs = attrs.evolve(of_keys(1, 1, 1, 1), attention_mask=mask, shared={})
    assert bounds(quest(page_size=2), inputs).flatten().tolist() == [-2.0, -3.0]


def test_a_group_is_bounded_by_its_largest_bound() -> None:
    """Head 0 bounds the pages by 5 0 4, head 1 by 0 6 4: one shared page is page 1, two are pages 0 and 1."""
    keys = torch.tensor([[5.0, 0.0], [0.0, 6.0], [4.0, 4.0]]).reshape(1, 1, 3, 2)
    inputs = AttentionInputs(torch.eye(2).reshape(1, 2, 1, 2), keys, keys, scaling=1.0)
    config: dict[str, Any] = {"page_size": 1, "share_kv_group": True, "keep_last_page": False}
    for head in (0, 1):
        assert kept(selected(inputs, budget=1, **config), head) == [1]
        assert kept(selected(inputs, budget=2, **config), head) == [0, 1]


def test_a_head_that_has_a_page_does_not_ask_for_it() -> None:
    """Where page 1 is certain for head 1 alone, head 0's bounds 5 0 4 decide: page 0."""
    keys = torch.tensor([[5.0, 0.0], [0.0, 6.0], [4.0, 4.0]]).reshape(1, 1, 3, 2)
    inputs = AttentionInputs(torch.eye(2).reshape(1, 2, 1, 2), keys, keys, scaling=1.0)
    previous = Mask.from_dense(torch.tensor([[[[0.0, 0, 0]], [[0.0, 1, 0]]]]))
    masker = quest(page_size=1, budget=1, share_kv_group=True, keep_last_page=False)
    after = masker.add_mask(inputs, previous)
    assert (kept(after, 0), kept(after, 1)) == ([0], [0, 1])


@pytest.mark.parametrize("key", [0.0, 2.5])
def test_equal_keys_go_to_the_first_pages(key: float) -> None:
    """Where no page is better than another, zero keys included, the lower page comes first."""
    assert kept(selected(of_keys(*[key] * 9), page_size=3, budget=4, keep_last_page=False)) == [0, 1, 2, 3, 4, 5]
    assert kept(selected(of_keys(*[key] * 9), page_size=3, budget=4)) == [0, 1, 2, 6, 7, 8]


def test_a_page_larger_than_the_context_is_all_of_it() -> None:
    """Three keys in a page of sixteen: any budget takes them all."""
    assert kept(selected(of_keys(1, 2, 3), budget=1)) == [0, 1, 2]


def test_nan_is_not_passed_over() -> None:
    """A page with a NaN key has no bound and comes first, and attention says so."""
    inputs = of_keys(5, 5, torch.nan, 1, 4, 4)
    mask = apply_maskers([quest(page_size=2, budget=1)], inputs)
    assert kept(mask) == [2, 3]
    with pytest.raises(NumericalError, match="NaN or infinite"):
        masked_attention(inputs, mask)
