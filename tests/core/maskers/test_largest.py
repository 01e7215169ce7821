"""The exact selection: what a full sort would give, on short rows and on rows long enough to be sampled."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, Mask, OpenUnits, Units
from sah_core.mask import IndexRows
from sah_core.maskers import RandomOrder
from sah_core.maskers.largest import FEW, largest
from sah_core.testing import attention_inputs, masks

pytestmark = pytest.mark.usefixtures("reader")


def row_inputs(rows: int, keys: int) -> AttentionInputs:
    """One query of so many heads."""
    return AttentionInputs(torch.zeros(1, rows, 1, 1), torch.zeros(1, 1, keys, 1), torch.zeros(1, 1, keys, 1))


def opened(rows: int, keys: int, taken: list[list[int]]) -> OpenUnits:
    """All keys but those taken from each row."""
    inputs = row_inputs(rows, keys)
    probs = torch.zeros(1, rows, 1, keys)
    for row, gone in enumerate(taken):
        probs[0, row, 0, gone] = 1
    rows_taken = Mask(inputs.shape, IndexRows.from_selected(probs > 0))
    return OpenUnits.of(inputs, Units.of(inputs, 1), rows_taken)


def by_sorting(scores: Tensor, wanted: list[int], taken: list[list[int]]) -> list[list[int]]:
    """Row by row in plain Python: NaN first, then the largest, lower position first."""
    result = []
    for row, values in enumerate(scores[0, :, 0].tolist()):
        order = sorted(
            set(range(len(values))) - set(taken[row]),
            key=lambda key: (-math.inf if math.isnan(values[key]) else -values[key], key),  # used at once
        )
        result.append(sorted(order[: wanted[row]]))
    return result


def found(rows: IndexRows) -> list[list[int]]:
    """The keys of each head's row."""
    return [rows.indices[0, row, 0, : int(rows.counts[0, row, 0])].tolist() for row in range(rows.rows[1])]


KINDS = ["normal", "ties", "equal", "zeros", "nan", "infinite", "hidden", "sorted"]


def make_scores(kind: str, rows: int, keys: int, seed: int) -> Tensor:
    """Scores of one kind, (1, rows, 1, keys)."""
    random = torch.Generator().manual_seed(seed)
    scores = torch.randn(1, rows, 1, keys, generator=random)
    odd = torch.rand(scores.shape, generator=random) < 0.01
    return {
        "normal": scores,
        "ties": (scores * 3).round(),
        "equal": torch.zeros_like(scores),
        "zeros": torch.zeros_like(scores).copysign(scores),  # of both signs: they are equal
        "nan": scores.masked_fill(odd, math.nan).copysign(scores),
        "infinite": scores.masked_fill(odd, math.inf),
        "hidden": torch.where(odd, scores, -math.inf),
        "sorted": scores.sort(-1).values,
    }[kind]


@settings(max_examples=60)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 3),
    st.sampled_from([1, 5, 40, FEW + 1, 3 * FEW]),
    st.integers(0, 2**16),
    st.data(),
)
def test_it_is_what_sorting_gives(kind: str, rows: int, keys: int, seed: int, data: st.DataObject) -> None:
    """The wanted number of open units with the largest scores, in order of position, whatever the scores are."""
    scores = make_scores(kind, rows, keys, seed)
    wanted = data.draw(st.lists(st.integers(0, max(1, keys // 6)), min_size=rows, max_size=rows))
    gone = st.lists(st.integers(0, keys - 1), max_size=8, unique=True)
    taken = data.draw(st.lists(gone, min_size=rows, max_size=rows))
    chosen = largest(scores, torch.tensor(wanted).reshape(1, rows, 1), opened(rows, keys, taken))
    assert found(chosen) == by_sorting(scores, wanted, taken)


@given(st.sampled_from(KINDS), st.integers(1, 3), st.integers(1, 40), st.integers(0, 2**16))
def test_what_is_open_may_be_told_by_cells(kind: str, rows: int, keys: int, seed: int) -> None:
    """As it is where a mask hides keys: a row takes what it wants of them, or all that there are."""
    scores = make_scores(kind, rows, keys, seed)
    open_cells = torch.rand(scores.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    taken = [(~open_cells[0, row, 0]).nonzero().flatten().tolist() for row in range(rows)]
    chosen = largest(scores, 7, OpenUnits((1, rows, 1), keys, None, open_cells))
    assert found(chosen) == by_sorting(scores, [7] * rows, taken)


def test_taking_everything_that_is_open() -> None:
    """A row with fewer open units than are wanted gives them all."""
    scores = torch.tensor([[[[3.0, -math.inf, 5.0, math.nan]], [[1.0, 2.0, 3.0, 4.0]]]])
    chosen = largest(scores, torch.tensor([[[9]]]), opened(2, 4, [[2], [0, 1, 2, 3]]))
    assert found(chosen) == [[0, 1, 3], []]


@given(attention_inputs(), st.data(), st.integers(1, 4))
def test_open_units_are_those_with_a_visible_key_that_is_not_taken(
    inputs: AttentionInputs, data: st.DataObject, size: int
) -> None:
    """Of rows and of groups, counted, hidden and looked up, behind padding and under any mask: as the cells say."""
    taken = data.draw(masks(inputs.shape)).certain()
    units = Units.of(inputs, size)
    free = inputs.visible & (taken.to_dense() == 0)
    cells = units.any_of(free.expand(inputs.shape))
    b, hq, q, _ = inputs.shape
    for heads in (hq, inputs.kv_heads):
        rows = OpenUnits.of(inputs, units, taken).of_groups(heads)
        expected = cells.reshape(b, heads, hq // heads, q, -1).any(2)
        assert torch.equal(rows.of_rows(), expected)
        assert torch.equal(rows.counts, expected.sum(-1))
        values = torch.rand(expected.shape)
        assert torch.equal(rows.hide(values, 7.0), torch.where(expected, values, torch.tensor(7.0)))
        some = IndexRows.from_selected(torch.rand(expected.shape) < 0.5)
        assert torch.equal(
            rows.contains(some), expected.gather(-1, some.indices.clamp(max=units.count - 1)) & some.valid
        )


@settings(max_examples=30)
@given(st.integers(1, 3), st.sampled_from([1, 6, FEW + 1, 3 * FEW]), st.integers(0, 2**16), st.data())
def test_a_random_order_begins_with_the_smallest_numbers(rows: int, keys: int, seed: int, data: st.DataObject) -> None:
    """The first of each row's uniform numbers, though few of a long row are looked at, also when asked for more."""
    numbers = torch.rand(1, rows, 1, keys, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    taken = torch.rand(numbers.shape, generator=torch.Generator().manual_seed(seed)) < 0.1
    numbers, counts = numbers.masked_fill(taken, 1.0), (~taken).sum(-1)
    order = RandomOrder(numbers, counts)
    exact = numbers.argsort(dim=-1, stable=True)
    for part in data.draw(st.lists(st.sampled_from([0.0, 0.03, 0.031, 0.05, 0.9, 1.0]), min_size=1, max_size=3)):
        sizes = (counts * part).ceil().long()
        first = order.first(sizes)
        for row in range(rows):
            size = int(sizes[0, row, 0])
            assert first.indices[0, row, 0, :size].tolist() == sorted(exact[0, row, 0, :size].tolist())


@pytest.mark.parametrize("size", [1, 3])
def test_columns_of_units(size: int) -> None:
    """Pages of 3 counted from the first token: behind 2 columns of padding, page 1 of 8 keys is columns 2 to 4."""
    inputs = AttentionInputs(
        torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 8, 1), torch.zeros(1, 1, 8, 1), padding=torch.tensor([2])
    )
    units = Units.of(inputs, size)
    chosen = IndexRows(torch.tensor([[[[1, 3]]]]), torch.tensor([[[2]]]), None, units.count)
    expected = {1: [1, 3], 3: [2, 3, 4]}[size]
    columns = units.columns(chosen, 8)
    assert columns.indices[0, 0, 0, : int(columns.counts)].tolist()[: len(expected)] == expected
