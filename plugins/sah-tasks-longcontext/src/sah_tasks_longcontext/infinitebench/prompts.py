"""InfiniteBench's prompts and answer lengths.

Source: OpenBMB/InfiniteBench, src/prompt.py (``yarn_mistral_templates``, which its scripts for open models share) and
src/eval_utils.py (``create_prompt``, ``DATA_NAME_TO_MAX_NEW_TOKENS``). Each is cut behind its document; the two parts
in a row are the published prompt to the letter.
"""

# ruff: noqa: RUF001
# A Chinese prompt has Chinese punctuation.

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from .config import InfiniteBenchTask

__all__ = ["MAX_NEW_TOKENS", "PROMPTS", "Prompt", "function_call", "sought_number"]


@frozen
class Prompt:
    """A template in two parts, with fields for `str.format`."""

    context: str
    """Up to the end of the document."""
    question: str


_OPTIONS: Final = "A. {options[0]}\nB. {options[1]}\nC. {options[2]}\nD. {options[3]}"
_INFO: Final = "There is an important info hidden inside a lot of irrelevant text. Find it"

PROMPTS: Final[Mapping[InfiniteBenchTask, Prompt]] = {
    "passkey": Prompt(
        f"{_INFO} and memorize it. I will quiz you about the important information.\n\n{{context}}",
        "\n\n{input}\n\nThe pass key is",
    ),
    "number_string": Prompt(
        f"{_INFO}. I will quiz you about the important information there.\n\n{{context}}",
        "\n\n{input}\n\nThe sequence of digits is",
    ),
    "kv_retrieval": Prompt(
        "Extract the value corresponding to the specified key in the JSON object below.\n\n{context}", "\n\n{input}"
    ),
    "longdialogue_qa_eng": Prompt(
        "Below is a dialogue script where one random occurrence of a character name is replaced with "
        '"$$MASK$$", and you should try to guess who that character is.\n\n{context}',
        "\n\nThe name that has been replaced with $$MASK$$ is likely",
    ),
    "longbook_sum_eng": Prompt("Summarize the book below.\n\n{context}", "\n\nSummary:"),
    "longbook_choice_eng": Prompt(
        "Read the book and answer the question.\n\n{context}",
        f"\n\nQuestion: {{input}}\n{_OPTIONS}\n\nThe letter of the correct answer is",
    ),
    "longbook_qa_eng": Prompt(
        "Read the book and answer the question. Be very concise in your answer.\n\n{context}",
        "\n\nQuestion: {input}\nAnswer:",
    ),
    "longbook_qa_chn": Prompt(
        "阅读以下书籍然后回答问题。\n\n{context}",
        "\n\n问题：{input}\n答案：",
    ),
    "math_find": Prompt("What is {number} in the following list?\n\n{context}", "\n\n{input}"),
    "math_calc": Prompt(
        "Let us calculate the intermediate values of an expression.\n\n"
        "Expression: 1 + 3 + 4\nValues: [1, 4, 8]\n\n"
        "Expression: 8 - 3 + 2 - 4\nValues: [8, 5, 7, 3]\n\n"
        "Expression: {context}",
        "\nValues:",
    ),
    "code_run": Prompt(
        "There is a function called {function} in the following Python code.\n\n{context}",
        "\n\nPlease compute the exact value of {call}. The value of {call} is",
    ),
    "code_debug": Prompt(
        "Following is a Python code where exactly one of the functions/methods has a deliberate error that makes it "
        "crash.\n\n{context}",
        f"\n\nOptions:\n{_OPTIONS}\n\nThe correct option is:",
    ),
}

MAX_NEW_TOKENS: Final[Mapping[InfiniteBenchTask, int]] = {
    "passkey": 6,
    "number_string": 12,
    "kv_retrieval": 50,
    "longdialogue_qa_eng": 40,
    "longbook_sum_eng": 1200,
    "longbook_choice_eng": 40,
    "longbook_qa_eng": 40,
    "longbook_qa_chn": 40,
    "math_find": 3,
    "math_calc": 30000,
    "code_run": 5,
    "code_debug": 5,
}

_NUMBER: Final = re.compile(r"The .+ of")
_CALL: Final = re.compile(r"(func_[0-9]+)\(-?[0-9]+\)")


def sought_number(text: str) -> str | None:
    """What ``math_find`` looks for: ``the largest number`` of ``... The largest number of the list is:``."""
    found = _NUMBER.search(text)
    return found.group().lower().removesuffix(" of") if found else None


def function_call(text: str) -> tuple[str, str] | None:
    """The name and the call that ``code_run`` asks for: ``func_1`` and ``func_1(-3)``."""
    found = _CALL.search(text)
    return (found.group(1), found.group()) if found else None
