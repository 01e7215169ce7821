"""What the tests of ways to call share: a call of ``generate``, and maskers of which each shows something else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

NEW = 5
OPTIONS: dict[str, Any] = {"max_new_tokens": NEW, "do_sample": False, "eos_token_id": None, "pad_token_id": 258}
PADDING = 258

FULL = {"maskers": [{"kind": "causal"}]}
WINDOWS = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}]
ORACLE = {"maskers": [*WINDOWS, {"kind": "oracle_top_k", "budget": 3}]}
PAGES = {"kind": "efficient", "maskers": [*WINDOWS, {"kind": "quest", "page_size": 2, "budget": 4}]}
LEARNED = {"maskers": [*WINDOWS, {"kind": "pqcache", "budget": 3, "bits": 2, "share_kv_group": False}]}
DRAWN = {"maskers": [*WINDOWS, {"kind": "random", "rate": 0.3}]}


def generate(model: Any, ids: Tensor, mask: Tensor | None = None, **options: Any) -> list[list[int]]:
    """The new tokens of each row, no token twice."""
    mask = torch.ones_like(ids) if mask is None else mask
    output = model.generate(ids, attention_mask=mask, **{**OPTIONS, "no_repeat_ngram_size": 1, **options})
    new: list[list[int]] = output[:, ids.shape[1] :].tolist()
    return new


def padded(ids: Tensor, gaps: list[int], *, right: bool = False) -> tuple[Tensor, Tensor]:
    """The ids and their attention mask, with so many columns of each row turned into padding, on the left or right."""
    ids, mask = ids.clone(), torch.ones_like(ids)
    for row, gap in enumerate(gaps):
        columns = slice(ids.shape[1] - gap, None) if right else slice(gap)
        ids[row, columns], mask[row, columns] = PADDING, 0
    return ids, mask


@torch.no_grad()
def read(model: Any, ids: Tensor, **given: Any) -> Any:
    """The KV cache that the model fills with these tokens."""
    return model(input_ids=ids, use_cache=True, **given).past_key_values


@torch.no_grad()
def logits_of(model: Any, ids: Tensor, cache: Any, **given: Any) -> Tensor:
    """The logits of tokens that continue a cache, all in one forward."""
    logits: Tensor = model(input_ids=ids, past_key_values=cache, use_cache=True, **given).logits
    return logits
