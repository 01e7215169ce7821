"""LooGLE's scorers: the numbers of the packages that its script uses, and examples that a reader can check."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nltk.translate.bleu_score import sentence_bleu  # type: ignore[import-untyped]  # it has no types

from sah_bench.scoring.scorer import Scorer
from sah_bench.tasks.row import Row
from sah_core.plugins import default_registry
from sah_tasks_longcontext.scoring.loogle_bleu import bleu_1, bleu_4
from sah_tasks_longcontext.scoring.loogle_cloze import exact_match, partial_match
from sah_tasks_longcontext.scoring.loogle_rouge import rouge_1, rouge_2, rouge_l

any_text = st.text(max_size=40) | st.text("ab. \n", max_size=40)
words = st.lists(st.sampled_from(["a", "b", "c", "a.", ".", "B", "d. e"]), max_size=12).map(" ".join)
"""Sentences of few words, so that many are the same."""
NAMES = {"<mask-0>": "Tank", "<mask-1>": "JoAnn Fabrics"}
SCORERS: list[Callable[[str, Row], float]] = [bleu_1, bleu_4, rouge_1, rouge_2, rouge_l, exact_match, partial_match]


def row(answer: object) -> Row:
    """A row with this right answer, a mapping as JSON."""
    return Row("context", "question", (answer if isinstance(answer, str) else json.dumps(answer),), 8)


@pytest.mark.parametrize("scorer", SCORERS)
@given(any_text, any_text)
def test_any_text_has_a_score(scorer: Scorer, prediction: str, answer: str) -> None:
    """Every prediction scores a float from 0 to 1."""
    score = scorer(prediction, row(NAMES if scorer in (exact_match, partial_match) else answer))
    assert type(score) is float
    assert 0 <= score <= 1


@given(words, words)
def test_rouge_is_the_packages_recall(prediction: str, answer: str) -> None:
    """Where the package `rouge` gives a number, which it does where both texts have a sentence, it is this one."""
    package = pytest.importorskip("rouge")
    assume(prediction.strip(".") and answer.strip("."))
    (found,) = package.Rouge().get_scores([prediction], [answer])
    expected = [found[name]["r"] for name in ("rouge-1", "rouge-2", "rouge-l")]
    assert [scorer(prediction, row(answer)) for scorer in (rouge_1, rouge_2, rouge_l)] == pytest.approx(expected)


@given(words, words)
def test_bleu_is_nltks(prediction: str, answer: str) -> None:
    """NLTK gives the smallest number above 0 where no four words are in common, and warns; here that is 0."""
    assume(prediction and answer.split())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [
            sentence_bleu([answer.split()], prediction.split(), weights=weights)
            for weights in ((1, 0, 0, 0), (0, 0, 0, 1))
        ]
    found = [bleu_1(prediction, row(answer)), bleu_4(prediction, row(answer))]
    assert found == pytest.approx(expected, abs=1e-15)


def test_a_long_sentence_has_a_score() -> None:
    """Of 2,000 words without a stop, on which the package would recurse 2,000 times."""
    text = " ".join(map(str, range(2000)))
    assert rouge_l(text, row(" ".join(map(str, range(0, 2000, 2))))) == 1


@given(st.dictionaries(st.text(max_size=8), st.text(min_size=1, max_size=8), min_size=1))
def test_the_right_names_score_one(names: dict[str, str]) -> None:
    """However they are written out, as JSON or as Python does, with spaces around them."""
    for said in (json.dumps(names), json.dumps(names, ensure_ascii=False), repr(names)):
        assert exact_match(f" {said} \n", row(names)) == 1


@pytest.mark.parametrize(
    ("scorer", "prediction", "answer", "score"),
    [
        (rouge_1, "the cat", "the black cat", 2 / 3),
        (rouge_1, "The cat", "the black cat", 1 / 3),  # case counts
        (rouge_1, "cat cat cat", "cat cat dog", 1 / 2),  # as sets: {cat} of {cat, dog}
        (rouge_2, "a b c. d", "a b. c d", 1),  # pairs reach over stops: ab, bc, cd
        (rouge_2, "a", "a", 0),
        (rouge_l, "a b c. d", "a b. c d e", 4 / 5),  # a b, and c, and d, of five words
        (rouge_l, "b a", "a b", 1 / 2),
        (rouge_l, "", "None", 1),  # an empty answer counts as None
        (rouge_l, "...", "a", 0),
        (rouge_l, "Москва столица", "столица", 1),
        (bleu_1, "the cat sat", "the cat", 2 / 3),
        (bleu_1, "the", "the cat", math.exp(1 - 2 / 1)),
        (bleu_1, "the the", "the cat", 1 / 2),
        (bleu_1, "dog", "the cat", 0),
        (bleu_4, "a b c d e", "a b c d f", 1 / 2),  # abcd and bcde, of which one is in common
        (bleu_4, "a b c", "a b c", 0),  # no four words
        (exact_match, '{"<mask-0>": "Tank", "<mask-1>": "JoAnn"}', NAMES, 1 / 2),
        (partial_match, '{"<mask-0>": "Tank", "<mask-1>": "JoAnn"}', NAMES, 1),
        (exact_match, "{'<mask-0>': 'Tank', '<mask-1>': 'JoAnn Fabrics'}", NAMES, 1),
        (exact_match, "{'<mask-0>': 'tank', '<mask-7>': 'JoAnn Fabrics'}", NAMES, 0),
        (partial_match, "{'<mask-0>': 'tank', '<mask-1>': 'Fabrics of JoAnn'}", NAMES, 1 / 2),
        (exact_match, "{'<mask-0>': 'Tank', '<mask-1>': 'JoAnn Fab", NAMES, 0),  # half of it
        (exact_match, "{'<mask-0>': 'Tank'} is the answer", NAMES, 0),
        (exact_match, "['Tank', 'JoAnn Fabrics']", NAMES, 0),
        (exact_match, "dict(zip(['<mask-0>'], ['Tank']))", NAMES, 0),  # is not run
        (partial_match, "{'<mask-0>': 5, '<mask-1>': null}", NAMES, 0),
        (partial_match, '{"<mask-0>": ["Tank"], "<mask-1>": null}', NAMES, 0),
        (exact_match, "", NAMES, 0),
        (exact_match, "{}", {}, 0),
        (partial_match, '{"<mask-0>": "東京 駅"}', {"<mask-0>": "駅"}, 1),
    ],
)
def test_scores_by_hand(scorer: Scorer, prediction: str, answer: object, score: float) -> None:
    """On texts short enough to check."""
    assert scorer(prediction, row(answer)) == pytest.approx(score, abs=1e-15)


def test_the_names_are_those_of_the_config() -> None:
    """Each is offered under its name."""
    names = ["bleu_1", "bleu_4", "rouge_1", "rouge_2", "rouge_l", "cloze_exact", "cloze_partial"]
    assert [default_registry().scorers.load(f"loogle_{name}") for name in names] == SCORERS
