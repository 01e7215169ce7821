"""Time against context and against density, each with the limit that the measured bandwidth sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.calls.dense import DENSE

from .record import Record, Row

__all__ = ["draw"]

_STYLES: Final[dict[str, tuple[str, str]]] = {
    "sdpa": ("#000000", "s"),
    "sdpa, grouped": ("#5f5f5f", "D"),
    "matmul": ("#9a9a9a", "v"),
    "sink + local": ("#009e73", "o"),
    "quest, shared": ("#0072b2", "^"),
    "pqcache, shared": ("#d55e00", "P"),
    "hashattention, shared": ("#cc79a7", "X"),
    "double_sparsity, shared": ("#e69f00", "*"),
    "random keys, shared": ("#56b4e9", "<"),
    "random keys, per head": ("#56b4e9", ">"),
}
"""Colour and marker of every line: the colours of Okabe and Ito, told apart by colour-blind eyes too; dense is grey."""

_LIMITED: Final = ("sink + local", "quest, shared")
"""Whose limits are drawn beside that of dense attention; the others' would lie between them."""

_DOTTED: Final = ("random keys, per head",)
"""To be told from the line of the same colour."""


@attrs.frozen
class _Line:
    """Points of one line: x, and milliseconds by median, low and high. A limit is dashed."""

    label: str
    style: str
    points: tuple[tuple[float, float, float, float], ...]
    limit: bool = False


def draw(records: Mapping[str, Record], folder: Path, name: str) -> list[tuple[str, str]]:
    """Write the plots of the decode step as PNG and SVG into the folder; their captions and the PNGs' names."""
    record = records.get("decode")
    if record is None:
        return []
    made = []
    for word, table, x in (("context", "A step by context", "context"), ("density", "A step by density", "target")):
        rows = [row for row in record.rows if row.table.startswith(table)]
        if len({row.setting[x] for row in rows}) < 2:
            continue
        caption = f"Time of a decode step by {word}"
        figure = _figure(rows, x, caption, record.threads)
        for suffix in ("png", "svg"):
            figure.savefig(folder / f"{name}-{word}.{suffix}", dpi=150)
        made.append((caption, f"{name}-{word}.png"))
    return made


def _figure(rows: Sequence[Row], x: str, caption: str, threads: int) -> Figure:
    dtypes = list(dict.fromkeys(row.setting["dtype"] for row in rows))
    figure = Figure(figsize=(4.6 * len(dtypes) + 3.2, 5.4), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, len(dtypes), sharey=True, squeeze=False)[0]
    for axes, dtype in zip(panels, dtypes, strict=True):
        for line in _lines([row for row in rows if row.setting["dtype"] == dtype], x):
            _plot(axes, line)
        axes.set_title(dtype, fontsize=10)
        _dress(axes, x)
    panels[0].set_ylabel(f"milliseconds on {threads} thread{'s' if threads > 1 else ''}")
    contexts = {row.setting["context"] for row in rows}
    keys = f"; {_keys(min(contexts))} keys" if len(contexts) == 1 else ""
    figure.suptitle(f"{caption} ({rows[0].setting['heads']} channels{keys})", fontsize=11)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    return figure


def _lines(rows: Sequence[Row], x: str) -> list[_Line]:
    each = list({row.setting[x]: row for row in rows}.values())
    found = [_Line(f"dense: {name}", name, _times(each, x, name)) for name in DENSE]
    limits = [_Line("limit: all keys and values", "sdpa", _limits(each, x, "dense"), limit=True)]
    for name in dict.fromkeys(row.operation for row in rows if row.operation in _STYLES):
        own = [row for row in rows if row.operation == name]
        part = "step" if "step" in own[0].milliseconds else "attend"
        label = name if part == "step" else f"{name}: attend only"
        found.append(_Line(label, name, _times(own, x, part)))
        if name in _LIMITED:
            limits.append(_Line(f"limit: {label}", name, _limits(own, x, part), limit=True))
    return [*found, *limits]


def _times(rows: Sequence[Row], x: str, name: str) -> tuple[tuple[float, float, float, float], ...]:
    spreads = [(row.setting[x], row.milliseconds[name]) for row in rows]
    return tuple(sorted((place, each.median, each.low, each.high) for place, each in spreads))


def _limits(rows: Sequence[Row], x: str, name: str) -> tuple[tuple[float, float, float, float], ...]:
    return tuple(sorted((row.setting[x], *[row.limits_ms[name]] * 3) for row in rows))


def _plot(axes: Axes, line: _Line) -> None:
    colour, marker = _STYLES[line.style]
    places, middles, lows, highs = zip(*line.points, strict=True)
    if line.limit:
        axes.plot(places, middles, color=colour, linestyle=(0, (3, 2)), linewidth=1, alpha=0.8, label=line.label)
        return
    dashes = "dotted" if line.style in _DOTTED else "solid"
    axes.plot(places, middles, color=colour, marker=marker, markersize=5, linestyle=dashes, label=line.label)
    axes.fill_between(places, lows, highs, color=colour, alpha=0.12, linewidth=0)


def _dress(axes: Axes, x: str) -> None:
    axes.set_xscale("log", base=2 if x == "context" else 10)
    axes.set_yscale("log")
    axes.set_xlabel("keys in the context" if x == "context" else "attended share of the keys")
    places = sorted({float(place) for line in axes.get_lines() for place in np.asarray(line.get_xdata())})
    axes.set_xticks(places, [_keys(place) if x == "context" else f"{100 * place:.3g} %" for place in places])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)


def _keys(count: float) -> str:
    return f"{count / 1024:g}K" if count >= 1024 else f"{count:g}"
