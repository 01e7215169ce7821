"""Turn what validation found into one ``ConfigError``: a line for each problem, with its place and its path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sah_core.errors import ConfigError, UnknownMaskerError

__all__ = ["config_error", "written_path"]

Path = Sequence[str | int]


def config_error(error: ValidationError, data: Any, where: Callable[[Path], str] | None = None) -> ConfigError:
    """The error to raise for ``data``; ``where`` gives the ``file:line:column`` of a path, if there is a file.

    It is an ``UnknownMaskerError`` if unknown maskers are all that is wrong.
    """
    lines, only_unknown = [], True
    for detail in error.errors(include_url=False):
        path = _path_in(data, detail)
        parts = [where(path) if where else "", f"{written_path(path)}:" if path else "", _message(detail)]
        line = " ".join(part for part in parts if part)
        if line not in lines:
            lines.append(line)
        only_unknown = only_unknown and detail["type"] == UnknownMaskerError.__name__
    return (UnknownMaskerError if only_unknown else ConfigError)("\n".join(lines))


def written_path(path: Path) -> str:
    """A path as it is written: ``attention.maskers[1].window``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if step.isidentifier() else repr(step))
    return text


def _path_in(data: Any, detail: ErrorDetails) -> Path:
    """The error's path without the steps that are pydantic's own (the branches of a union)."""
    path: list[str | int] = []
    location = detail["loc"]
    for place, step in enumerate(location):
        absent_field = place == len(location) - 1 and detail["type"] in ("missing", "missing_field", "masker_kind")
        try:
            data = data[step]
        except (LookupError, TypeError):
            if not absent_field:
                continue
        path.append(step)
    return path


def _message(detail: ErrorDetails) -> str:
    message, given = detail["msg"], detail["input"]
    shown = isinstance(given, str | int | float) and len(repr(given)) <= 60
    if shown and message.startswith("Input should") and ", not " not in message:
        return f"{message}, not {given!r}"
    return message
