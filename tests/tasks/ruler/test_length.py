"""A length counts all that the model holds; no row exceeds it, and each comes as near as its haystack allows."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from sah_bench.tasks.row import Row
from sah_bench.tasks.task import TaskWarning
from sah_core.errors import ConfigError
from sah_hf.errors import RequestError
from sah_hf.requests.request import Request
from sah_hf.requests.tokens import request_tokens
from sah_tasks_ruler.config import TaskName
from sah_tasks_ruler.counter import TokenCounter
from sah_tasks_ruler.ruler import Ruler

from . import made_tokenizers
from .made_files import TASKS, config_of, hotpot


def tokens_of(row: Row, tokenizer: Any) -> int:
    """What the adapter makes of a row, and room for its answer."""
    request = Request(row.context, [row.question], row.answer_prefix, chat=row.chat)
    tokens = request_tokens(tokenizer, request)
    return len(tokens.context) + len(tokens.questions[0]) + row.max_new_tokens


@given(
    st.sampled_from(TASKS),
    st.sampled_from(list(made_tokenizers.MADE)),
    st.integers(1300, 3000),
    st.integers(0, 10**6),
)
@settings(max_examples=60)
def test_no_row_is_longer_than_asked(files: dict[str, str], task: TaskName, made: str, length: int, seed: int) -> None:
    """Of any task, length, seed and tokenizer; and ``tokens`` says how long it is, exactly as the adapter counts."""
    tokenizer = made_tokenizers.MADE[made]()
    for row in Ruler(config_of(task, files, chat=made == "bpe_in_chat")).rows(length, seed, tokenizer):
        assert tokens_of(row, tokenizer) == row.extra["tokens"] <= length


@pytest.mark.parametrize("made", ["bpe", "bpe_in_chat", "needle"])
@pytest.mark.parametrize("task", TASKS)
def test_at_4096_two_percent_are_left_at_most(files: dict[str, str], task: TaskName, made: str) -> None:
    """And none is too much, in each of four samples."""
    tokenizer = made_tokenizers.MADE[made]()
    rows = Ruler(config_of(task, files, samples=4, chat=made == "bpe_in_chat")).rows(4096, 0, tokenizer)
    assert len(rows) == 4
    for row in rows:
        assert 0.98 * 4096 <= tokens_of(row, tokenizer) <= 4096


@given(st.integers(600, 4095), st.integers(0, 100))
@settings(max_examples=30)
def test_a_sentence_of_noise_is_the_unit_below_4096(files: dict[str, str], length: int, seed: int) -> None:
    """The last line has as many of the five sentences as fit; of whole words, six tokens at most are left over."""
    tokenizer = made_tokenizers.words()
    (row,) = Ruler(config_of("niah_single_1", files, samples=1)).rows(length, seed, tokenizer)
    assert length - row.extra["tokens"] < 6


@pytest.mark.parametrize("task", TASKS)
def test_a_tokenizer_written_in_python_is_asked_as_well(files: dict[str, str], task: TaskName) -> None:
    """ByT5's, whose tokens are bytes: the bytes of the text are what is counted."""
    tokenizer = made_tokenizers.letters()
    (row,) = Ruler(config_of(task, files, samples=1)).rows(4095, 0, tokenizer)
    prompt = row.context + row.question + row.answer_prefix
    assert len(prompt.encode()) + row.max_new_tokens == row.extra["tokens"] <= 4095


def test_the_first_rows_are_the_same_where_more_are_asked(files: dict[str, str]) -> None:
    """With ten samples the first two are those of two samples, of every task."""
    tokenizer = made_tokenizers.bpe()
    for task in TASKS:
        two, ten = (Ruler(config_of(task, files, samples=n)).rows(1500, 3, tokenizer) for n in (2, 10))
        assert ten[:2] == two


def test_a_seed_has_its_own_rows_every_time(files: dict[str, str]) -> None:
    """The same seed gives the same rows; another one other contexts and other questions."""
    tokenizer = made_tokenizers.bpe()
    for task in TASKS:
        zero, again, one = (Ruler(config_of(task, files)).rows(1500, seed, tokenizer) for seed in (0, 0, 1))
        assert zero == again
        assert not {row.context for row in zero} & {row.context for row in one}
        assert {row.answers for row in zero} != {row.answers for row in one} or task == "qa_2"  # where all are "both"


@pytest.mark.parametrize("task", TASKS)
def test_a_length_too_short_says_what_is_enough(files: dict[str, str], task: TaskName) -> None:
    """In one sentence; and with that length it works."""
    tokenizer = made_tokenizers.bpe()
    with pytest.raises(ConfigError, match="length 100 is too short: with this tokenizer the task needs ") as said:
        Ruler(config_of(task, files, samples=1)).rows(100, 0, tokenizer)
    enough = int(str(said.value).split(" needs ")[1].split(",")[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TaskWarning)  # longer questions are passed over
        (row,) = Ruler(config_of(task, files, samples=1)).rows(enough, 0, tokenizer)
    assert row.extra["tokens"] <= enough
    assert enough % 10 == 0
    with pytest.raises(ConfigError, match="too short"):
        Ruler(config_of(task, files, samples=1)).rows(enough - 10, 0, tokenizer)


def test_a_length_is_needed(files: dict[str, str]) -> None:
    """The task is sized, and says so where it is used without the benchmark."""
    with pytest.raises(ConfigError, match=r"task 'ruler vt' needs a length, such as lengths: \[4096, 8192\]"):
        Ruler(config_of("vt", files)).rows(None, 0, made_tokenizers.bpe())


def test_what_the_adapter_refuses_is_told(files: dict[str, str]) -> None:
    """A chat without a chat template, and a tokenizer that makes no tokens, are the adapter's errors."""
    with pytest.raises(RequestError, match="the tokenizer has no chat template"):
        Ruler(config_of("vt", files, chat=True)).rows(1500, 0, made_tokenizers.bpe())
    with pytest.raises(ConfigError, match="makes no token of 'The grass is green"):
        Ruler(config_of("vt", files)).rows(1500, 0, made_tokenizers.silent(""))


@pytest.mark.parametrize("task", ["niah_multikey_2", "cwe", "fwe", "niah_single_2"])
def test_a_haystack_without_tokens_is_told(files: dict[str, str], task: TaskName) -> None:
    """A tokenizer that knows the template's letters only where the haystack has none could fill no length."""
    with pytest.raises((ConfigError, RequestError), match="the tokenizer makes no token of"):
        Ruler(config_of(task, files)).rows(1500, 0, made_tokenizers.silent("?"))


def test_a_count_is_the_tokenizers_own() -> None:
    """What the Rust tokenizer counts is what the tokenizer's own call makes, though its file says to cut at 64."""
    tokenizer: PreTrainedTokenizerFast = made_tokenizers.bpe_without_special()
    counter = TokenCounter(tokenizer, chat=False)
    texts = ["", "a", "The grass is green.\n" * 50, "caf\u00e9 \u6771\u4eac \U0001f600 </s>"]
    called = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    assert counter.counts(texts) == called == counter.pieces(texts)
    assert called[2] > 64


def test_documents_that_do_not_fill_a_length_are_told(files: dict[str, str], tmp_path: Path) -> None:
    """All 20 paragraphs of two questions make some 600 tokens; none is repeated for more, and the number is told."""
    path = tmp_path / "two.json"
    path.write_text(json.dumps(hotpot(2)), "utf-8")
    config = config_of("qa_2", files, questions=str(path))
    with pytest.raises(ConfigError, match=r"two\.json: its 20 documents make a context of [0-9]{3,4} tokens, ") as said:
        Ruler(config).rows(4096, 0, made_tokenizers.words())
    assert "there is room for 40" in str(said.value)


def test_questions_that_do_not_fit_are_passed_over(files: dict[str, str], tmp_path: Path) -> None:
    """The next ones are asked instead, and a warning counts the others; where none fits, it is an error."""
    asked = hotpot(30)
    for each in asked[:20]:
        each["context"][0][1].append(" long" * 5000)
    path = tmp_path / "long.json"
    path.write_text(json.dumps(asked), "utf-8")
    tokenizer = made_tokenizers.words()
    config = config_of("qa_2", files, questions=str(path), samples=10)
    with pytest.warns(TaskWarning, match=r"passed over [0-9]+ questions whose own documents do not fit in a length of"):
        rows = Ruler(config).rows(1500, 0, tokenizer)
    assert len({row.question for row in rows}) == 10
    with pytest.raises(ConfigError, match=r"samples is 11, .* 30 questions with an answer, of which 20 do not fit"):
        Ruler(config_of("qa_2", files, questions=str(path), samples=11)).rows(1500, 0, tokenizer)


def test_all_questions_of_a_file_may_be_asked(files: dict[str, str]) -> None:
    """Without a number of samples each comes once."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = Ruler(config_of("qa_1", files, samples=None)).rows(1500, 0, made_tokenizers.words())
    assert len(rows) == len({row.question for row in rows}) == 96
