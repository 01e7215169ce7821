"""Contexts that a model has no positions for: refused, or without their middle."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from sah_bench.executor.fitting import fitted_contexts
from sah_bench.tasks.row import Row
from sah_hf.errors import RequestError
from sah_hf.requests.request import Request
from sah_hf.requests.tokens import request_tokens
from sah_model_needle import NeedleTask
from sah_model_needle.checkpoint import directory


@cache
def tokenizer() -> Any:
    """The embedded model's: a token a word, and one that begins every text."""
    return AutoTokenizer.from_pretrained(directory(), local_files_only=True)


def words(number: int) -> str:
    """The first words of a needle context, so many of them."""
    return " ".join(NeedleTask(length=512).sample(0).context.split()[:number])


def new_tokens(row: Row) -> int:
    return row.max_new_tokens


LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=4, unique=True)


@given(LENGTHS, st.integers(12, 70), st.data())
def test_every_context_fits_with_each_of_its_questions(lengths: list[int], positions: int, data: st.DataObject) -> None:
    """What is cut is as little as can be, is the middle, and is counted; what fits is left as it is."""
    rows = [
        Row(words(length), "? " + words(data.draw(st.integers(1, 3))), ("x",), data.draw(st.integers(1, 4)))
        for length in lengths
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    fitted = fitted_contexts(rows, tokenizer(), positions, new_tokens, "middle")
    assert set(fitted) == {row.context for row in rows}
    for context, found in fitted.items():
        asked = [row for row in rows if row.context == context]
        after = max(len(row.question.split()) + row.max_new_tokens for row in asked)
        tokens = len(request_tokens(tokenizer(), Request(found.text, asked[0].question)).context)
        before = 1 + len(context.split())
        assert tokens == min(before, positions - after)
        assert found.cut == before - tokens
        kept, all_words = found.text.split(), context.split()
        head = (len(kept) + 1) // 2
        assert kept[:head] == all_words[:head]
        assert kept[head:] == all_words[len(all_words) - (len(kept) - head) :]


def test_the_middle_by_hand() -> None:
    """12 positions less 2 of the question and 3 new ones leave 7: the beginning's token, 3 first and 3 last words."""
    context = words(10)
    row = Row(context, "? " + words(1), ("x",), 3)
    found = fitted_contexts([row], tokenizer(), 12, new_tokens, "middle")[context]
    assert found.text == " ".join([*context.split()[:3], *context.split()[-3:]])
    assert found.cut == 4


def test_a_chats_own_tokens_take_room() -> None:
    """A word that the template writes before the context, and one after the question, cost two of the context's."""
    talker: Any = AutoTokenizer.from_pretrained(directory(), local_files_only=True)
    talker.chat_template = "<bos> moon {{ messages[0]['content'] }} rain"
    rows = [Row(words(10), "? " + words(1), ("x",), 3, chat=chat) for chat in (False, True)]
    cuts = [fitted_contexts([row], talker, 15, new_tokens, "middle")[row.context].cut for row in rows]
    assert cuts == [1, 3]


def test_nothing_is_cut_where_that_is_not_asked_for() -> None:
    """The first sample that is too long is named, with its numbers."""
    rows = [Row(words(5), "?", ("x",), 3), Row(words(10), "?", ("x",), 3)]
    with pytest.raises(RequestError, match=r"sample 1: a context of 11 tokens, with 4 .* longer than the 12 positions"):
        fitted_contexts(rows, tokenizer(), 12, new_tokens, "refuse")
    assert fitted_contexts(rows, tokenizer(), 15, new_tokens, "refuse")[words(10)].text == words(10)


def test_a_question_that_leaves_no_room_is_refused() -> None:
    """Nothing of the context could stay."""
    row = Row(words(10), words(8), ("x",), 3)
    with pytest.raises(RequestError, match="leave no room for any of it"):
        fitted_contexts([row], tokenizer(), 12, new_tokens, "middle")


def test_a_model_without_an_end_takes_everything() -> None:
    """There is nothing to fit, and nothing is tokenized."""
    row = Row(words(10), "?", ("x",), 3)
    assert fitted_contexts([row], None, None, new_tokens, "refuse")[row.context].text == row.context
