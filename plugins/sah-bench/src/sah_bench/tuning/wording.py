"""What a study found, in words: budgets, costs, values, ranges and counts of trials."""

from __future__ import annotations

from attrs import frozen

from sah_bench.report.wording import NONE, duration, percent

from .result import Cost, Figures, MethodResult, ParameterRange, Value

__all__ = [
    "COSTS",
    "Change",
    "changes",
    "said_budget",
    "said_change",
    "said_cost",
    "said_limit",
    "said_of",
    "said_range",
    "said_trials",
    "said_value",
]

COSTS: dict[Cost, str] = {
    "density": "density",
    "seconds": "ms an answer",
    "megabytes": "MB of indexes",
}
"""What a budget is of, as a column is headed."""


_STATES = ("complete", "pruned", "failed")


@frozen
class Change:
    """A parameter that is tuned to another value than it started with."""

    name: str
    start: Value
    tuned: Value


def changes(method: MethodResult) -> tuple[Change, ...]:
    """What the best trial changes; nothing where there is none."""
    if method.best is None:
        return ()
    values = method.trial(method.best).values
    found = (Change(each.name, each.start, values[each.name]) for each in method.parameters if each.name in values)
    return tuple(each for each in found if each.start != each.tuned)


def said_change(change: Change) -> str:
    """``quest.page_size 8 (was 16)``."""
    return f"{change.name} {said_value(change.tuned)} (was {said_value(change.start)})"


def said_value(value: Value) -> str:
    """A parameter's value as a config writes it; of a float four digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def said_range(parameter: ParameterRange) -> str:
    """``4, 8 or 16``, or ``0.005 to 0.05 (log)``."""
    if parameter.choices is not None:
        said = [said_value(each) for each in parameter.choices]
        return " or ".join([", ".join(said[:-1]), said[-1]]) if len(said) > 1 else "".join(said)
    if parameter.low is None or parameter.high is None:
        return NONE
    return f"{_whole(parameter.low)} to {_whole(parameter.high)}{' (log)' if parameter.log else ''}"


def _whole(bound: float) -> str:
    return said_value(int(bound) if float(bound).is_integer() and abs(bound) < 1e9 else bound)


def said_cost(of: Cost, cost: float | None) -> str:
    """A cost in the unit of its column in `COSTS`: ``4.85 %``, ``12.3``, ``0.42``."""
    if of == "density":
        return percent(cost)
    if cost is None:
        return NONE
    return duration(cost) if of == "seconds" else f"{cost:.{0 if cost >= 100 else 2}f}"


def said_of(of: Cost, figures: Figures | None) -> str:
    """What figures say of a cost; a density that is not known is none."""
    if figures is None:
        return NONE
    return said_cost(of, figures.density if of == "density" else figures.cost(of))


def said_limit(of: Cost, budget: float) -> str:
    """A budget as it was asked for: ``5 %``, ``12.5 ms``, ``0.4 MB``."""
    return {
        "density": f"{100 * budget:.4g} %",
        "seconds": f"{1000 * budget:.4g} ms",
        "megabytes": f"{budget:.4g} MB",
    }[of]


def said_budget(of: Cost, budget: float) -> str:
    """What a budget allows: ``a density of at most 5 %``."""
    behind = {"density": "", "seconds": " an answer", "megabytes": " of indexes"}[of]
    return f"{'a density of ' if of == 'density' else ''}at most {said_limit(of, budget)}{behind}"


def said_trials(method: MethodResult) -> str:
    """``31 complete, 7 pruned, 2 failed``."""
    states = [trial.state for trial in method.trials]
    parts = [f"{states.count(state)} {state}" for state in _STATES if state in states]
    return ", ".join(parts) or "none"
