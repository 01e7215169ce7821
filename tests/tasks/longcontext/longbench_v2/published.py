"""Records in LongBench v2's format, of words that are nobody's text."""

from __future__ import annotations

from typing import Any

DOMAINS = ("Single-Document QA", "Code Repository Understanding")


def record(number: int = 0) -> dict[str, Any]:
    """The record of that number; domains, difficulties, lengths and right choices take turns."""
    return {
        "_id": f"66f{number}",
        "domain": DOMAINS[number % 2],
        "sub_domain": "Literary",
        "difficulty": ("easy", "hard")[number // 2 % 2],
        "length": ("short", "medium", "long")[number % 3],
        "question": f" which {number} ?\n",
        **{f"choice_{letter}": f" {letter.lower()}{number} " for letter in "ABCD"},
        "answer": "ABCD"[number % 4],
        "context": f"\n stone {number} river \n",
    }
