"""Query rows that attention cannot answer: which one, and why."""

from __future__ import annotations

from torch import Tensor

from sah_core.errors import EmptyRowError
from sah_core.inputs import AttentionInputs

__all__ = ["check_no_empty_row", "first_row"]


def check_no_empty_row(inputs: AttentionInputs, empty: Tensor) -> None:
    """Raise EmptyRowError if one of the rows ``empty`` (b, hq, q) bool, which attend to no key, sees any."""
    wrong = empty & (inputs.visible_counts > 0)
    if bool(wrong.any()):
        raise EmptyRowError(
            f"{first_row(inputs, wrong.unsqueeze(-1))}: the query sees keys but none was selected; "
            "add a sink or local masker, or raise the budget, so that every row attends to something"
        )


def first_row(inputs: AttentionInputs, cells: Tensor) -> str:
    """The first row with a true cell, (b, hq, q, any number) bool, named."""
    batch, head, query = (int(place[0]) for place in cells.any(-1).nonzero(as_tuple=True))
    return f"layer {inputs.layer_idx}, batch row {batch}, query head {head}, query {query}"
