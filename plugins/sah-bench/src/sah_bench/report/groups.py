"""Cells that differ by nothing but their seed, averaged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from .cell_result import CellResult

__all__ = ["Group", "family", "grouped"]


@frozen(slots=False)
class Group:
    """One config on one task at one length, over its seeds; a mean is over those seeds that have the number."""

    model: str
    attention: str
    family: str
    protocol: str
    task: str
    length: int | None
    cells: tuple[CellResult, ...]
    score: float | None
    standard_error: float | None
    difference: float | None
    difference_error: float | None
    density: float | None
    seconds: float | None
    seconds_error: float | None
    time_ratio: float | None

    @property
    def answered(self) -> int:
        """How many samples are answered, of all seeds."""
        return sum(cell.answered for cell in self.cells)

    @property
    def samples(self) -> int:
        """How many were asked."""
        return sum(cell.samples for cell in self.cells)


def grouped(cells: Iterable[CellResult]) -> list[Group]:
    """Groups in the order of their first cells."""
    found: dict[tuple[object, ...], list[CellResult]] = {}
    for cell in cells:
        key = (cell.model, cell.attention, cell.protocol, cell.task, cell.length)
        found.setdefault(key, []).append(cell)
    return [_group(tuple(group)) for group in found.values()]


def family(cell: CellResult) -> str:
    """What a config has in common with the others of its sweep: its name without the swept values, or a last number."""
    name = cell.attention
    for key, value in cell.swept.items():
        said = rf"(\b{re.escape(str(key))}=|(?<=\s)[A-Za-z]{{1,2}})?(?<![\d.]){re.escape(str(value))}(?![\w.])\s*%?"
        name = re.sub(said, "", name)  # such as budget=0.05, L75, 5 %
    name = re.sub(r"[\s=:@,]+\d+(\.\d+)?\s*%?$", "", name)
    return re.sub(r"\s+", " ", name).strip(" ,;:=@%") or cell.attention


def _group(cells: tuple[CellResult, ...]) -> Group:
    first = cells[0]
    score, standard_error = _average([(cell.score, cell.standard_error) for cell in cells])
    difference, difference_error = _average([(cell.difference, cell.difference_error) for cell in cells])
    seconds, seconds_error = _average([(cell.seconds, cell.seconds_error) for cell in cells])
    density, _ = _average([(cell.density, None) for cell in cells])
    return Group(
        model=first.model,
        attention=first.attention,
        family=family(first),
        protocol=first.protocol,
        task=first.task,
        length=first.length,
        cells=cells,
        score=score,
        standard_error=standard_error,
        difference=difference,
        difference_error=difference_error,
        density=density,
        seconds=seconds,
        seconds_error=seconds_error,
        time_ratio=_time_ratio(cells),
    )


def _time_ratio(cells: Sequence[CellResult]) -> float | None:
    """Seconds of all seeds over dense attention's, those seeds alone of which both are known."""
    pairs = [(cell.seconds, cell.seconds / cell.time_ratio) for cell in cells if cell.seconds and cell.time_ratio]
    return math.fsum(own for own, _ in pairs) / math.fsum(dense for _, dense in pairs) if pairs else None


def _average(values: Sequence[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    """The mean over seeds, and the error of a mean of independent numbers, ``sqrt(sum se^2) / n``."""
    known = [(value, error) for value, error in values if value is not None]
    if not known:
        return None, None
    mean = math.fsum(value for value, _ in known) / len(known)
    errors = [error for _, error in known if error is not None]
    if len(errors) < len(known):
        return mean, None
    return mean, math.sqrt(math.fsum(error * error for error in errors)) / len(known)
