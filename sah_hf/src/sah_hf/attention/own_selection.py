"""The keys that a model with a sparse attention of its own passes over, as a mask.

To implementations called eager or sdpa these families hand a mask that hides those keys already; to any other, the mask
of all keys and apart from it the numbers of the keys, or of the blocks of keys, that they have selected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["SELECTIONS", "is_known", "masked", "passed_over"]

SELECTIONS = ("indices", "block_indices")
"""The keywords by which they hand it over."""


def is_known(module: nn.Module, query: Tensor, keywords: Mapping[str, Any]) -> bool:
    """Whether what an attention layer has selected for the queries (b, hq, q, d), if anything, has a form we know."""
    indices, blocks = (keywords.get(name) for name in SELECTIONS)
    b, heads, q = query.shape[:3]
    if indices is not None and tuple(indices.shape[:-1]) != (b, q):
        return False
    if blocks is None:
        return True
    fits = blocks.dim() == 4 and (blocks.shape[0], blocks.shape[2]) == (b, q) and heads % blocks.shape[1] == 0
    return fits and isinstance(_block_size(module), int)


def passed_over(module: nn.Module, query: Tensor, key: Tensor, keywords: Mapping[str, Any]) -> Tensor | None:
    """Which of the keys (b, hkv, k, d) the model's own selection hides; bool (b, 1 or hq, q, k), None where none is.

    ``indices`` (b, q, n): the keys that each query keeps. ``block_indices`` (b, groups, q, n): the blocks of keys that
    the queries of a group of heads keep, -1 for none.
    """
    indices, blocks = (keywords.get(name) for name in SELECTIONS)
    k = key.shape[2]
    if indices is not None:
        hidden = torch.ones(*indices.shape[:-1], k, dtype=torch.bool, device=key.device)
        return hidden.scatter(-1, indices.long(), False).unsqueeze(1)
    if blocks is not None:
        size = _block_size(module)
        count = -(-k // size)
        hidden = torch.ones(*blocks.shape[:-1], count + 1, dtype=torch.bool, device=key.device)
        hidden = hidden.scatter(-1, blocks.masked_fill(blocks < 0, count).long(), False)[..., :count]
        of_keys = hidden.repeat_interleave(size, -1)[..., :k]
        return of_keys.repeat_interleave(query.shape[1] // blocks.shape[1], 1)
    return None


def masked(mask: Tensor | None, hidden: Tensor) -> Tensor:
    """A mask, bool or additive, that hides these keys as well; None is one that hides nothing."""
    if mask is None:
        return ~hidden
    if mask.dtype == torch.bool:
        return mask & ~hidden
    return mask.masked_fill(hidden, torch.finfo(mask.dtype).min)


def _block_size(module: nn.Module) -> Any:
    return getattr(getattr(module, "indexer", None), "block_size", None)
