"""Make contexts fit a model: refuse those that do not, or leave out their middle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

from sah_bench.tasks.row import Row
from sah_hf.errors import RequestError
from sah_hf.requests.request import Request
from sah_hf.requests.tokens import request_tokens

__all__ = ["FittedContext", "fitted_contexts"]


@frozen
class FittedContext:
    """A context as the model is given it."""

    text: str
    cut: int = 0
    """How many of its tokens were left out."""


def fitted_contexts(
    rows: Sequence[Row],
    tokenizer: Any,
    positions: int | None,
    new_tokens: Callable[[Row], int],
    truncate: Literal["refuse", "middle"],
) -> Mapping[str, FittedContext]:
    """Every context of a table, by its text, with room for any of its questions and its answer.

    ``positions`` is how many tokens the model takes (None: any number), ``new_tokens`` how many an answer may have.
    With ``middle``, a context that is too long keeps its beginning and its end, cut between tokens.
    Raises RequestError, naming the sample, where a context does not fit and may not or cannot be cut.
    """
    if positions is None:
        return {row.context: FittedContext(row.context) for row in rows}
    needed: dict[str, _Needed] = {}
    for (context, prefix, chat), samples in _by_context(rows).items():
        questions = [rows[sample].question for sample in samples]
        tokens = request_tokens(tokenizer, Request(context, questions, prefix, chat=chat))
        for sample, question in zip(samples, tokens.questions, strict=True):
            need = _Needed(sample, len(tokens.context), len(question) + new_tokens(rows[sample]), chat)
            needed[context] = max(needed.get(context, need), need, key=lambda each: each.after)
    return {text: _fitted(text, need, tokenizer, positions, truncate) for text, need in needed.items()}


@frozen
class _Needed:
    """Tokens of a context, and of the question (that of ``sample``) and answer after it that need the most."""

    sample: int
    context: int
    after: int
    chat: bool


def _by_context(rows: Sequence[Row]) -> dict[tuple[str, str, bool], list[int]]:
    """The samples of each context and answer prefix, in a chat or not."""
    groups: dict[tuple[str, str, bool], list[int]] = {}
    for sample, row in enumerate(rows):
        groups.setdefault((row.context, row.answer_prefix, row.chat), []).append(sample)
    return groups


def _fitted(
    text: str, need: _Needed, tokenizer: Any, positions: int, truncate: Literal["refuse", "middle"]
) -> FittedContext:
    if need.context + need.after <= positions:
        return FittedContext(text)
    said = (
        f"sample {need.sample}: a context of {need.context} tokens, with {need.after} for question and answer, is "
        f"longer than the {positions} positions of the model"
    )
    if truncate == "refuse":
        raise RequestError(f"{said}: shorten it, or leave out its middle with --truncate middle")
    if not getattr(tokenizer, "is_fast", False):
        raise RequestError(f"{said}, and its tokenizer does not say where a token begins, so it cannot be cut")
    room = positions - need.after
    ends = [end for _, end in tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]]
    kept = len(ends) - (need.context - room)
    while kept >= 2:
        # The end begins where the token before it ended, so that the space between two words stays with it.
        shorter = text[: ends[kept - kept // 2 - 1]] + text[ends[-(kept // 2) - 1] :]
        tokens = len(request_tokens(tokenizer, Request(shorter, ".", chat=need.chat)).context)
        if tokens <= room:
            return FittedContext(shorter, need.context - tokens)
        kept -= tokens - room  # other tokens than before meet at the cut
    raise RequestError(f"{said}, and question and answer leave no room for any of it")
