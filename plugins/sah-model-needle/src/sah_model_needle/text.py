"""Text for the embedded model to read: contexts with their questions answered, a JSON line each."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sah_core import UsageError

from .tasks import NeedleSample, NeedleTask

__all__ = ["document", "write_text"]

QUESTIONS = 16


def document(sample: NeedleSample) -> str:
    """The context and, after it, each question with its answer."""
    asked = (f"{question} {answer}" for question, answer in zip(sample.questions, sample.answers, strict=True))
    return " ".join([sample.context, *asked])


def write_text(file: Path | None, documents: int, length: int, seed: int) -> None:
    """Write so many documents, ``{"text": "..."}`` each, to a file, or to stdout.

    Every second one is a vote, the others ask for single records. Contexts are as long as leaves room for the answered
    questions in ``length`` tokens. Raises UsageError where there is no such text, or the file cannot be written.
    """
    if documents < 1:
        raise UsageError(f"--documents should be at least 1, not {documents}")
    context = length - 5 * QUESTIONS  # "? key v v v" each
    tasks = (
        NeedleTask("retrieval", length=context, spacing=24, questions=QUESTIONS),
        NeedleTask("vote", length=context, spacing=8, questions=QUESTIONS),
    )
    lines = (json.dumps({"text": document(tasks[n % 2].sample(seed, n))}) + "\n" for n in range(documents))
    if file is None:
        sys.stdout.writelines(lines)
        return
    partial = file.with_name(f"{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as written:
            written.writelines(lines)
        os.replace(partial, file)
    except OSError as error:
        raise UsageError(f"--output {file}: cannot be written: {error.strerror}") from error
