"""The tables of docs/scale.md: made from the formulas and from what was measured, and put between marks in the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.results.cells import digits, tables
from benchmarks.results.record import Record

from .measured import CONSTANTS, METHOD_CONSTANTS, Measured
from .planned import hours, parts, room, sizes
from .trying import ATTENDING, DECODING, READING

__all__ = ["DATA", "filled", "made_tables", "write_page"]

DATA: Final = "scale.json"
_PLACE: Final = re.compile(r"(<!-- table: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_MEASURED: Final = {
    "constants": (CONSTANTS, METHOD_CONSTANTS),
    "errors": (READING, DECODING, ATTENDING),
}


def write_page(records: Mapping[str, Record], page: Path) -> str:
    """Fill the page, if it is there; all tables as text."""
    made = made_tables(records)
    if page.exists():
        page.write_text(filled(page.read_text(encoding="utf-8"), made), encoding="utf-8")
    return "\n".join(f"{name}\n\n{table}" for name, table in made.items())


def filled(page: str, made: Mapping[str, str]) -> str:
    """The page with these tables in their places; a place whose table nobody made stays as it is."""

    def with_table(place: re.Match[str]) -> str:
        name = place["name"]
        return f"{place[1]}{made[name]}{place[3]}" if name in made else place[0]

    return _PLACE.sub(with_table, page)


def made_tables(records: Mapping[str, Record]) -> dict[str, str]:
    """By name, as Markdown; those that need what was not measured are left out."""
    made = {"sizes": _markdown(*sizes())}
    if "scale" in records:
        scale = records["scale"]
        made |= {name: _of_record(scale, *titles) for name, titles in _MEASURED.items()}
        made["machine"] = _machine(scale)
        measured = Measured.of(scale)
        made |= {
            "room": _markdown(*room(measured)),
            "hours": _markdown(*hours(measured)),
            "parts": _markdown(*parts(measured)),
        }
    if "schedule" in records:
        schedule = records["schedule"]
        made |= {"executor": _of_record(schedule, "The executor"), "runs": _of_record(schedule, "Leaderboards")}
    return made


def _of_record(record: Record, *titles: str) -> str:
    """The tables of these titles, each after its title."""
    found = [table for table in tables(record.rows) if any(table.title.startswith(title) for title in titles)]
    return "\n".join(f"**{table.title}**\n\n{_markdown(table.header, table.rows)}" for table in found)


def _machine(record: Record) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in record.machine.items())
    versions = ", ".join(f"{name} {record.versions[name]}" for name in ("python", "torch", "transformers"))
    bandwidth = digits(record.bandwidth / 1e9)
    return f"`{record.command}`: {machine}; {versions}; memory is read at {bandwidth} GB/s, {record.threads} thread.\n"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
