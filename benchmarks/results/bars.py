"""What the efficient backend, the adapter and the executor are meant to reach, and whether they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from benchmarks.timing.statistics import Spread

from .record import Record, Row

__all__ = ["BARS", "Bar", "Judged", "judged"]

_CONTEXT: Final = 32768
_LONG: Final = 131072


@attrs.frozen
class Bar:
    """A ratio that rows should reach, or stay below."""

    text: str
    benchmark: str
    operation: str
    ratio: str
    at_least: float | None = None
    at_most: float | None = None
    table: str = ""
    """How the title of the row's table begins."""
    setting: Mapping[str, Any] = attrs.field(factory=dict)
    """What a row must have been measured at."""

    def holds(self, row: Row) -> bool:
        """Whether it is about this row."""
        return (
            row.operation == self.operation
            and row.table.startswith(self.table)
            and self.ratio in row.ratios
            and all(row.setting.get(name) == value for name, value in self.setting.items())
        )

    def met(self, measured: Spread) -> bool:
        """By the ratio of medians."""
        return (self.at_least is None or measured.median >= self.at_least) and (
            self.at_most is None or measured.median <= self.at_most
        )


@attrs.frozen
class Judged:
    """A bar and a row that it is about; None where none was measured."""

    bar: Bar
    row: Row | None

    @property
    def measured(self) -> Spread | None:
        """The row's ratio."""
        return None if self.row is None else self.row.ratios[self.bar.ratio]

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        return None if self.measured is None else self.bar.met(self.measured)


def _step(text: str, operation: str, context: int, at_least: float) -> Bar:
    setting = {"context": context}
    return Bar(text, "decode", operation, "step", at_least, table="A step by context", setting=setting)


def _selectors(suffix: str, at_least: float) -> tuple[Bar, ...]:
    kinds = ("pqcache", "hashattention", "double_sparsity")
    return tuple(_step(f"{kind}, 2 %, {suffix}", f"{kind}, {suffix}", _CONTEXT, at_least) for kind in kinds)


def _against_research() -> tuple[Bar, ...]:
    chains = ("sink + local", "quest, shared", "pqcache, shared", "hashattention, shared", "double_sparsity, shared")
    table = "A step against the research backend"
    setting = {"context": _CONTEXT}
    return tuple(
        Bar(f"{name}, against research", "decode", name, "step", 20.0, table=table, setting=setting) for name in chains
    )


def _growth() -> tuple[Bar, ...]:
    chains = ("sink + local", "quest, shared", "pqcache, shared", "hashattention, shared", "double_sparsity, shared")
    table = "Growth of a fixed budget"
    setting = {"from": 8192, "to": _LONG}
    return tuple(
        Bar(f"{name}, 8K to 128K: attend", "decode", name, "attend", at_most=1.3, table=table, setting=setting)
        for name in chains
    )


def _decoding(operation: str) -> Bar:
    text = f"a model's decoding, {operation}, against sdpa"
    return Bar(
        text,
        "request",
        operation,
        "against sdpa",
        2.0,
        table="Decoding",
        setting={"cache": "growing", "context": _CONTEXT},
    )


def _peaked(operation: str) -> Bar:
    text = f"{operation}, peaked logits: faster than dense"
    return Bar(text, "decode", operation, "step", 1.0, table="Sampling on peaked logits", setting={"context": _CONTEXT})


BARS: Final[tuple[Bar, ...]] = (
    _step("sink 128 + local 128", "sink + local", _CONTEXT, 30.0),
    _step("sink 128 + local 128", "sink + local", _LONG, 120.0),
    _step("quest, page 16, 2 %, shared", "quest, shared", _CONTEXT, 8.0),
    _step("quest, page 16, 2 %, shared", "quest, shared", _LONG, 7.0),
    Bar(
        "2 % chosen per query head: attend only",
        "decode",
        "random keys, per head",
        "attend",
        5.0,
        table="A step by context",
        setting={"context": _CONTEXT},
    ),
    *_selectors("shared", 4.0),
    *_selectors("per head", 2.0),
    _peaked("magicpig"),
    _peaked("vattention, shared"),
    *_against_research(),
    *_growth(),
    _decoding("sink + local"),
    _decoding("quest"),
    Bar(
        "ten questions on one context, against ten dense prefills",
        "request",
        "ten questions",
        "one request",
        5.0,
        setting={"context": 8192},
    ),
    *(
        Bar(f"the adapter's dense mode, {operation}", "adapter", operation, "dense mode / plain", at_most=1.01)
        for operation in ("a decode step", "a question of 16", "reading")
    ),
    *(
        Bar(f"research at full mask against eager, {operation}", "adapter", operation, "full mask / eager", at_most=1.5)
        for operation in ("a decode step", "a question of 16")
    ),
    Bar("the executor of sah bench", "sweep", "dense, window, quest", "cells / model", at_most=1.05),
    *(
        Bar(f"short cells on {who}, against processes", "cluster", "200 cells", f"{who} / processes", at_most=1.1)
        for who in ("ray", "ray, fetched")
    ),
    *(
        Bar(
            f"1 % of the calls measured, {model}",
            "measuring",
            "8 questions",
            "1% measured / off",
            at_most=1.05,
            setting={"model": model, "backend": "efficient"},
        )
        for model in ("needle", "random Llama")
    ),
)


def judged(records: Mapping[str, Record]) -> list[Judged]:
    """Every bar with each row that it is about."""
    found = []
    for bar in BARS:
        record = records.get(bar.benchmark)
        rows = [row for row in record.rows if bar.holds(row)] if record else []
        found += [Judged(bar, row) for row in rows] or [Judged(bar, None)]
    return found
