"""`Prompt`: a prompt's tokens, split into context and question, as many as the model has room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from sah_hf.requests.tokens import RequestTokens

from .split import SplitRule, seam, tokens_before

__all__ = ["Prompt", "split_prompt"]


@frozen
class Prompt:
    """The tokens of one prompt; ``context`` is empty where it has one token in all, or is a window of rolling text."""

    context: tuple[int, ...]
    question: tuple[int, ...]
    found_by: str
    """By what the split was found, as `Seam` says; ``one token``, ``window``: there was nothing to split."""

    @property
    def request(self) -> RequestTokens:
        """As sah_hf takes it."""
        return RequestTokens(list(self.context), (list(self.question),))


def split_prompt(
    tokenizer: Any, text: str, tokens: Sequence[int], doc: Any, rule: SplitRule, *, left_out: int = 0
) -> Prompt:
    """Split a prompt's tokens by a rule; the first ``left_out`` of them, for which there is no room, are then dropped.

    Context and question keep at least one token each, where there are two.
    """
    kept = tuple(tokens[left_out:])
    if len(kept) < 2:
        return Prompt((), kept, "one token")
    place = seam(text, doc, rule)
    if rule.kind == "tokens":
        end = len(tokens) - rule.tokens
    elif place.found_by == "last token":
        end = len(tokens) - 1
    else:
        end = tokens_before(tokenizer, text, tokens, place.characters)
    context = min(max(end - left_out, 1), len(kept) - 1)
    return Prompt(kept[:context], kept[context:], place.found_by)
