"""From the files of one cell to its numbers. A file that cannot be read is this cell's failure, and nobody else's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sah_bench.scoring.score import Scores
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.lines import DamagedLine, LineFile

from .cell_result import CellResult, Status

__all__ = ["labels", "read_cell"]

T = TypeVar("T")


class _UnreadableError(Exception):
    """A file of the cell is not what this version writes."""


def read_cell(files: CellFiles, line: Mapping[str, Any]) -> tuple[CellResult, Scores | None]:
    """What is known of a cell, from its line in the plan and its files; never raises for what these hold."""
    known: dict[str, Any] = {}
    scores = None
    try:
        known["identity"] = _mapping(files, "cell.json", lambda: files.identity) or {}
        failure = _mapping(files, "failure.json", lambda: files.failure)
        known["set_aside"] = _checked("set-aside.jsonl", lambda: _set_aside(files.set_aside))
        known |= _checked("answers.jsonl", lambda: _answers(files))
        score = _mapping(files, "scores.json", lambda: files.scores)
        if score is not None:
            known |= _checked("scores.json", lambda: _scores(score))
            scores = _checked("scores.json", lambda: _by_sample(score))
        if failure is not None:
            known["failure"] = _failure(failure)
        status = _status(known, failed=failure is not None, samples=int(line["samples"]))
    except _UnreadableError as error:
        known["failure"] = str(error)
        status = "failed"
    return CellResult(**labels(line), status=status, **known), scores


def labels(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of the plan calls its cell; raises KeyError where it does not say."""
    names = ("address", "model", "attention", "swept", "protocol", "task", "length", "seed", "samples", "scorer")
    return {name: line[name] for name in (*names, "table")}


def _checked(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise _UnreadableError(f"{name} cannot be read: {reason}") from error


def _mapping(files: CellFiles, name: str, read: Callable[[], Any]) -> dict[str, Any] | None:
    found = _checked(name, read)
    if found is not None and not isinstance(found, dict):
        raise _UnreadableError(f"{name} cannot be read: it holds no JSON object")
    return found


def _status(known: Mapping[str, Any], *, failed: bool, samples: int) -> Status:
    if failed:
        return "failed"
    if known["answered"] >= samples:
        return "complete"
    return "incomplete" if known["answered"] or known["identity"] else "missing"


def _failure(failure: Mapping[str, Any]) -> str:
    sample = failure.get("sample")
    where = "" if sample is None else f"sample {sample}: "
    return f"{where}{failure.get('error', 'an error')}: {failure.get('message', '')}".rstrip(": ")


def _set_aside(file: LineFile) -> tuple[str, ...]:
    return tuple(f"{line['file']}:{line['line']}" for line in file.read().values)


def _answers(files: CellFiles) -> dict[str, Any]:
    answers = files.answers.read()
    times = files.times.read()
    first: dict[int, dict[str, Any]] = {}
    for line in answers.values:
        first.setdefault(line["sample"], line)
    last = {line["sample"]: line for line in times.values if line["sample"] in first}
    return {
        "answered": len(first),
        "damaged": tuple(_name(line) for line in (*answers.damaged, *times.damaged)),
        "density": _density(list(first.values())),
        "cut_samples": sum(1 for line in first.values() if line.get("cut")),
        **_times(list(last.values()), sum(first[sample]["tokens"] for sample in last)),
    }


def _name(line: DamagedLine) -> str:
    return f"{line.file.name}:{line.number}"


def _density(answers: Sequence[Mapping[str, Any]]) -> float | None:
    if not answers:
        return None
    visible = sum(line["visible"] or 0 for line in answers)
    return sum(line["attended"] or 0 for line in answers) / visible if visible else 1.0


def _times(lines: Sequence[Mapping[str, Any]], tokens: int) -> dict[str, Any]:
    def known(name: str) -> list[float]:
        return [line[name] for line in lines if line.get(name) is not None]

    seconds = known("seconds")
    return {
        "seconds": _mean(seconds),
        "seconds_error": _error(seconds),
        "first_token_seconds": _mean(known("first_token_seconds")),
        "context_seconds": _mean(known("context_seconds")),
        "tokens_per_second": tokens / sum(seconds) if sum(seconds) > 0 else None,
        "memory_bytes": max(known("memory_bytes"), default=None),
        "context_bytes": max(known("context_bytes"), default=None),
        "index_bytes": max(known("index_bytes"), default=None),
    }


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _error(values: Sequence[float]) -> float | None:
    """The standard error of the mean."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _scores(scores: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in scores:
        return {"score_error": str(scores["error"])}
    return {
        "score": None if scores["mean"] is None else float(scores["mean"]),
        "standard_error": scores["standard_error"],
        "contexts": scores["contexts"],
    }


def _by_sample(scores: Mapping[str, Any]) -> Scores | None:
    return None if "error" in scores else Scores.from_dict(scores)
