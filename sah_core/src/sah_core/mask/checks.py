"""What a mask refuses, each with one sentence: what was given, what was expected."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sah_core.errors import MaskError

from .storage import Rows, serves

Shape = tuple[int, int, int, int]


def shape(given: Any) -> Shape:
    """A mask's logical shape, or MaskError."""
    sizes = tuple(given) if isinstance(given, tuple | list) else given
    whole = isinstance(sizes, tuple) and all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    if not whole or len(sizes) != 4 or min(sizes) < 1:
        raise MaskError(f"a mask's shape is four positive sizes (batch, query heads, queries, keys), not {sizes!r}")
    return sizes[0], sizes[1], sizes[2], sizes[3]


def tensor(given: Any, name: str) -> None:
    """A torch tensor, or MaskError."""
    if not isinstance(given, Tensor):
        raise MaskError(f"{name} should be a torch tensor, not {type(given).__name__}")


def same_shape(one: Shape, two: Shape, operation: str) -> None:
    """Two masks that an operation can combine, or MaskError."""
    if one != two:
        raise MaskError(f"'{operation}' needs two masks of the same shape, not {one} and {two}")


def stored_rows(given: Tensor, rows: Rows, name: str) -> None:
    """A tensor whose rows can stand for a mask's rows, or MaskError."""
    if given.dim() < 3 or not serves((given.shape[0], given.shape[1], given.shape[2]), rows):
        raise MaskError(
            f"{name} has shape {tuple(given.shape)}, which cannot serve rows {rows}: "
            f"batch should be 1 or {rows[0]}, heads a divisor of {rows[1]}, queries 1 or {rows[2]}"
        )


def dense(probs: Tensor, expected: Shape) -> None:
    """Probabilities in [0, 1] that fit the shape, or MaskError."""
    stored_rows(probs, expected[:3], "probs")
    if probs.dim() != 4 or probs.shape[-1] != expected[3]:
        raise MaskError(f"probs has shape {tuple(probs.shape)}; expected {expected}, or fewer stored rows of it")
    if not (probs.dtype == torch.bool or probs.dtype.is_floating_point):
        raise MaskError(f"probs has dtype {probs.dtype}; expected a floating dtype or bool")
    if probs.dtype != torch.bool:
        _in_range(probs, torch.ones_like(probs, dtype=torch.bool), "[0, 1]")


def indices(given: Tensor, probs: Tensor | None, counts: Tensor, expected: Shape) -> None:
    """Index rows whose entries are keys and whose probabilities are in (0, 1], or MaskError."""
    if given.dtype.is_floating_point or given.dtype.is_complex or given.dtype == torch.bool:
        raise MaskError(f"indices has dtype {given.dtype}; expected an integer dtype")
    if given.dim() != 4:
        raise MaskError(f"indices has shape {tuple(given.shape)}; expected four dimensions (batch, heads, queries, m)")
    stored_rows(given, expected[:3], "indices")
    tensor(counts, "counts")
    if counts.dtype.is_floating_point or counts.dtype.is_complex or counts.dtype == torch.bool:
        raise MaskError(f"counts has dtype {counts.dtype}; expected an integer dtype")
    if counts.shape != given.shape[:3]:
        raise MaskError(f"counts has shape {tuple(counts.shape)}; expected {tuple(given.shape[:3])}, one count a row")
    _same_device(counts, given, "counts")
    if counts.numel() and (int(counts.min()) < 0 or int(counts.max()) > given.shape[-1]):
        wrong = counts[(counts < 0) | (counts > given.shape[-1])][0]
        raise MaskError(f"a count is {int(wrong)}; expected 0 to {given.shape[-1]}, the length of an indices row")
    valid = torch.arange(given.shape[-1], device=given.device) < counts.unsqueeze(-1)
    wrong = given[valid & ((given < 0) | (given >= expected[3]))]
    if wrong.numel():
        raise MaskError(
            f"index {int(wrong[0])} is out of range; expected 0 to {expected[3] - 1} for {expected[3]} keys"
        )
    if probs is None:
        return
    tensor(probs, "probs")
    if probs.shape != given.shape or not probs.dtype.is_floating_point:
        raise MaskError(
            f"probs has shape {tuple(probs.shape)} and dtype {probs.dtype}; "
            f"expected the shape of indices, {tuple(given.shape)}, and a floating dtype"
        )
    _same_device(probs, given, "probs")
    _in_range(probs, valid, "(0, 1]")


def unique(rows: Tensor, keys: int) -> None:
    """Sorted rows without a key twice, or MaskError; padding is ``keys``."""
    twice = rows[..., 1:][(rows[..., 1:] == rows[..., :-1]) & (rows[..., 1:] < keys)]
    if twice.numel():
        raise MaskError(f"index {int(twice[0])} stands twice in a row; expected every key at most once")


def visible(given: Tensor, expected: Shape) -> Tensor:
    """A bool tensor that broadcasts to the mask's shape, or MaskError."""
    tensor(given, "visible")
    fits = given.dim() == 4 and all(size in (1, whole) for size, whole in zip(given.shape, expected, strict=True))
    if given.dtype != torch.bool or not fits:
        raise MaskError(
            f"visible has shape {tuple(given.shape)} and dtype {given.dtype}; "
            f"expected bool, broadcastable to {expected}"
        )
    return given.expand(*given.shape[:3], expected[3])


def row_slices(keys: tuple[int | slice, ...], rows: Rows) -> tuple[slice, slice, slice]:
    """A selection of batch, heads and queries as three slices that keep all dimensions, or MaskError."""
    if len(keys) > 3:
        raise MaskError(f"a mask is selected by batch, head and query, not by {len(keys)} keys")
    spans = []
    for key, size, name in zip(
        (*keys, *[slice(None)] * (3 - len(keys))), rows, ("batch", "head", "query"), strict=True
    ):
        if isinstance(key, slice):
            if not range(*key.indices(size)):
                raise MaskError(f"{name} selection {key} of a mask with {size} leaves no row")
            spans.append(key)
            continue
        if not -size <= key < size:
            raise MaskError(f"{name} {key} is out of range for a mask with {size}")
        spans.append(slice(key % size, key % size + 1))
    return spans[0], spans[1], spans[2]


def _in_range(probs: Tensor, valid: Tensor, expected: str) -> None:
    """Finite probabilities that stay in range when stored as float32."""
    stored = probs.float()
    low = stored < 0 if expected.startswith("[") else stored <= 0
    wrong = probs[valid & (low | (stored > 1) | stored.isnan())]
    if wrong.numel():
        raise MaskError(f"probability {float(wrong.flatten()[0]):g} is outside {expected}")


def _same_device(one: Tensor, two: Tensor, name: str) -> None:
    if one.device != two.device:
        raise MaskError(f"{name} is on {one.device} and indices on {two.device}; expected one device")
