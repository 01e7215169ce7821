"""InfiniteBench's scorers of its tasks with books and dialogues (OpenBMB/InfiniteBench, src/compute_scores.py)."""

# ruff: noqa: RUF001
# Punctuation that is to be left out has to be listed.

from __future__ import annotations

import re
import string
from typing import Final

from sah_bench.tasks.row import Row

from .words import common_words, normalized

__all__ = ["character", "chinese_answer", "choice", "english_answer"]

_DIALOGUE_SEPARATORS: Final = str.maketrans(dict.fromkeys("\n:\"'.,?!{}", " "))
_CHOICE_SEPARATORS: Final = re.compile(r"[\n\"'.,?!{}]")
_SPACES: Final = re.compile(r" +")
_LETTERS: Final = "ABCD"
_PREFIXES: Final = ("answer is:", "answer:", "answer is", "option is")
_NO_PUNCTUATION: Final = str.maketrans(
    "",
    "",
    string.punctuation + "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】"
    "〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏.",
)


def character(prediction: str, row: Row) -> float:
    """``longdialogue_qa_eng``: 1 where the name is a word of the prediction, whatever the prediction's case.

    As published, only the first of several names counts, and a name of two words is never found.
    """
    return float(row.answers[0] in prediction.translate(_DIALOGUE_SEPARATORS).upper().split())


def choice(prediction: str, row: Row) -> float:
    """``longbook_choice_eng``: 1 where the option that the prediction names is right.

    ``row.answers`` are the option and its letter. What is named is the first of these that there is: the first
    character, where it is A to D; all of the prediction, where it is the answer; what follows the first of the prefixes
    that occurs, and one more character; the first word made of neighbouring letters of ABCD.
    """
    said = prediction.strip()
    if not said:
        return 0.0
    if said[0] in _LETTERS:
        return float(said[0] in row.answers)
    if said in row.answers:
        return 1.0
    said = _SPACES.sub(" ", _CHOICE_SEPARATORS.sub(" ", said))
    prefix = next((prefix for prefix in _PREFIXES if prefix in said), None)
    if prefix is not None:
        return float(said[said.index(prefix) + len(prefix) + 1 :].startswith(row.answers))
    named = next((word for word in said.split() if word in _LETTERS), None)
    return float(named in row.answers)


def english_answer(prediction: str, row: Row) -> float:
    """``longbook_qa_eng``: F1 of words with the nearest right answer, as SQuAD's script normalizes them."""
    said = normalized(prediction).split()
    return max(common_words(said, normalized(answer).split()) for answer in row.answers)


def chinese_answer(prediction: str, row: Row) -> float:
    """``longbook_qa_chn``: F1 of characters with the nearest right answer, without punctuation and white space."""
    said = _characters(prediction)
    return max(common_words(said, _characters(answer)) for answer in row.answers)


def _characters(text: str) -> str:
    return "".join(text.lower().translate(_NO_PUNCTUATION).split())
