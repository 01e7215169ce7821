"""ROUGE-L as the package `rouge` computes it, on which LongBench's published scores rest."""

from __future__ import annotations

from .sentences import common_subsequence, sentences

__all__ = ["rouge_l"]


def rouge_l(said: str, right: str) -> float:
    """F of the union of longest common subsequences (Lin 2004, section 3.2), of sets of words as `rouge` 1.0 has it.

    Sentences end at ".", words at white space, and every word counts once. U are the words of the right text that lie
    on a longest common subsequence of one of its sentences and one of the prediction's; with m and n different words
    in the right text and in the prediction::

        r = |U| / m,  p = |U| / n,  F = 2 p r / (p + r + 1e-8)

    so that the same text scores a little less than 1. A text without a sentence scores 0, where `rouge` raises.
    Where `rouge` fails for the length of a sentence, as Chinese texts are one, LongBench counts 0, and this does not.
    """
    said_sentences, right_sentences = sentences(said), sentences(right)
    if not said_sentences or not right_sentences:
        return 0.0
    union = {
        word
        for right_sentence in right_sentences
        for said_sentence in said_sentences
        for word in common_subsequence(right_sentence, said_sentence)
    }
    precision = len(union) / len({word for sentence in said_sentences for word in sentence})
    recall = len(union) / len({word for sentence in right_sentences for word in sentence})
    return 2 * precision * recall / (precision + recall + 1e-8)
