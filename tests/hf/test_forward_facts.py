"""What a forward finds out about its masks, once: the same keys are seen, the same is added to their logits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs
from sah_hf.attention.forward_facts import ForwardFacts

LOWEST = torch.finfo(torch.float32).min
CELLS = {
    "nothing": [0.0],
    "hiding": [0.0, LOWEST],
    "hiding in two ways": [0.0, LOWEST, -math.inf],
    "hiding and adding": [0.0, -1.5, LOWEST],
    "adding": [0.25, -1.5],
}


@st.composite
def additive_masks(draw: st.DrawFn) -> Tensor:
    """(1, 1 or 2, q, 9), cells drawn from one of the lists above."""
    heads, queries = draw(st.sampled_from([1, 2])), draw(st.integers(1, 3))
    cells = st.sampled_from(CELLS[draw(st.sampled_from(list(CELLS)))])
    count = heads * queries * 9
    return torch.tensor(draw(st.lists(cells, min_size=count, max_size=count))).reshape(1, heads, queries, 9)


def logits(mask: Tensor | None, queries: int, keys: int) -> Tensor:
    torch.manual_seed(0)
    inputs = AttentionInputs(
        torch.randn(1, 2, queries, 4), torch.randn(1, 1, keys, 4), torch.randn(1, 1, keys, 4), attention_mask=mask
    )
    return inputs.logits


@given(additive_masks(), st.integers(4, 9), st.booleans())
def test_a_mask_means_what_it_did(mask: Tensor, keys: int, as_bool: bool) -> None:
    """For any mask, bool or additive, and any number of leading columns, the logits are the same to the last bit."""
    given_mask = mask > LOWEST / 2 if as_bool else mask
    said = ForwardFacts().mask(given_mask, keys)
    assert torch.equal(logits(said, mask.shape[2], keys), logits(given_mask, mask.shape[2], keys))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([0.0, 0.0, 0.0, 0.0], None),
        ([0.0, 0.0, 0.0, LOWEST], None),  # the fourth column is past the keys
        ([LOWEST, 0.0, 0.0, 0.0], [False, True, True]),
        ([-math.inf, 0.0, 0.0, 0.0], [False, True, True]),
        ([LOWEST, 0.0, -1.5, 0.0], [LOWEST, 0.0, -1.5]),
    ],
)
def test_by_hand(cells: list[float], expected: list[bool] | list[float] | None) -> None:
    """Of three keys: a mask that says nothing is none, one that only hides is bool, another stays as it is."""
    said = ForwardFacts().mask(torch.tensor(cells).reshape(1, 1, 1, 4), 3)
    assert (None if said is None else said[0, 0, 0, :3].tolist()) == expected


def test_each_mask_is_looked_at_once() -> None:
    """A second layer with the same mask is given the same tensor; another mask or length is another question."""
    facts = ForwardFacts()
    mask = torch.tensor([LOWEST, 0.0, 0.0, 0.0]).reshape(1, 1, 1, 4)
    said = facts.mask(mask, 3)
    assert facts.mask(mask, 3) is said
    assert facts.mask(mask.clone(), 3) is not said
    assert facts.mask(mask, 4) is not said
    assert facts.positions(5, 2, mask.device) is facts.positions(5, 2, mask.device)
    assert facts.positions(5, 2, mask.device).tolist() == [5, 6]
