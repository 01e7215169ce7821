"""`Tally`: what was measured while a task's requests were answered; lm_eval's results file holds it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field

from sah_hf import RequestReport
from sah_hf.requests.scoring import Scores

from .prompts import Prompt

__all__ = ["Tally"]


@define
class Tally:
    """Counts over the requests of one task."""

    requests: int = 0
    splits: Counter[str] = field(factory=Counter)
    """How many requests were split by what."""
    context_tokens: int = 0
    question_tokens: int = 0
    """Of all requests together."""
    contexts_read: int = 0
    context_attended: int = 0
    context_visible: int = 0
    """Keys in reading them, over all sparse layers, heads and queries; 0 where they were read densely."""
    sparse_forwards: int = 0
    dense_forwards: int = 0
    """Of questions, answers and continuations."""
    attended: int = 0
    visible: int = 0
    """Keys in the sparse ones of these forwards, likewise."""

    def count_prompt(self, prompt: Prompt) -> None:
        """A request was split."""
        self.requests += 1
        self.splits[prompt.found_by] += 1
        self.context_tokens += len(prompt.context)
        self.question_tokens += len(prompt.question)

    def count_context(self, attended: int, visible: int) -> None:
        """A context was read."""
        self.contexts_read += 1
        self.context_attended += attended
        self.context_visible += visible

    def count_scores(self, scores: Scores) -> None:
        """Continuations were scored."""
        self._count(scores.sparse_forwards, scores.dense_forwards, scores.attended, scores.visible)

    def count_answer(self, report: RequestReport) -> None:
        """An answer was generated."""
        answer = report.answers[0]
        self._count(report.sparse_forwards, report.dense_forwards, answer.attended, answer.visible)

    def _count(self, sparse: int, dense: int, attended: int | None, visible: int | None) -> None:
        self.sparse_forwards += sparse
        self.dense_forwards += dense
        self.attended += attended or 0
        self.visible += visible or 0

    @property
    def density(self) -> float | None:
        """Attended over visible keys; None where nothing was sparse."""
        return _quotient(self.attended, self.visible)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "requests": self.requests,
            "splits": dict(self.splits),
            "context_tokens": self.context_tokens,
            "question_tokens": self.question_tokens,
            "contexts_read": self.contexts_read,
            "context_density": _quotient(self.context_attended, self.context_visible),
            "sparse_forwards": self.sparse_forwards,
            "dense_forwards": self.dense_forwards,
            "attended": self.attended,
            "visible": self.visible,
            "density": self.density,
        }

    def said(self) -> str:
        """In a line."""
        density = "nothing was sparse" if self.density is None else f"density {self.density:.3f}"
        splits = ", ".join(f"{found_by} {count}" for found_by, count in sorted(self.splits.items()))
        return (
            f"{density}; {self.requests} requests, split by {splits}; {self.contexts_read} contexts read; "
            f"{self.sparse_forwards} sparse and {self.dense_forwards} dense forwards"
        )


def _quotient(attended: int, visible: int) -> float | None:
    return attended / visible if visible else None
