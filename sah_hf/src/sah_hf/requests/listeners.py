"""`Listeners`: who wants to hear of a request while it is answered."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from sah_hf.contexts.layer_progress import OnProgress
from sah_hf.modes.sparse_mode import OnCall
from sah_hf.reports.report import AnswerReport

__all__ = ["Listeners", "OnAnswer", "OnText"]

OnText = Callable[[int, str], None]
"""Called with a question's number, from 0, and text."""
OnAnswer = Callable[[int, str, AnswerReport], None]
"""Called with a question's number, its answer, and what that took."""


@frozen
class Listeners:
    """Callbacks, as `ModelAdapter.process_request` says."""

    on_text: OnText | None = None
    on_answer: OnAnswer | None = None
    on_call: OnCall | None = None
    on_progress: OnProgress | None = None
