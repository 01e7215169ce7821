"""The 501 words of the needle language: five marks, 384 keys, 96 filler words and 16 value words.

Every word is one token, so a text's length in tokens is its length in words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = [
    "ANSWER_WORDS",
    "BOS",
    "DOT",
    "EOS",
    "FILLER_IDS",
    "KEY_IDS",
    "PAD",
    "QUESTION",
    "RECORD_WORDS",
    "VALUE_IDS",
    "WORDS",
    "spell",
]

_MARKS = ("<pad>", "<bos>", "<eos>", "?", ".")
_KEYS = tuple(
    consonant + vowel + ending
    for consonant in "bdfgklmnprst"
    for vowel in "aeio"
    for ending in ("dor", "lin", "mus", "nak", "vel", "zim", "tas", "rok")
)
_FILLER_TEXT = """
the a of and to in on at by for with from into over under near past then now here there soon once again still often
river stone road hill house field garden window door wall roof tree leaf grass rain snow wind cloud sun moon star
night day morning evening summer winter spring autumn bread milk salt sugar water fire smoke dust sand clay wood
iron glass paper ink book page line word song drum bell clock lamp chair table shelf box bag rope wheel cart boat
ship port hat coat key coin lane hut
"""
_VALUE_TEXT = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_FILLER = tuple(_FILLER_TEXT.split())
_VALUES = tuple(_VALUE_TEXT.split())

WORDS: Final = _MARKS + _KEYS + _FILLER + _VALUES
"""Every word, at its token id."""

PAD, BOS, EOS, QUESTION, DOT = range(len(_MARKS))
KEY_IDS: Final = range(len(_MARKS), len(_MARKS) + len(_KEYS))
FILLER_IDS: Final = range(KEY_IDS.stop, KEY_IDS.stop + len(_FILLER))
VALUE_IDS: Final = range(FILLER_IDS.stop, FILLER_IDS.stop + len(_VALUES))

ANSWER_WORDS: Final = 3
"""Value words in an answer; the answer ends with ``<eos>``."""
RECORD_WORDS: Final = 1 + ANSWER_WORDS + 1
"""Words in a record: ``key v v v .``"""


def spell(ids: Iterable[int]) -> str:
    """The text of token ids, words apart by one space."""
    return " ".join(WORDS[i] for i in ids)
