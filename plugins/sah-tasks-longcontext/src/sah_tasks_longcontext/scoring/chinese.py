"""Chinese text as words, by jieba."""

# ruff: noqa: RUF001
# Punctuation that is to be left out has to be listed.

from __future__ import annotations

import logging
import string
import warnings
from functools import cache
from typing import Any, Final

__all__ = ["bare_words", "chinese_words"]

_NO_PUNCTUATION: Final = str.maketrans(
    "",
    "",
    string.punctuation + "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】"
    "〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏.",
)
"""LongBench's list, in which 《 and · are missing."""


def chinese_words(text: str) -> list[str]:
    """The words of a text in their order, white space and punctuation among them; together they are the text."""
    return [*_tokenizer().cut(text)]


def bare_words(text: str) -> list[str]:
    """The words in lower case without white space and punctuation, as LongBench compares them."""
    words = ("".join(word.lower().translate(_NO_PUNCTUATION).split()) for word in chinese_words(text))
    return [word for word in words if word]


@cache
def _tokenizer() -> Any:
    """A tokenizer of our own, with jieba's dictionary alone, whatever else in the process adds to jieba's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes and of pkg_resources, which newer Pythons deprecate
        import jieba  # type: ignore[import-untyped]  # it has no types

    jieba.setLogLevel(logging.WARNING)  # it would write to stderr that it reads its dictionary
    return jieba.Tokenizer()
