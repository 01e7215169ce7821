"""Context, question and answer prefix together are RULER's prompt, to the letter."""

from __future__ import annotations

import re

import pytest

from sah_bench.tasks.row import Row
from sah_tasks_ruler.config import TaskName
from sah_tasks_ruler.ruler import Ruler

from .made_files import config_of
from .made_tokenizers import bpe

NIAH = (
    "Some special magic {type_needle_v} are hidden within the following text. Make sure to memorize it. I will quiz "
    "you about the {type_needle_v} afterwards.\n{context}\nWhat are all the special magic {type_needle_v} for {query} "
    "mentioned in the provided text? The special magic {type_needle_v} for {query} mentioned in the provided text are"
)
VT = (
    "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{context}\nQuestion: Find "
    "all variables that are assigned the value {query} in the text above. Answer: According to the chain(s) of "
    "variable assignment in the text above, {num_v} variables are assigned the value {query}, they are: "
)
CWE = (
    "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that "
    "appear most often.\n{context}\nQuestion: What are the 10 most common words in the above list? Answer: The top 10 "
    "words that appear most often in the list are:"
)
FWE = (
    "Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared "
    "coded words. {context}\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the "
    "three most frequently appeared words in the above coded text? Answer: According to the coded text above, the "
    "three most frequently appeared words are:"
)
QA = (
    "Answer the question based on the given documents. Only give me the answer and do not output any other words.\n\n"
    "The following are given documents.\n\n{context}\n\nAnswer the question based on the given documents. Only give me "
    "the answer and do not output any other words.\n\nQuestion: {query} Answer:"
)
"""Template and answer prefix of RULER's constants.py."""


def in_singular(template: str) -> str:
    """What niah.py makes of its template where one value is asked for."""
    for plural, singular in (("Some", "A"), ("are all", "is"), ("are", "is"), ("answers", "answer")):
        template = template.replace(plural, singular)
    return template


def prompt(row: Row) -> str:
    return row.context + row.question + row.answer_prefix


def row_of(task: TaskName, files: dict[str, str], length: int = 2000) -> Row:
    (row,) = Ruler(config_of(task, files, samples=1)).rows(length, 0, bpe())
    return row


def context_in(template: str, text: str, **filled: object) -> str:
    """What stands at the context's place; the text is the template else."""
    before, after = (part.format(**filled) for part in template.split("{context}"))
    assert text.startswith(before)
    assert text.endswith(after)
    return text[len(before) : len(text) - len(after)]


@pytest.mark.parametrize(
    ("task", "value", "keys"),
    [
        ("niah_single_1", "number", 1),
        ("niah_single_2", "number", 1),
        ("niah_single_3", "uuid", 1),
        ("niah_multikey_1", "number", 1),
        ("niah_multikey_2", "number", 1),
        ("niah_multikey_3", "uuid", 1),
        ("niah_multivalue", "numbers", 1),
        ("niah_multiquery", "numbers", 4),
    ],
)
def test_needles(files: dict[str, str], task: TaskName, value: str, keys: int) -> None:
    """One value is asked for in the singular, several in the plural; four keys are joined by commas and an "and"."""
    row = row_of(task, files)
    template = NIAH if value.endswith("s") else in_singular(NIAH)
    (query,) = re.findall(
        r"The special magic \w+ for (.+) mentioned in the provided text (?:is|are)$", row.answer_prefix
    )
    assert query.count(", ") == keys - 1
    assert query.count(", and ") == (keys > 1)
    haystack = context_in(template, prompt(row), type_needle_v=value, query=query)
    assert row.context.endswith(haystack)
    assert row.question.startswith("\nWhat ")
    assert row.max_new_tokens == 128


def test_variables(files: dict[str, str]) -> None:
    """An example of 500 tokens at most and its answer, a blank line, and then the question's own text."""
    row = row_of("vt", files)
    example, parted, asked = prompt(row).partition("\n\nMemorize")
    assert parted
    value = re.findall(r"the value (\d{5}) in the text above", row.question)[0]
    haystack = context_in(VT, f"Memorize{asked}", query=value, num_v=5)
    other, *_ = re.findall(r"the value (\d{5}) in the text above", example)
    shown, _, answered = example.rpartition("they are:  ")
    context_in(VT, f"{shown}they are: ", query=other, num_v=5)
    assert answered.split() == re.findall(r"VAR ([A-Z]{3}) =", example)
    tokens = len(bpe()(f"{shown}they are: ", add_special_tokens=False)["input_ids"])
    assert 470 < tokens < 520  # names have more or fewer tokens than those with which it was measured
    assert row.context.endswith(haystack)
    assert row.max_new_tokens == 30
    first, *others = [line for line in haystack.split("\n") if line.startswith("VAR")]
    assert first == f"VAR {row.answers[0]} = {value}"
    assert others == [f"VAR {new} = VAR {old} " for old, new in zip(row.answers, row.answers[1:], strict=False)]


@pytest.mark.parametrize("length", [2000, 4096])
def test_common_words(files: dict[str, str], length: int) -> None:
    """An example with its numbered answer, a line break, and then the question's own list."""
    row = row_of("cwe", files, length)
    example, parted, asked = prompt(row).rpartition("\nBelow is")
    assert parted
    listed = context_in(CWE, f"Below is{asked}")
    shown, prefix, answered = example.partition("in the list are: ")
    context_in(CWE, shown + prefix.rstrip())
    assert re.fullmatch(" ".join(rf"{number}\. .+?" for number in range(1, 11)), answered)
    assert listed.startswith("1. ")
    assert row.question == "\nQuestion: What are the 10 most common words in the above list?"
    assert row.max_new_tokens == 120


def test_frequent_words(files: dict[str, str]) -> None:
    """Coded words of six letters, and dots, with spaces between."""
    row = row_of("fwe", files)
    assert re.fullmatch(r"(\.\.\.|[a-z]{6})( (\.\.\.|[a-z]{6}))+", context_in(FWE, prompt(row)))
    assert row.max_new_tokens == 50


@pytest.mark.parametrize("task", ["qa_1", "qa_2"])
def test_documents(files: dict[str, str], task: TaskName) -> None:
    """Documents are numbered from 1, each under its number, with blank lines between."""
    row = row_of(task, files)
    query = row.question.rpartition("Question: ")[2]
    documents = context_in(QA, prompt(row), query=query).split("\n\n")
    assert [document.partition("\n")[0] for document in documents] == [
        f"Document {number}:" for number in range(1, len(documents) + 1)
    ]
    assert row.answer_prefix == " Answer:"
    assert row.max_new_tokens == 32


def test_a_document_of_hotpot_is_title_and_sentences(files: dict[str, str]) -> None:
    """The title is a line of its own, and the sentences follow as they stand in the file."""
    documents = row_of("qa_2", files).context.split("\n\n")[2:]
    assert all(
        re.fullmatch(r"Document \d+:\nTitle (\d+-\d)\nTitle \1 is near\. It has .+\.", each) for each in documents
    )
