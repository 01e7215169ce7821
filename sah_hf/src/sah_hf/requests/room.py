"""How many positions of a model a request leaves for its answers."""

from __future__ import annotations

from typing import Any

from sah_hf.errors import RequestError

from .tokens import RequestTokens

__all__ = ["check_context_room", "check_room", "check_scored_room", "room_for_answer"]


def room_for_answer(model: Any, tokens: RequestTokens, number: int) -> int | None:
    """How many tokens the answer to a question can have; None where the model's positions have no end.

    Raises RequestError where it is none.
    """
    limit = _positions(model)
    if limit is None:
        return None
    context, question = len(tokens.context), len(tokens.questions[number])
    room = limit - context - question
    if room < 1:
        raise RequestError(
            f"question {number} does not fit: {context} context tokens and {question} question tokens leave no "
            f"position for an answer, the model has {limit}: shorten the context or the question"
        )
    return room


def check_room(model: Any, tokens: RequestTokens) -> None:
    """Raise RequestError where a question has no position for an answer."""
    for number in range(len(tokens.questions)):
        room_for_answer(model, tokens, number)


def check_context_room(model: Any, context: int) -> None:
    """Raise RequestError where a context of so many tokens leaves no position for any question and its answer."""
    limit = _positions(model)
    if limit is not None and context + 2 > limit:
        raise RequestError(
            f"the context does not fit: {context} tokens leave no position for a question and an answer, the model "
            f"has {limit}: shorten it"
        )


def check_scored_room(model: Any, context: int, question: int, continuation: int) -> None:
    """Raise RequestError where a continuation has no position for a token that scores its next one."""
    limit = _positions(model)
    if limit is not None and context + question + continuation - 1 > limit:
        raise RequestError(
            f"a continuation of {continuation} tokens does not fit: after {context} context tokens and {question} "
            f"question tokens it needs {continuation - 1} positions, for all but its last, and the model has {limit} "
            "in all: shorten the context"
        )


def _positions(model: Any) -> int | None:
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return None if limit is None else int(limit)
