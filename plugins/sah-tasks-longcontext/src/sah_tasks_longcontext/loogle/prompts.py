"""LooGLE's prompts and answer lengths.

Source: bigai-nlco/LooGLE, config/task2prompt.json and config/task2maxlen.json, misspellings included. Each is cut
behind its document; the two parts in a row are the published prompt to the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from .config import LoogleTask

__all__ = ["MAX_NEW_TOKENS", "PROMPTS", "Prompt"]


@frozen
class Prompt:
    """What stands before the document, and a template of what stands behind it."""

    instruction: str
    question: str


_ANSWER: Final = Prompt(
    "Please answer the question based on the long texts below. \n", "\nQuestion: {question}\nAnswer: "
)

PROMPTS: Final[Mapping[LoogleTask, Prompt]] = {
    "shortdep_qa": _ANSWER,
    "longdep_qa": _ANSWER,
    "longdep_summarization": Prompt("Please generate a summary of the below paper. \n", "\n Summarization: "),
    "shortdep_cloze": Prompt(
        "Please fill in the clozes based on the given long texts below. Each of the placeholder '<mask-n>' in the "
        "question could be an entity of Person, Location or Organiocation. The same masks represent the same entity. "
        "Output a json format answer, for example: {'<mask-0>': 'Bob', '<mask-1>': 'Gorrosion Magazine','<mask-2>': "
        "'Bethel Horizon'}\n",
        "\n Question: {question} What are the masked entities? \nAnswer:",
    ),
}

MAX_NEW_TOKENS: Final[Mapping[LoogleTask, int]] = {
    "shortdep_qa": 300,
    "longdep_qa": 500,
    "longdep_summarization": 500,
    "shortdep_cloze": 50,
}
