"""How charts look: colours and shapes that are told apart without seeing colours, on a light page and a dark one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

__all__ = ["LOG_TICKS", "THEMES", "Theme", "colours", "config", "ink", "shapes"]

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

# Okabe and Ito's colours for all kinds of colour vision, without the black and the yellow that a page swallows.
_COLOURS = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#7F7F7F"),
    "dark": ("#4AA8E0", "#F07C34", "#2BC79B", "#E39BC4", "#F2B84B", "#9AD4F7", "#B596D6", "#A8A8A8"),
}
# Seven shapes to eight colours: 56 families pass before a pair comes again.
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")

LOG_TICKS = tuple(digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 3, 5, 7))
"""Ticks of an axis with a log scale; Vega leaves out those that lie outside of what is drawn."""

_INK = {"light": ("#1c2430", "#5b6675", "#e4e7eb"), "dark": ("#e8ecf1", "#9aa6b5", "#333c48")}
_FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


def colours(families: Sequence[str], theme: Theme = "light") -> list[str]:
    """A colour for each family."""
    return [_COLOURS[theme][number % len(_COLOURS[theme])] for number in range(len(families))]


def shapes(families: Sequence[str]) -> list[str]:
    """A shape for each family."""
    return [_SHAPES[number % len(_SHAPES)] for number in range(len(families))]


def ink(theme: Theme = "light") -> str:
    """The colour of text, and of what belongs to no family."""
    return _INK[theme][0]


def config(theme: Theme = "light") -> dict[str, Any]:
    """Vega-Lite's ``config`` for a background of this kind."""
    text, faint, grid = _INK[theme]
    return {
        "background": "#ffffff" if theme == "light" else "#12161c",
        "font": _FONT,
        "view": {"stroke": grid},
        "axis": {
            "domainColor": faint,
            "tickColor": faint,
            "gridColor": grid,
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
        },
        "legend": {
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelLimit": 260,
            "symbolStrokeWidth": 1.5,
            "symbolOpacity": 1,
        },
        "header": {
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "title": {"color": text, "subtitleColor": faint, "fontSize": 13, "anchor": "start", "fontWeight": 600},
    }
