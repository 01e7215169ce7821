"""Turn a request into token ids: the context once, each question apart, special tokens only where they belong.

Context and question are tokenized apart, because the context is read before any question is known: the tokens of
``context + question`` as one text may differ around the seam. The beginning-of-text token comes once, first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from sah_hf.errors import RequestError

from .request import Request

__all__ = ["RequestTokens", "context_tokens", "question_tokens", "request_tokens"]

_PLACE = "<<the request's context and question>>"


@frozen
class RequestTokens:
    """Token ids of the context, and of what follows it for each question."""

    context: list[int]
    questions: tuple[list[int], ...]


def request_tokens(tokenizer: Any, request: Request) -> RequestTokens:
    """Tokenize a request.

    In a chat, context and question are one user turn: the template up to the user's words goes before the context, what
    comes after them behind the question. The template writes its own special tokens, so none are added.
    Raises RequestError where nothing is left to read, or the tokenizer has no chat template that could be split.
    """
    return RequestTokens(
        context_tokens(tokenizer, request.context, chat=request.chat),
        question_tokens(tokenizer, request.asked, request.answer_prefix, chat=request.chat),
    )


def context_tokens(tokenizer: Any, text: str, *, chat: bool) -> list[int]:
    """Tokenize a context, with what comes before it; errors as `request_tokens`."""
    tokens = _plain(tokenizer, _split_template(tokenizer)[0] + text) if chat else _with_beginning(tokenizer, text)
    if not tokens:
        raise RequestError(f"the tokenizer makes no token of the context {_shortened(text)}")
    return tokens


def question_tokens(
    tokenizer: Any, questions: Sequence[str], answer_prefix: str, *, chat: bool
) -> tuple[list[int], ...]:
    """Tokenize each question, with what comes behind it; errors as `request_tokens`."""
    after = _split_template(tokenizer)[1] if chat else ""
    found = tuple(_plain(tokenizer, question + after + answer_prefix) for question in questions)
    for question, tokens in zip(questions, found, strict=True):
        if not tokens:
            raise RequestError(f"the tokenizer makes no token of the question {_shortened(question)}")
    return found


def _plain(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _with_beginning(tokenizer: Any, text: str) -> list[int]:
    """The text's tokens after the special tokens that the tokenizer begins a text with, unless it is there already."""
    plain = _plain(tokenizer, text)
    marked = list(tokenizer(text, add_special_tokens=True)["input_ids"])
    extra = len(marked) - len(plain)
    # What it would put at the end of a text (an end-of-text token) has no place before a question.
    start = next((n for n in range(extra + 1) if marked[n : n + len(plain)] == plain), 0)
    beginning = marked[:start]
    return plain if plain[:start] == beginning else beginning + plain


def _split_template(tokenizer: Any) -> tuple[str, str]:
    if getattr(tokenizer, "chat_template", None) is None:
        raise RequestError("the request asks for a chat, but the tokenizer has no chat template: leave out chat")
    turn = [{"role": "user", "content": _PLACE}]
    try:
        text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # jinja2's, which is loaded when a template is used, or that there is no jinja2
        raise RequestError(
            f"the tokenizer's chat template makes nothing of a chat that is one turn of the user ({error}): leave out "
            "chat, and write context and question as the template would"
        ) from error
    parts = text.split(_PLACE)
    if len(parts) != 2:
        raise RequestError(
            f"the tokenizer's chat template shows the user's words {len(parts) - 1} times instead of once, "
            "so it cannot be split into what comes before the context and after the question"
        )
    return parts[0], parts[1]


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
