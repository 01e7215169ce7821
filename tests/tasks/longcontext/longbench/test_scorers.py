"""LongBench's scorers: any text has a score, a right answer the best one, and numbers that a reader can check."""

# ruff: noqa: RUF001
# Chinese text has Chinese punctuation.

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.tasks.row import Row
from sah_core.errors import UsageError
from sah_core.plugins import default_registry
from sah_tasks_longcontext.longbench.datasets import DATASETS
from sah_tasks_longcontext.scoring.longbench import (
    longbench_classification,
    longbench_code_sim,
    longbench_count,
    longbench_qa_f1,
    longbench_qa_f1_zh,
    longbench_retrieval,
    longbench_retrieval_zh,
    longbench_rouge,
    longbench_rouge_zh,
)
from sah_tasks_longcontext.scoring.rouge_l import rouge_l

Scorer = Callable[[str, Row], float]
OF_TEXT: list[Scorer] = [
    longbench_qa_f1,
    longbench_qa_f1_zh,
    longbench_rouge,
    longbench_rouge_zh,
    longbench_count,
    longbench_code_sim,
]
any_text = st.text(max_size=20) | st.text("aA the.7`#/\n 今天很好，。段落", max_size=20)
"""All of Unicode, half characters too; and texts in which the scorers' marks meet."""
words = st.lists(st.sampled_from(["a", "b", "c", "d", ".", ". ", "e.f", "\n"]), max_size=12).map(" ".join)


def row(*answers: str, **extra: object) -> Row:
    """A row with these right answers."""
    return Row("context", "question", answers, 8, extra=extra)


@pytest.mark.parametrize("scorer", OF_TEXT)
@given(any_text, st.lists(any_text, max_size=3))
def test_any_text_has_a_score(scorer: Scorer, prediction: str, answers: list[str]) -> None:
    """A float from 0 to 1 against any answers, even none; the best of the scores against each."""
    score = scorer(prediction, row(*answers))
    assert type(score) is float
    assert 0 <= score <= 1
    assert score == max((scorer(prediction, row(answer)) for answer in answers), default=0)


@given(st.lists(st.sampled_from(["a", "dog", "12", "今天", "很好"]), min_size=1, max_size=6).map(" ".join))
def test_a_right_answer_scores_best(answer: str) -> None:
    """Its own text scores 1, and ROUGE's 1e-8 less."""
    for scorer in (longbench_qa_f1_zh, longbench_rouge, longbench_rouge_zh, longbench_code_sim):
        assert scorer(answer, row("x", answer)) == pytest.approx(1, abs=1e-7)


@given(words, words)
def test_rouge_l_is_that_of_the_package(said: str, right: str) -> None:
    """To the last digit, where the package gives a number; 0 where it raises for a text without a sentence."""
    package = pytest.importorskip("rouge")
    try:
        expected = package.Rouge(metrics=["rouge-l"]).get_scores(said, right)[0]["rouge-l"]["f"]
    except ValueError:
        expected = 0.0
    assert rouge_l(said, right) == expected


@pytest.mark.parametrize(
    ("said", "right", "score"),
    [
        ("the cat sat", "the cat sat", 1),
        ("the cat sat on", "the dog sat", 2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3)),  # the, sat: of 4 and of 3
        ("b a", "a b", 1 / 2),  # in that order only one
        ("a a a", "a", 1),  # each word once
        ("a b. c d", "d c. b a", 1 / 2),  # b or a, c or d, of 4 and 4
        ("", "a", 0),
        ("...", "a", 0),
        ("a", "", 0),
        (" ", "a", 0),
        ("a.", "a", 1),
    ],
)
def test_rouge_l_by_hand(said: str, right: str, score: float) -> None:
    """Words on common subsequences of sentences, over the different words of either."""
    assert rouge_l(said, right) == pytest.approx(score, abs=1e-7)


def test_a_long_sentence_is_scored() -> None:
    """2000 words without a full stop score as short ones do: nothing recurses."""
    said, right = (" ".join(f"w{number}" for number in range(begin, begin + 1000)) for begin in (0, 500))
    assert rouge_l(said, right) == pytest.approx(1 / 2, abs=1e-7)


@pytest.mark.parametrize(
    ("scorer", "prediction", "answers", "score"),
    [
        (longbench_qa_f1, "The river.", ["a River"], 1),
        (longbench_qa_f1, "the long river", ["river", "sea"], 2 / 3),  # 1 word in common, of 2 and 1
        (longbench_qa_f1, "", ["river"], 0),
        (longbench_qa_f1, "a the", ["the"], 0),  # nothing is left
        (longbench_qa_f1, "CAFÉ\u3000bar", ["café"], 2 / 3),
        (longbench_qa_f1_zh, "天气很好。", ["天气，很好"], 1),
        (longbench_qa_f1_zh, "天气很好", ["今天 天气"], 2 / 5),  # 天气 of 天气, 很, 好 and 今天, 天气
        (longbench_qa_f1_zh, "", ["今天"], 0),
        (longbench_qa_f1_zh, "。，", ["，"], 0),
        (longbench_rouge, "the cat sat on", ["the dog sat", "bird"], 4 / 7),
        (longbench_rouge, "", ["the dog sat"], 0),
        (longbench_rouge_zh, "今天公园", ["天气公园"], 1 / 2),
        (longbench_rouge_zh, "", ["今天"], 0),
        (longbench_retrieval, "Paragraph 7", ["Paragraph 7"], 1),
        (longbench_retrieval, "It is 7, or 12 or 7.", ["Paragraph 7"], 2 / 3),
        (longbench_retrieval, "Paragraph 17", ["Paragraph 7"], 0),
        (longbench_retrieval, "none", ["Paragraph 7"], 0),
        (longbench_retrieval_zh, "段落7和12", ["段落7"], 1 / 2),
        (longbench_count, "There are 12 of 30.", ["12"], 1 / 2),
        (longbench_count, "012", ["12"], 0),
        (longbench_count, "twelve", ["12"], 0),
        (longbench_count, "", ["12"], 0),
        (longbench_code_sim, "\n\n    return x\nmore", ["    return x"], 1),
        (longbench_code_sim, "```python\n# ab\nab // c\nabcd\nx", ["abce"], 0.75),  # 1 out, 1 in, of 8
        (longbench_code_sim, "ab", ["abcd"], 0.67),  # 2 in, of 6
        (longbench_code_sim, "# only", ["x"], 0),
        (longbench_code_sim, "\u00a0\nx", ["x"], 0),  # a line of white space is one
        (longbench_code_sim, "", [""], 1),
    ],
)
def test_scores_by_hand(scorer: Scorer, prediction: str, answers: list[str], score: float) -> None:
    """What the docstrings say, on texts short enough to check."""
    assert scorer(prediction, row(*answers)) == pytest.approx(score, abs=1e-7)


@pytest.mark.parametrize(
    ("prediction", "right", "score"),
    [
        ("Location: river", "river", 1),
        ("river or tree", "river", 1 / 2),
        ("tree", "river", 0),
        ("", "river", 0),
        ("riverbed", "riverbed", 1),  # "river" is part of the right one
        ("riverbed", "river", 1 / 2),  # and "riverbed" is not part of "river"
        ("riverside", "riverside", 1 / 2),  # "river" is left out, and so "side", after it, is not looked at
    ],
)
def test_classes_by_hand(prediction: str, right: str, score: float) -> None:
    """One over the classes that are named, less those that are part of the right one, with the script's oversight."""
    classes = ["river", "side", "tree", "riverbed", "riverside"]
    assert longbench_classification(prediction, row(right, all_classes=classes)) == score


@pytest.mark.parametrize("dataset", DATASETS)
def test_one_line_counts_in_few_shot_datasets(dataset: str) -> None:
    """In trec, triviaqa, samsum and lsht what comes after the first line is no part of the answer."""
    one_line = dataset in ("trec", "triviaqa", "samsum", "lsht")
    for scorer in (longbench_qa_f1, longbench_rouge, longbench_classification):
        asked = row("river", dataset=dataset, all_classes=["tree", "river"])
        full = scorer("\n\nriver", asked)
        assert (scorer("\n\nriver\ntree", asked) == full) == one_line
        assert scorer("tree\nriver", asked) == (0 if one_line else scorer("tree river", asked))


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        (longbench_classification, "needs the column all_classes, a list of all classes' names"),
        (longbench_retrieval, r"the right answer 'seven' should name a paragraph by its number, as Paragraph \("),
        (longbench_retrieval_zh, r"the right answer 'seven' should name a paragraph by its number, as 段落\("),
    ],
)
def test_rows_that_a_scorer_cannot_score(scorer: Scorer, said: str) -> None:
    """Rows of another task are told apart from wrong answers."""
    with pytest.raises(UsageError, match=said):
        scorer("7", row("seven"))


def test_every_dataset_has_its_scorer() -> None:
    """The scorers' names are those of the registry, from this package, with a description."""
    scorers = default_registry().scorers
    for dataset in DATASETS.values():
        assert scorers.load(dataset.scorer).__name__ == dataset.scorer
        assert scorers.record(dataset.scorer).distribution == "sah-tasks-longcontext"
        assert scorers.find(dataset.scorer).description
