"""The demo's results as a table for people, or as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sah_core.cli.console import output_console, plain_table

from .break_even import LENGTHS, pays_from
from .demo import Advance, Demo, Row

__all__ = ["JsonOutput", "TableOutput"]


class TableOutput:
    """One table, and what its columns mean."""

    @contextmanager
    def progress(self, total: int) -> Iterator[Advance]:
        """A bar on a terminal's stderr, nothing elsewhere."""
        errors = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
            answers = bar.add_task("", total=total)
            yield lambda what, count: bar.update(answers, description=what, advance=count)

    def show(self, demo: Demo, *, finished: bool) -> None:
        """Print the table."""
        console = output_console()
        task = demo.task
        asked = f"{_count(demo.questions, 'question')} on {_count(demo.contexts, 'context')} of {task.length} tokens"
        console.print(f"{asked}, one record for every {task.spacing} tokens, seed {demo.seed}")
        console.print(f"model needle in {demo.dtype} on {demo.device}, on one thread")
        console.print()
        table = plain_table("method", "exact match", "density", "output error", "ms/answer", "pays from")
        for row in demo.rows:
            table.add_row(*_cells(row))
        console.print(table)
        console.print()
        for line in _NOTES:
            console.print(line)
        if not finished:
            console.print("Interrupted: only the methods above were finished.")


_NOTES = (
    "exact match: answers right in every word, with the standard error of that share.",
    "density: attended over visible keys, measured in all layers, heads and tokens.",
    "output error: |sparse - dense| / |dense| of the attention output on the same",
    "  inputs, measured, mean over layers (--json has each). Layer 1 finds records;",
    "  layers 2 and 3 attend to nearly everything, and the answer does not need that.",
    "ms/answer: for question and answer; reading the context is not counted.",
    "pays from: context length from which one layer's decoding step is faster than",
    "  torch's dense attention, measured. Oracles compute every logit to choose among",
    "  them and save no time; the other methods run on the efficient backend.",
)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _cells(row: Row) -> tuple[str, ...]:
    score = row.score
    length = pays_from(row.steps)
    paying = f"> {LENGTHS[-1]}" if length is None else str(length)
    return (
        row.method.name,
        f"{score.exact_match:.3f} ± {score.standard_error:.3f}",
        f"{score.density:.1%}",
        "-" if score.output_error is None else f"{score.output_error:.3f}",
        f"{1000 * score.seconds:.0f}",
        "-" if row.method.maskers is None else paying,
    )


class JsonOutput:
    """One JSON object."""

    @contextmanager
    def progress(self, total: int) -> Iterator[Advance]:
        """Nothing."""
        yield lambda what, count: None

    def show(self, demo: Demo, *, finished: bool) -> None:
        """Print the object; ``finished`` false says that rows are missing."""
        print(
            json.dumps(
                {**attrs.asdict(demo), "finished": finished, "rows": [_data(row) for row in demo.rows]}, indent=2
            )
        )


def _data(row: Row) -> dict[str, Any]:
    score = row.score
    return {
        "method": row.method.name,
        "attention": row.method.attention,
        "questions": score.questions,
        "right": score.right,
        "exact_match": score.exact_match,
        "standard_error": score.standard_error,
        "density": score.density,
        "output_error": score.output_error,
        "output_error_by_layer": score.layer_errors,
        "seconds_per_answer": score.seconds,
        "step_seconds": row.steps.method,
        "dense_step_seconds": row.steps.dense,
        "pays_from": None if row.method.maskers is None else pays_from(row.steps),
        "tried_up_to": LENGTHS[-1],
    }
