"""Laws of top-k and top-p maskers, through a toy whose scores are read off the keys."""

import math
from collections.abc import Iterable
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    CompositionError,
    KeyIndex,
    Mask,
    MaskerConfig,
    OpenUnits,
    Size,
    TopKMasker,
    TopPMasker,
    Units,
    keys_of_size,
)
from sah_core.masker_config import StrictFraction
from sah_core.testing import attention_inputs, masks


def three(tensors: Iterable[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values."""
    queries, keys, values = tensors
    return queries, keys, values


class ToyTopKConfig(MaskerConfig):
    """Rank by the exact logits, one key or one page at a time."""

    kind: Literal["toy_top_k"] = "toy_top_k"
    budget: Size = 2
    page: int = 1
    share_kv_group: bool = False


class ToyTopK(TopKMasker[ToyTopKConfig]):
    """A page's score is its best visible key's."""

    @property
    def unit_size(self) -> int:
        return self.config.page

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return Units.of(inputs, self.config.page).largest_of(inputs.logits)

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        return super().aggregate(inputs, scores.softmax(-1), candidates)


class ToyTopPConfig(MaskerConfig):
    """Keep a share of the exact mass."""

    kind: Literal["toy_top_p"] = "toy_top_p"
    mass: StrictFraction = 0.5
    mass_reference: Literal["residual", "total"] = "residual"
    share_kv_group: bool = False


class ToyTopP(TopPMasker[ToyTopPConfig]):
    """Estimated logits are the exact ones."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return inputs.logits


class WrongTopK(TopKMasker[ToyTopKConfig]):
    """Scores of a shape that fits nothing."""

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        return torch.ones(1, 1, 1, 99)


budgets = st.one_of(st.integers(1, 6), st.sampled_from([0.1, 0.3, 0.5, 1.0]))


@st.composite
def inputs_and_previous(draw: st.DrawFn) -> tuple[AttentionInputs, Mask]:
    inputs = draw(attention_inputs())
    return inputs, draw(masks(inputs.shape)).restrict(inputs.visible)


@given(inputs_and_previous(), budgets)
def test_top_k_takes_the_best_that_are_not_certain(case: tuple[AttentionInputs, Mask], budget: Size) -> None:
    """Row by row: of the visible keys with pi < 1, those with the largest logits, lower index first, get pi = 1."""
    inputs, previous = case
    after = ToyTopK(ToyTopKConfig(budget=budget)).add_mask(inputs, previous).to_dense()
    before = previous.to_dense()
    visible = inputs.visible.expand(inputs.shape)
    b, h, q, k = inputs.shape
    for row in ((i, j, n) for i in range(b) for j in range(h) for n in range(q)):
        free = [key for key in range(k) if visible[row][key] and before[row][key] < 1]
        best = sorted(free, key=lambda key: (-float(inputs.logits[row][key]), key))  # used at once
        chosen = best[: keys_of_size(budget, int(visible[row].sum()))]
        expected = before[row].clone()
        expected[chosen] = 1
        assert torch.equal(after[row], expected)


@given(inputs_and_previous(), budgets, st.integers(1, 4), st.booleans())
def test_a_selection_is_monotone_visible_and_certain(
    case: tuple[AttentionInputs, Mask], budget: Size, page: int, share: bool
) -> None:
    """previous <= new; what is new is visible and certain; nothing is written to; every row with a key gets one."""
    inputs, previous = case
    before = previous.to_dense()
    tensors = [inputs.queries.clone(), inputs.keys.clone(), inputs.values.clone()]
    config = ToyTopKConfig(budget=budget, page=page, share_kv_group=share)
    after = ToyTopK(config).add_mask(inputs, previous)
    changed = after.to_dense() != before
    assert previous <= after
    assert bool((after.to_dense()[changed] == 1).all())
    assert bool((inputs.visible | ~changed).all())
    assert bool((after.attended() > 0)[inputs.visible.any(-1).expand(inputs.shape[:3])].all())
    assert torch.equal(previous.to_dense(), before)
    for one, two in zip(tensors, (inputs.queries, inputs.keys, inputs.values), strict=True):
        assert torch.equal(one, two)


@given(inputs_and_previous(), budgets, st.integers(1, 4), st.booleans())
def test_the_previous_masks_representation_does_not_matter(
    case: tuple[AttentionInputs, Mask], budget: Size, page: int, share: bool
) -> None:
    """A dense previous mask and the same one in its own form give the same result."""
    inputs, previous = case
    masker = ToyTopK(ToyTopKConfig(budget=budget, page=page, share_kv_group=share))
    assert masker.add_mask(inputs, previous) == masker.add_mask(inputs, Mask.from_dense(previous.to_dense()))


@given(inputs_and_previous(), st.integers(1, 4), st.booleans())
def test_the_whole_budget_is_dense(case: tuple[AttentionInputs, Mask], page: int, share: bool) -> None:
    """A budget of 1.0 makes every visible key certain."""
    inputs, previous = case
    after = ToyTopK(ToyTopKConfig(budget=1.0, page=page, share_kv_group=share)).add_mask(inputs, previous)
    assert after == Mask.from_dense(inputs.visible.expand(inputs.shape))


@given(attention_inputs(), budgets, st.integers(1, 4))
def test_pages_are_rounded_up(inputs: AttentionInputs, budget: Size, page: int) -> None:
    """From an empty mask, ceil(budget / page) whole pages of those with a visible key; all, for a full budget.

    Pages are counted from each batch row's first token.
    """
    after = ToyTopK(ToyTopKConfig(budget=budget, page=page)).add_mask(inputs, Mask.empty(inputs.shape)).to_dense() > 0
    b, h, q, k = inputs.shape
    visible = inputs.visible.expand(inputs.shape)
    for row in ((i, j, n) for i in range(b) for j in range(h) for n in range(q)):
        start = int(inputs.padding_columns[row[0]])
        seen = {(key - start) // page for key in range(k) if visible[row][key]}
        taken = {(key - start) // page for key in range(k) if after[row][key]}
        count = int(visible[row].sum())
        wanted = keys_of_size(budget, count)
        assert len(taken) == (len(seen) if wanted >= count else min(len(seen), -(-wanted // page)))
        whole = [bool(visible[row][key]) and (key - start) // page in taken for key in range(k)]
        assert after[row].tolist() == whole


@given(inputs_and_previous(), budgets, st.integers(1, 4))
def test_a_kv_group_shares_one_row(case: tuple[AttentionInputs, Mask], budget: Size, page: int) -> None:
    """With share_kv_group the new keys of the heads of a group are the same, stored once."""
    inputs, previous = case
    masker = ToyTopK(ToyTopKConfig(budget=budget, page=page, share_kv_group=True))
    alone = masker.add_mask(inputs, Mask.empty(inputs.shape))
    assert alone.index_rows().rows[1] == inputs.kv_heads
    chosen = (masker.add_mask(inputs, previous).to_dense() == 1).reshape(
        inputs.shape[0], inputs.kv_heads, -1, *inputs.shape[2:]
    )
    before = (previous.to_dense() == 1).reshape(chosen.shape)
    new = chosen & ~before
    per_group = new.any(2, keepdim=True)
    assert bool((chosen | ~per_group).all())


@given(attention_inputs(max_keys=8), budgets, st.booleans(), st.integers(0, 1000))
def test_permuting_keys_permutes_the_selection(inputs: AttentionInputs, budget: Size, share: bool, seed: int) -> None:
    """A selector that does not look at positions selects the same keys wherever they stand (ties apart)."""
    order = torch.randperm(inputs.shape[3], generator=torch.Generator().manual_seed(seed))
    moved = AttentionInputs(
        inputs.queries,
        inputs.keys[:, :, order],
        inputs.values[:, :, order],
        inputs.visible[..., order].contiguous(),
    )
    still = AttentionInputs(inputs.queries, inputs.keys, inputs.values, inputs.visible)
    masker = ToyTopK(ToyTopKConfig(budget=budget, share_kv_group=share))
    empty = Mask.empty(inputs.shape)
    one = masker.add_mask(still, empty).to_dense()[..., order] > 0
    two = masker.add_mask(moved, empty).to_dense() > 0
    # Equal logits may trade places, so what is compared is the multiset of logits selected.
    picked = [
        torch.where(cells, moved.logits, -math.inf).sort(-1).values if not share else cells.sum(-1)
        for cells in (one, two)
    ]
    torch.testing.assert_close(picked[0], picked[1], rtol=1e-5, atol=1e-4)


@given(inputs_and_previous(), st.sampled_from([0.1, 0.5, 0.9, 0.999]), st.sampled_from(["residual", "total"]))
def test_top_p_reaches_its_mass_with_the_fewest_keys(
    case: tuple[AttentionInputs, Mask], mass: float, reference: Literal["residual", "total"]
) -> None:
    """The mass is reached, and without the smallest new key it would not be; in float64."""
    inputs, previous = case
    config = ToyTopPConfig(mass=mass, mass_reference=reference)
    certain_before = previous.to_dense() == 1
    certain_after = ToyTopP(config).add_mask(inputs, previous).to_dense() == 1
    weights = inputs.logits.double().softmax(-1).nan_to_num(0.0)
    counted = inputs.visible & ~certain_before if reference == "residual" else inputs.visible.expand(inputs.shape)
    paid = torch.zeros(()) if reference == "residual" else weights.masked_fill(~certain_before, 0).sum(-1)
    wanted = mass * weights.masked_fill(~counted, 0).sum(-1)
    new = certain_after & ~certain_before
    reached = paid + weights.masked_fill(~new, 0).sum(-1)
    smallest = weights.masked_fill(~new, math.inf).amin(-1)
    tolerance = 1e-9
    assert bool((reached >= wanted * (1 - tolerance) - tolerance).all())
    has_new = new.any(-1)
    assert bool((reached - smallest < wanted + tolerance)[has_new].all())


@given(inputs_and_previous(), st.booleans())
def test_top_p_of_everything_is_dense(case: tuple[AttentionInputs, Mask], share: bool) -> None:
    """mass = 1 keeps every visible key, even those whose weight vanishes."""
    inputs, previous = case
    after = ToyTopP(ToyTopPConfig(mass=1.0, share_kv_group=share)).add_mask(inputs, previous)
    assert after == Mask.from_dense(inputs.visible.expand(inputs.shape))


@given(inputs_and_previous(), st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.booleans())
def test_top_p_is_monotone_in_its_mass(case: tuple[AttentionInputs, Mask], one: float, two: float, share: bool) -> None:
    """More mass keeps every key that less mass keeps."""
    inputs, previous = case
    less, more = (
        ToyTopP(ToyTopPConfig(mass=mass, share_kv_group=share)).add_mask(inputs, previous)
        for mass in sorted((one, two))
    )
    assert previous <= less <= more


def test_top_p_by_hand() -> None:
    """Weights .5 .3 .15 .05: mass .8 takes two keys, .81 three; with the first certain, .8 of the rest takes two."""
    keys = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().reshape(1, 1, 4, 1)
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1), keys, keys)

    def kept(mass: float, previous: Mask, reference: Literal["residual", "total"] = "residual") -> list[int]:
        after = ToyTopP(ToyTopPConfig(mass=mass, mass_reference=reference)).add_mask(inputs, previous)
        return after.to_indices()[0][0, 0, 0].tolist()

    empty, first = Mask.empty(inputs.shape), Mask.from_indices(inputs.shape, torch.tensor([[[[0]]]]))
    assert kept(0.79, empty) == [0, 1]
    assert kept(0.81, empty) == [0, 1, 2]
    assert kept(0.8, first) == [0, 1, 2]
    assert kept(0.79, first, "total") == [0, 1]
    assert kept(0.4, first, "total") == [0]


def test_a_mass_that_is_reached_exactly_takes_no_key_more() -> None:
    """Of four equal keys the first two hold exactly half."""
    inputs = AttentionInputs(*three(torch.ones(1, 1, n, 1) for n in (1, 4, 4)))
    half = ToyTopP(ToyTopPConfig(mass=0.5)).add_mask(inputs, Mask.empty(inputs.shape))
    assert half.to_indices()[0].flatten().tolist() == [0, 1]


def test_full_stays_full_and_wrong_scores_are_named() -> None:
    """A full mask is returned as it is; scores of another shape are the method's mistake and say so."""
    inputs = AttentionInputs(*three(torch.ones(1, 2, n, 4) for n in (1, 3, 3)))
    full = Mask.full(inputs.shape)
    assert ToyTopK(ToyTopKConfig()).add_mask(inputs, full) is full
    with pytest.raises(CompositionError, match=r"toy_top_k scored a tensor of shape \(1, 1, 1, 99\)"):
        WrongTopK(ToyTopKConfig()).add_mask(inputs, Mask.empty(inputs.shape))
