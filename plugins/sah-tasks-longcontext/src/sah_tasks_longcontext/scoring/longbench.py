"""The scorers of LongBench (Bai et al. 2023), as its ``metrics.py`` and ``eval.py`` compute them.

Each takes the best over the right answers. Where the dataset asks for one line (trec, triviaqa, samsum, lsht) only the
first line of a prediction counts, after line breaks at its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rapidfuzz.distance import Indel

from sah_bench.tasks.row import Row
from sah_core.errors import UsageError
from sah_tasks_longcontext.longbench.datasets import DATASETS

from .chinese import bare_words, chinese_words
from .rouge_l import rouge_l
from .words import common_words, normalized

__all__ = [
    "longbench_classification",
    "longbench_code_sim",
    "longbench_count",
    "longbench_qa_f1",
    "longbench_qa_f1_zh",
    "longbench_retrieval",
    "longbench_retrieval_zh",
    "longbench_rouge",
    "longbench_rouge_zh",
]

_ONE_LINE: Final = frozenset(name for name, dataset in DATASETS.items() if dataset.one_line)


def longbench_qa_f1(prediction: str, row: Row) -> float:
    """F1 of words, without case, ASCII punctuation and English articles (SQuAD's)."""
    return _best(prediction, row, lambda said, right: common_words(normalized(said).split(), normalized(right).split()))


def longbench_qa_f1_zh(prediction: str, row: Row) -> float:
    """F1 of jieba's words, without case, white space and punctuation."""
    return _best(prediction, row, lambda said, right: common_words(bare_words(said), bare_words(right)))


def longbench_rouge(prediction: str, row: Row) -> float:
    """ROUGE-L, see `rouge_l`."""
    return _best(prediction, row, rouge_l)


def longbench_rouge_zh(prediction: str, row: Row) -> float:
    """ROUGE-L of jieba's words; a Chinese full stop ends no sentence in it, see `rouge_l`."""
    return _best(prediction, row, lambda said, right: rouge_l(_spaced(said), _spaced(right)))


def longbench_classification(prediction: str, row: Row) -> float:
    """One over the number of classes that the prediction names, where the right one is among them; or 0.

    Names that are part of the right one ("人物" of "人物传记") are left out of the number, but the name right after one
    that was left out is not looked at: the set's script removes from the list that it walks through. Followed here.
    The script's search for the most similar class where none is named is never reached, and is left out.
    """
    classes = row.extra.get("all_classes")
    if not classes:
        raise UsageError("longbench_classification needs the column all_classes, a list of all classes' names")

    def scored(said: str, right: str) -> float:
        named = [name for name in classes if name in said]
        place = 0
        while place < len(named):
            if named[place] in right and named[place] != right:
                named.remove(named[place])  # so that the next one takes this place, and is passed over
            place += 1
        return 1 / len(named) if right in named else 0.0

    return _best(prediction, row, scored)


def longbench_retrieval(prediction: str, row: Row) -> float:
    """The share of numbers in the prediction that are the right paragraph's, of answers such as "Paragraph 7"."""
    return _best(prediction, row, lambda said, right: _share(said, _numbered(right, r"Paragraph (\d+)")))


def longbench_retrieval_zh(prediction: str, row: Row) -> float:
    """The share of numbers in the prediction that are the right paragraph's, of answers such as "段落7"."""
    return _best(prediction, row, lambda said, right: _share(said, _numbered(right, r"段落(\d+)")))


def longbench_count(prediction: str, row: Row) -> float:
    """The share of numbers in the prediction that are the right one, to the letter."""
    return _best(prediction, row, _share)


def longbench_code_sim(prediction: str, row: Row) -> float:
    """How similar the first line of code is to the right one, from 0 to 1 in steps of 0.01.

    It is the first line without "`", "#" and "//", after line breaks at the beginning, and may be empty. With d
    insertions and deletions between texts of n and m letters it scores ``round(100 (1 - d / (n + m))) / 100``: what
    fuzzywuzzy's ``ratio`` gives where python-Levenshtein is installed. Without it fuzzywuzzy takes difflib's
    ratio, which is another number; LongBench does not say which one its scores rest on (its issue 96).
    """
    return _best(_first_code(prediction), row, _similarity)


def _best(prediction: str, row: Row, scored: Callable[[str, str], float]) -> float:
    if row.extra.get("dataset") in _ONE_LINE:
        prediction = prediction.lstrip("\n").split("\n")[0]
    return max((float(scored(prediction, answer)) for answer in row.answers), default=0.0)


def _spaced(text: str) -> str:
    return " ".join(chinese_words(text))


def _share(said: str, right: str) -> float:
    numbers = re.findall(r"\d+", said)
    return numbers.count(right) / len(numbers) if numbers else 0.0


def _numbered(answer: str, pattern: str) -> str:
    found = re.search(pattern, answer)
    if found is None:
        raise UsageError(f"the right answer {answer!r} should name a paragraph by its number, as {pattern} does")
    return found[1]


def _first_code(prediction: str) -> str:
    lines = prediction.lstrip("\n").split("\n")
    return next((line for line in lines if not any(mark in line for mark in ("`", "#", "//"))), "")


def _similarity(said: str, right: str) -> float:
    return round(100 * Indel.normalized_similarity(said, right)) / 100
