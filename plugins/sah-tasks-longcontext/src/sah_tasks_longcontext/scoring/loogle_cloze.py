"""LooGLE's scorers of clozes: of the masks in a question, the part that is filled in right.

Source: bigai-nlco/LooGLE, Evaluation/automatic_metrics.py (``get_exact_match``, ``get_partial_match``). It evals a
prediction, and scores 0 where that gives no mapping. Here a prediction is read as JSON or as a Python literal, which is
the same but for expressions that only running them would make a mapping.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sah_bench.tasks.row import Row
from sah_tasks_longcontext.loogle.literals import literal

__all__ = ["exact_match", "partial_match"]


def exact_match(prediction: str, row: Row) -> float:
    """The part of the masks whose name is the right one, to the letter."""
    return _share(prediction, row, lambda said, expected: bool(said == expected))


def partial_match(prediction: str, row: Row) -> float:
    """The part of the masks whose name has a word in common with the right one."""
    return _share(prediction, row, lambda said, expected: not _words(said).isdisjoint(_words(expected)))


def _share(prediction: str, row: Row, matches: Callable[[Any, Any], bool]) -> float:
    masks: Mapping[str, Any] = json.loads(row.answers[0])
    said = _mapping(prediction)
    right = sum(mask in said and matches(said[mask], name) for mask, name in masks.items())
    return right / len(masks) if masks else 0.0


def _mapping(prediction: str) -> Mapping[Any, Any]:
    try:
        said = literal(prediction)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _words(name: Any) -> set[str]:
    return set(name.split()) if isinstance(name, str) else set()
