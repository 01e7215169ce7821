"""What the page holds: rows for its tables and charts, and the charts' specifications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from sah_bench.report.chart_style import THEMES, colours, config
from sah_bench.report.columns import columns_of
from sah_bench.report.wording import plus_minus, signed

from .axes import Axes
from .charts import confirmed_chart, fronts_chart, importance_chart, trials_chart
from .result import Cost, Figures, MethodResult, TrialResult, TuningResult, Value
from .wording import COSTS, said_of, said_value

__all__ = ["page_data"]


def page_data(result: TuningResult) -> dict[str, Any]:
    """JSON values: themes, one entry for each method, and the charts of all methods together."""
    names = [method.name for method in result.methods]
    fronts = [row for place, method in enumerate(result.methods) for row in _fronts(result, place, method)]
    confirmed = [row for method in result.methods for row in _confirmed(result, method)]
    dense = None if result.dense is None else result.dense.score
    bars = [row[end] for row in confirmed for end in ("low", "high")]
    axes = Axes.holding(result, confirmed, *bars, *([] if dense is None else [dense]))
    found = [method.name for method in result.methods if method.confirmed is not None]
    return {
        "themes": {theme: config(theme) for theme in THEMES},
        "costs": dict(COSTS),
        "fronts": {
            "rows": columns_of(fronts),
            "charts": {theme: fronts_chart(Axes.holding(result, fronts), names, theme) for theme in THEMES},
        },
        "confirmed": {
            "rows": columns_of(confirmed),
            "charts": {theme: confirmed_chart(axes, dense, names, theme, found=found) for theme in THEMES},
        },
        "methods": [_method(result, place, method) for place, method in enumerate(result.methods)],
    }


def _method(result: TuningResult, place: int, method: MethodResult) -> dict[str, Any]:
    names = [each.name for each in result.methods]
    parameters = [each.name for each in method.parameters]
    rows = [_trial(result, method, trial) for trial in method.trials]
    axes = Axes.holding(result, [row for row in rows if row["cost"] is not None])
    colour = {theme: colours(names, theme)[place] for theme in THEMES}
    order = _ranked(method)
    return {
        "name": method.name,
        "parameters": parameters,
        "trials": columns_of(rows),
        "importance": columns_of(_importance(result.of, method, order)),
        "charts": {
            theme: {
                "trials": trials_chart(axes, parameters, colour[theme], theme),
                "importance": importance_chart(result.of, order, colour[theme], theme),
            }
            for theme in THEMES
        },
    }


def _trial(result: TuningResult, method: MethodResult, trial: TrialResult) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": trial.number,
        "said": f"{trial.number} ({trial.state})",
        "state": trial.state,
        "why": trial.why,
        "front": trial.number in method.front,
        "mark": _mark(method, trial),
        **_shown(result.of, trial.figures),
    }
    for number, parameter in enumerate(method.parameters):
        value = trial.values.get(parameter.name)
        row[f"value_{number}"] = None if value is None else said_value(value)
        words = any(isinstance(each.values.get(parameter.name), str) for each in method.trials)
        row[f"by_{number}"] = row[f"value_{number}"] if words or isinstance(value, bool) else value
    return row


def _shown(of: Cost, figures: Figures | None) -> dict[str, Any]:
    """Figures as a chart draws them, a table sorts them, and people read them."""
    return {
        "score": None if figures is None else figures.score,
        "cost": None if figures is None else figures.cost(of),
        "samples": None if figures is None else figures.samples,
        **{cost: None if figures is None else getattr(figures, cost) for cost in get_args(Cost)},
        "said_score": plus_minus(None, None) if figures is None else plus_minus(figures.score, figures.stderr),
        **{f"said_{cost}": said_of(cost, figures) for cost in get_args(Cost)},
    }


def _mark(method: MethodResult, trial: TrialResult) -> str | None:
    """What a trial is to its method, beside one of many."""
    start = {each.name: each.start for each in method.parameters}
    first = next((each.number for each in method.trials if dict(each.values) == start), None)
    found = [name for name, number in (("start", first), ("best", method.best)) if number == trial.number]
    return " and ".join(found) or None


def _importance(of: Cost, method: MethodResult, order: Sequence[str]) -> list[dict[str, Any]]:
    kinds = (("score", "score"), ("cost", COSTS[of]))
    return [
        {"parameter": name, "of": title, "part": method.importance[kind][name]}
        for name in order
        for kind, title in kinds
        if name in method.importance.get(kind, {})
    ]


def _ranked(method: MethodResult) -> list[str]:
    """The parameters whose importance is known, those that explain most of the score first."""
    known = [each.name for each in method.parameters if any(each.name in parts for parts in method.importance.values())]
    score: Mapping[str, float] = method.importance.get("score", {})
    return sorted(known, key=lambda name: -score.get(name, 0.0))


def _fronts(result: TuningResult, place: int, method: MethodResult) -> Iterable[dict[str, Any]]:
    for number in method.front:
        trial = method.trial(number)
        yield {
            "method": method.name,
            "place": place,
            "number": number,
            "said": f"{number} (best)" if number == method.best else str(number),
            "values": _said_values(trial.values),
            **_shown(result.of, trial.figures),
        }


def _said_values(values: Mapping[str, Value]) -> str:
    """All parameters of a trial in one line."""
    return ", ".join(f"{name} {said_value(value)}" for name, value in values.items())


def _confirmed(result: TuningResult, method: MethodResult) -> Iterable[dict[str, Any]]:
    if method.confirmed is None:
        return
    difference = signed(method.confirmed.difference, method.confirmed.stderr)
    for order, (what, figures) in enumerate((("start", method.confirmed.start), ("tuned", method.confirmed.tuned))):
        error = figures.stderr or 0.0
        yield {
            "method": method.name,
            "what": what,
            "order": order,
            "low": figures.score - error,
            "high": figures.score + error,
            "said_difference": difference,
            **_shown(result.of, figures),
        }
