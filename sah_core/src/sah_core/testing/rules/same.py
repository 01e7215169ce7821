"""Saying what is wrong with a mask: which cell, what was there, what should be."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.mask import Mask

__all__ = ["first_cell", "require_none", "require_same"]

RELATIVE = 1e-4


def first_cell(cells: Tensor) -> str:
    """The first true cell of a bool tensor (b, h, q, k), named."""
    batch, head, query, key = (int(place[0]) for place in cells.nonzero(as_tuple=True))
    return f"batch row {batch}, query head {head}, query {query}, key {key}"


def require_none(wrong: Tensor, complaint: str) -> None:
    """Raise AssertionError with the complaint and the first place where ``wrong`` (b, h, q, k) is true, if any."""
    if bool(wrong.any()):
        raise AssertionError(f"{complaint}: {first_cell(wrong)}")


def require_same(found: Mask, expected: Mask, complaint: str) -> None:
    """Raise AssertionError unless both masks attend to the same keys, with the same probabilities up to rounding.

    Products of matrices of other shapes round differently, so the probabilities may differ by one part in ten thousand.
    """
    if found.shape != expected.shape:
        raise AssertionError(f"{complaint}: the mask has shape {found.shape} instead of {expected.shape}")
    one, two = found.to_dense("cpu"), expected.to_dense("cpu")
    wrong = ((one > 0) != (two > 0)) | ~torch.isclose(one, two, rtol=RELATIVE, atol=0.0)
    if bool(wrong.any()):
        place = tuple(wrong.nonzero()[0].tolist())
        raise AssertionError(
            f"{complaint}: {first_cell(wrong)} has probability {float(one[place]):.6g} "
            f"instead of {float(two[place]):.6g}"
        )
