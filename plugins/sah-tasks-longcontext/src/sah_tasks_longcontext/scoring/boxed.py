"""The scorer of mathematical answers in a box."""

from __future__ import annotations

import re
from typing import Final

from sah_bench.tasks.row import Row

__all__ = ["boxed_answer", "whole_number"]

_BRACES: Final = re.compile(r"(?P<box>\\(?:boxed|fbox)\s*\{)|(?P<open>\{)|(?P<close>\})|\\.", re.DOTALL)
_SAID: Final = re.compile(
    r"\banswer\**\s*(?:is|[:=])(?:[\s:*$=(]|\\[(\[])*"  # "**Answer:** $25$", "the answer is \(25\)"
    r"(\d[\d,]*(?:\.\d+)?)"
    r"(?![\w^%/]|[.,]\d|\s*(?:[/^+=-]\s*[\w\\({]|\\[a-zA-Z]))",  # no part of a longer expression
    re.IGNORECASE,
)
_WRAPPED: Final = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit)\s*\{([^{}]*)\}")
_MARKS: Final = re.compile(r"\\[,;:!$ ()\[\]]|\\(?:quad|qquad|left|right)\b|\^\s*(?:\{\s*\\circ\s*\}|\\circ\b)|[$~*]")
_NUMBER: Final = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.0+)?")


def boxed_answer(prediction: str, row: Row) -> float:
    r"""1 where the last ``\boxed{...}`` of a prediction holds the right whole number.

    The last box whose braces are closed counts. In it leading zeros, commas between thousands, spaces, dollar signs,
    degrees, ``\text{...}``, punctuation at the end, and all up to an equals sign make no difference. A box that holds
    anything but a whole number is wrong.

    Without any box the number right after the last "answer is" or "answer:" counts, or the whole prediction where it
    is nothing but a number; no other number in a text does. (There lm_eval's `aime` takes the whole prediction, or
    what lies between its first and its last dollar sign.)
    """
    found = _said(prediction)
    return float(found is not None and found in {whole_number(answer) for answer in row.answers})


def whole_number(text: str) -> int | None:
    """The whole number that a text is, but for what mathematicians write around one; None where it is none."""
    wrapped = 1
    while wrapped:  # one may lie in another
        text, wrapped = _WRAPPED.subn(lambda found: found[1] if any(map(str.isdigit, found[1])) else " ", text)
    bare = _MARKS.sub(" ", text).rpartition("=")[2].strip().strip("{}").rstrip(".,;: ").lstrip()
    number = _NUMBER.fullmatch(bare)
    return int(number[1].replace(",", "")) if number and len(bare) <= 20 else None


def _said(prediction: str) -> int | None:
    box = _last_box(prediction)
    if box is not None:
        return whole_number(box)
    said = _SAID.findall(prediction)
    return whole_number(said[-1] if said else prediction)


def _last_box(text: str) -> str | None:
    """What the box holds that begins last among those whose braces are closed; None where there is none."""
    last: tuple[int, int] | None = None
    begun: list[int | None] = []  # where each open brace's content begins, None for those of no box
    for found in _BRACES.finditer(text):  # once through the text: a model may repeat an open box thousands of times
        if found.lastgroup == "close":
            begin = begun.pop() if begun else None
            if begin is not None and (last is None or begin > last[0]):
                last = begin, found.start()
        elif found.lastgroup is not None:
            begun.append(found.end() if found.lastgroup == "box" else None)
    return None if last is None else text[slice(*last)]
