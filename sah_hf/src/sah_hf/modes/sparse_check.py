"""Whether what should have been sparse was: every layer, in every forward, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from sah_hf.errors import NotSparseError

from .sparse_mode import SparseMode

__all__ = ["check_mode", "check_sparse"]


def check_sparse(modes: Iterable[SparseMode], layers: Collection[int]) -> None:
    """Raise NotSparseError where a forward that was to be sparse was dense in one of these layers.

    Where the protocol leaves nothing to be sparse (an answer of one token is read nowhere, ``first_tokens_dense`` is
    longer than question and answer) no forward was to be: that is what was asked for, and the report's density is None.
    """
    forwards, counted, name = 0, Counter[int](), ""
    for mode in modes:
        forwards += mode.sparse_forwards
        counted += mode.sparse_layers
        name = type(mode.model).__name__
    missed = [layer for layer in layers if counted[layer] < forwards]
    if missed:
        found = ", ".join(f"layer {layer} in {counted[layer]}" for layer in missed)
        raise NotSparseError(
            f"{forwards} forwards of {name} should have been sparse in every layer that is not in dense_layers, and "
            f"were not: {found}; was the model, or its attention implementation, changed meanwhile?"
        )


def check_mode(mode: SparseMode, layers: Collection[int]) -> None:
    """Raise NotSparseError where the model ran in a sparse mode and stayed dense, or ran, but not in it.

    A mode in which nothing ran at all is none: there was nothing to be sparse.
    """
    check_sparse([mode], layers)
    if mode.sparse_forwards or mode.held_dense:
        return
    if mode.forwards:
        why = (
            f"none came to column {mode.sparse_from}, from which on queries are sparse"
            if mode.sparse_from is not None
            else "each began with an empty KV cache, which is read densely, and none continued one (is use_cache off?)"
        )
        raise NotSparseError(f"nothing was sparse in this mode: of {mode.forwards} forwards, {why}")
    if mode.elsewhere:
        raise NotSparseError(
            f"nothing was sparse in this mode: the model ran {mode.elsewhere} times while it was open, but in another "
            "thread or context, where it is dense: open the mode in the thread that calls the model, or start that "
            "thread with target=contextvars.copy_context().run, args=(model.generate, ...)"
        )
