"""What a task asks of generation, over the config's defaults, and when an answer ends: as in lm_eval's own model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from attrs import frozen
from lm_eval.models.utils import (  # type: ignore[import-untyped]  # lm_eval publishes no types
    handle_stop_sequences,
    normalize_gen_kwargs,
)
from lm_eval.models.utils_hf import stop_sequences_criteria  # type: ignore[import-untyped]  # the same

__all__ = ["Asked", "Until", "asked_for", "over_defaults"]

_LONGEST = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names under which tasks say how long an answer may be."""
_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")


@frozen
class Asked:
    """How one answer is generated: at most so many tokens, until one of these strings, with further options."""

    longest: int
    until: list[str]
    options: dict[str, Any]


def over_defaults(task: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """A task's generation options over those of the run config: where both say something, the task does."""
    said = any(task.get(name) is not None for name in _LONGEST)
    return {**{name: value for name, value in config.items() if not (said and name == "max_new_tokens")}, **task}


def asked_for(options: Mapping[str, Any], eos: str, longest: int) -> Asked:
    """As lm_eval's own model reads these options; ``longest`` where they set no length."""
    kwargs: dict[str, Any] = dict(normalize_gen_kwargs(dict(options), longest))
    until = handle_stop_sequences(kwargs.pop("until", None), eos=eos)
    limit = kwargs.pop("max_gen_toks")
    if not kwargs["do_sample"]:  # sampling values say nothing to a greedy search, and tasks often set them all the same
        kwargs = {name: value for name, value in kwargs.items() if name not in _SAMPLING}
    return Asked(limit, until, kwargs)


class Until:
    """Ends an answer at the strings that end it in lm_eval's own model, and knows its tokens."""

    def __init__(self, tokenizer: Any, strings: list[str]) -> None:
        self._criteria = stop_sequences_criteria(tokenizer, strings, 0, 1)
        self.tokens: list[int] = []

    def __call__(self, tokens: list[int]) -> bool:
        """Whether the answer ends with its latest token."""
        self.tokens = tokens
        ids = torch.tensor([tokens])
        return any(bool(criterion(ids, None)) for criterion in self._criteria)
