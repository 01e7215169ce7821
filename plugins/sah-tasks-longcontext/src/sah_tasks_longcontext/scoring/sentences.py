"""Sentences and their common words, as the package `rouge` 1.0 has them, on which published ROUGE scores rest.

That package follows each longest common subsequence by recursion, once a word, and fails at Python's limit, on
sentences of some 500 words; so it is written out here.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["common_subsequence", "sentences"]


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence: ``.`` ends one, white space parts words; white space alone is one empty word."""
    return [sentence.split() or [""] for sentence in text.split(".") if sentence]


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The words of a longest common subsequence, from its end; of several, the one that `rouge` finds."""
    lengths = [[0] * (len(other) + 1)]  # (words of one + 1, words of other + 1), of their first words
    for word in one:
        above, row = lengths[-1], [0]
        for column, there in enumerate(other):
            row.append(above[column] + 1 if word == there else max(above[column + 1], row[column]))
        lengths.append(row)
    found, i, j = [], len(one), len(other)
    while i and j:
        if one[i - 1] == other[j - 1]:
            i, j = i - 1, j - 1
            found.append(one[i])
        elif lengths[i - 1][j] > lengths[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return found
