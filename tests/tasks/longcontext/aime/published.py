"""Records in the two formats in which AIME is published, of problems that are nobody's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tasks.longcontext.source.files import write


def records(year: int) -> list[dict[str, Any]]:
    """Two problems: the sum of 20 and 5, and an angle."""
    if year == 2024:
        return [
            {"ID": "2024-I-1", "Problem": "Find $20 + 5$.", "Solution": "It is $25$.", "Answer": 25},
            {"ID": "2024-I-2", "Problem": "Find $x$.", "Solution": "See above.", "Answer": 7},
        ]
    return [
        {"problem": "Find $20 + 5$.", "answer": "025", "id": "0"},
        {"problem": "How many degrees?", "answer": "336^\\circ", "id": "1"},
    ]


def write_year(folder: Path, year: int) -> Path:
    """The year's file under its published name."""
    return write(folder / {2024: "aime_2024_problems.parquet", 2025: "test.jsonl"}[year], records(year))
