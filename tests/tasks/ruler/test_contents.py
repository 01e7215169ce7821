"""What is asked for stands in the context exactly as often as the task says, and nothing else answers the question."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from math import pi
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sah_bench.tasks.row import Row
from sah_tasks_ruler.config import HAYSTACK_OF, TaskName
from sah_tasks_ruler.fresh import Fresh
from sah_tasks_ruler.ruler import Ruler

from .made_files import config_of, essay
from .made_tokenizers import bpe, needle

NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
NIAH_TASKS = [task for task in HAYSTACK_OF if task != "vt"]
ASKED = {"niah_multivalue": (1, 4), "niah_multiquery": (4, 4), "niah_multikey_1": (4, 4)}
"""Keys and needles in the context; one of each in the others, but for what their haystack is made of."""

lengths = st.integers(1300, 3000)
seeds = st.integers(0, 10**6)


def rows_of(task: TaskName, files: dict[str, str], length: int, seed: int, **changes: object) -> tuple[Row, ...]:
    return Ruler(config_of(task, files, **changes)).rows(length, seed, bpe())


@given(st.sampled_from(NIAH_TASKS), st.sampled_from(["noise", "essay", "needle", None]), lengths, seeds)
@settings(max_examples=40)
def test_every_value_stands_once_under_its_key(
    files: dict[str, str], task: TaskName, haystack: str | None, length: int, seed: int
) -> None:
    """In any haystack: each value once, each key with as many values as it should have, the asked ones the answers."""
    essays = files["essays.txt"] if "essay" in (haystack, haystack or HAYSTACK_OF[task]) else None
    for row in rows_of(task, files, length, seed, haystack=haystack, essays=essays):
        needles = re.findall(r"One of the special magic (?:numbers|uuids) for (.+?) is: ([0-9a-f-]+)\.", row.context)
        values_of: dict[str, list[str]] = {}
        for key, value in needles:
            assert row.context.count(value) == 1
            values_of.setdefault(key, []).append(value)
        keys, count = ASKED.get(task, (1, 1))
        if (haystack or HAYSTACK_OF[task]) == "needle":
            assert [len(values) for values in values_of.values()].count(1) > count
        else:
            assert (len(values_of), len(needles)) == (keys, count)
        (query,) = re.findall(r"magic \w+ for (.+) mentioned in the provided text\?$", row.question)
        asked = re.split(r", (?:and )?", query)
        assert [sorted(values_of[key]) for key in asked] == [
            sorted(row.answers[start : start + count // keys]) for start in range(0, len(row.answers), count // keys)
        ]
        assert len(row.answers) == (1 if task == "niah_multikey_1" else count)


@pytest.mark.parametrize("task", ["niah_single_1", "vt"])
@given(lengths, seeds)
@settings(max_examples=15)
def test_noise_is_whole_lines_and_at_last_sentences(
    files: dict[str, str], task: TaskName, length: int, seed: int
) -> None:
    """Without what is hidden, the haystack is the same line again and again; the last one may have fewer sentences."""
    for row in rows_of(task, files, length, seed):
        lines = row.context.rpartition("afterwards.\n" if task == "niah_single_1" else "text.\n\n")[2].split("\n")
        noise = [line for line in lines if not line.startswith(("One of the", "VAR "))]
        assert set(noise[:-1]) == {NOISE}
        assert NOISE.startswith(noise[-1])
        assert noise[-1].endswith(".")
        assert lines[-1] == noise[-1]


@given(st.sampled_from(["niah_single_2", "niah_multivalue", "vt"]), lengths, seeds)
@settings(max_examples=15)
def test_essays_are_the_first_words_of_the_file(files: dict[str, str], task: TaskName, length: int, seed: int) -> None:
    """Without what is hidden it is the beginning of the file, with one space for white space; what is hidden stands
    between sentences, or after the last one, which may be cut.
    """
    words = essay(6000).split()
    changes = {"haystack": "essay", "essays": files["essays.txt"]}
    for row in rows_of(task, files, length, seed, **changes):
        haystack = row.context.rpartition("text.\n\n" if task == "vt" else "afterwards.\n")[2]
        statement = r"VAR \w+ = (?:VAR )?\w+\." if task == "vt" else r"One of the special magic \w+ for .+? is: .+?\."
        parts = re.split(f" ?{statement} ?", haystack)
        assert len(parts) == {"vt": 6, "niah_single_2": 2, "niah_multivalue": 5}[task]
        assert all(part == "" or part.endswith(".") for part in parts[:-1] if any(parts[parts.index(part) + 1 :]))
        found = " ".join(parts).split()
        assert found == words[: len(found)]


@pytest.mark.parametrize("haystack", ["noise", "essay"])
@given(lengths, seeds)
@settings(max_examples=15)
def test_a_chain_has_five_variables_and_one_value(files: dict[str, str], haystack: str, length: int, seed: int) -> None:
    """Each is assigned once, from the one before it, in this order; the example has another value and other names."""
    changes = {"haystack": haystack, "essays": files["essays.txt"] if haystack == "essay" else None}
    for row in rows_of("vt", files, length, seed, **changes):
        example, _, context = row.context.rpartition("Memorize and track")
        (value,) = re.findall(r"the value (\d{5}) ", row.question)
        assert re.findall(r"VAR (\w+) = (?:VAR )?(\w+)", context) == [
            (row.answers[0], value),
            *((new, old) for old, new in pairwise(row.answers)),
        ]
        assert len(set(row.answers)) == 5
        assert context.count(value) == 1
        assert value not in example
        assert not any(variable in example for variable in row.answers)
        shown = re.findall(r"VAR ([A-Z]{3}) =", example)
        assert len(set(shown)) == 5
        assert "VAR" not in shown


@pytest.mark.parametrize(
    ("length", "repeats", "example"), [(4095, (6, 1), (3, 1)), (4096, (30, 3), (10, 3)), (6000, (30, 3), (10, 3))]
)
@given(seeds)
@settings(max_examples=4)
def test_ten_words_are_more_common(
    files: dict[str, str], length: int, repeats: tuple[int, int], example: tuple[int, int], seed: int
) -> None:
    """They come 30 times and all others 3 times; 6 times and once below 4096. The example has none of the ten."""
    for row in rows_of("cwe", files, length, seed):
        shown, asked = re.findall(r"appear most often\.\n(1\. .+)(?:\nQ|$)", row.context)
        counts, in_example = Counter(listed(asked)), Counter(listed(shown))
        assert [counts.pop(word) for word in row.answers] == 10 * [repeats[0]]
        assert set(counts.values()) == {repeats[1]}
        assert Counter(in_example.values())[example[0]] == 10
        assert set(in_example.values()) == set(example)
        assert not {*in_example} & {*row.answers}


def listed(text: str) -> list[str]:
    """The words of a numbered list, whose numbers are those from 1."""
    numbers, words = re.findall(r"(?:^| )(\d+)\. ", text), re.split(r"(?:^| )\d+\. ", text)[1:]
    assert [int(number) for number in numbers] == [*range(1, len(words) + 1)]
    return words


def test_a_list_longer_than_all_words_is_of_pairs(files: dict[str, str]) -> None:
    """At a length of 80,000 whole words 8166 different ones do not suffice, and adjectives are put before nouns."""
    (row,) = Ruler(config_of("cwe", files, samples=1)).rows(80_000, 0, needle())
    counts = Counter(listed(row.context.rpartition("most often.\n")[2]))
    assert len(counts) > 8166
    assert [counts.pop(word) for word in row.answers] == 10 * [30]
    assert set(counts.values()) == {3}
    assert all("-" in word for word in row.answers)
    assert 79_000 < row.extra["tokens"] <= 80_000


@given(st.integers(500, 6000), seeds)
@settings(max_examples=40)
def test_three_coded_words_are_the_most_frequent(files: dict[str, str], length: int, seed: int) -> None:
    """Strictly so, but for the dots; and the word of rank k comes floor(n / (zeta(2) k²)) times, for one n."""
    for row in rows_of("fwe", files, length, seed):
        counted = Counter(row.context.rpartition("coded words. ")[2].split()).most_common()
        assert counted[0][0] == "..."
        counts = [count for _, count in counted]
        assert {word for word, _ in counted[1:4]} == {*row.answers}
        assert [dict(counted)[word] for word in row.answers] == counts[1:4]
        assert counts[3] > counts[4]
        possible = (n for n in range(6 * length) if int(n * 6 / pi**2) == counts[0])
        laws = ([int(n * 6 / (pi * rank) ** 2) for rank in range(1, len(counts) + 1)] for n in possible)
        assert counts in laws


@pytest.mark.parametrize("task", ["qa_1", "qa_2"])
@given(lengths, seeds)
@settings(max_examples=15)
def test_documents_stand_once(files: dict[str, str], task: TaskName, length: int, seed: int) -> None:
    """No document is there twice; those of the question are there, and with them its answer."""
    for row in rows_of(task, files, length, seed):
        documents = [each.partition("\n")[2] for each in row.context.split("\n\n")[2:]]
        assert len(set(documents)) == len(documents)
        if task == "qa_1":
            place = row.question.split("What does ")[1].split(" have")[0]
            (gold,) = (each for each in documents if f"The place {place} has" in each)
            assert all(answer in gold for answer in row.answers)
            assert len(set(row.answers)) == len(row.answers) == 2
        else:
            number = row.question.split("Title ")[1].split("-")[0]
            assert sum(each.startswith(f"Title {number}-") for each in documents) == 10
            assert row.answers == ("both",)


def test_paragraphs_of_the_article_come_first(files: dict[str, str]) -> None:
    """In SQuAD the others of the same article are taken before any other document, as RULER has it."""
    for row in rows_of("qa_1", files, 2000, 0, samples=5):
        article = row.question.split("What does P")[1].split("-")[0]
        articles = re.findall(r"The place P(\d+)-", row.context)
        assert articles.count(article) == 12 or set(articles) == {article}


def test_the_question_of_a_document_is_anywhere(files: dict[str, str]) -> None:
    """Its document stands at other places in other samples."""
    rows = rows_of("qa_1", files, 2000, 0, samples=20)
    places = [row.context.index(f"The place {row.question.split('What does ')[1].split(' have')[0]} ") for row in rows]
    assert len({place * 4 // len(row.context) for place, row in zip(places, rows, strict=True)}) == 4


def test_needles_are_anywhere(files: dict[str, str]) -> None:
    """In noise, essays and other needles they stand in every quarter of the context."""
    for task in ("niah_single_1", "niah_single_2", "niah_multikey_2"):
        rows = rows_of(task, files, 2000, 0, samples=30)
        assert len({row.context.index(row.answers[0]) * 4 // len(row.context) for row in rows}) == 4


def test_a_draw_is_repeated_until_it_is_new() -> None:
    """Of a, a, bc, d: a is new, bc stands in the text, d is new."""
    draws = iter(["a", "a", "bc", "d"])
    fresh = Fresh("abcdef"[1:3])
    assert [fresh.drawn(draws.__next__) for _ in range(2)] == ["a", "d"]


def test_a_document_is_never_another_questions_copy(files: dict[str, str], tmp_path: Path) -> None:
    """A paragraph that two questions share is one document."""
    asked = json.loads(Path(files["hotpot.json"]).read_text("utf-8"))
    for each in asked[1:]:
        each["context"][2] = asked[0]["context"][2]
    (tmp_path / "shared.json").write_text(json.dumps(asked), "utf-8")
    for row in rows_of("qa_2", files, 3000, 0, questions=str(tmp_path / "shared.json"), samples=5):
        assert row.context.count("Title 0-2 is near") == 1
