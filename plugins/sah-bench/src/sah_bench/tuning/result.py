"""`TuningResult`: what a study found, method by method; ``tuning.json`` holds it, and the page is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import attrs
from attrs import field, frozen

__all__ = ["Confirmed", "Cost", "Figures", "MethodResult", "ParameterRange", "TrialResult", "TuningResult", "Value"]

Value = bool | int | float | str
"""What a parameter can be."""

Cost = Literal["density", "seconds", "megabytes"]
"""What a budget is of: attended over visible keys; seconds of an answer; megabytes of the maskers' indexes."""


@frozen
class Figures:
    """What some samples say of an attention config."""

    samples: int
    score: float
    stderr: float | None
    """Of the score; questions of one context are one cluster."""
    density: float | None
    seconds: float
    """Of an answer, from handing in the question to its end; the mean."""
    megabytes: float
    """Of the maskers' indexes, all layers together; the most that a context took."""

    def cost(self, of: Cost) -> float:
        """What the budget is of; a config whose density is not known counts as dense."""
        if of == "density":
            return 1.0 if self.density is None else self.density
        return self.seconds if of == "seconds" else self.megabytes


@frozen
class ParameterRange:
    """What was tried of a parameter: a range, or a few values."""

    name: str
    """The masker's kind and the field, as in ``quest.page_size``."""
    start: Value
    """Its value in the config that the method starts with."""
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Value, ...] | None = None


@frozen
class TrialResult:
    """One config that was tried."""

    number: int
    values: Mapping[str, Value]
    """By the parameter's name."""
    state: Literal["complete", "pruned", "failed"]
    figures: Figures | None
    """Of the samples that it was asked; of a pruned one, those until then."""
    why: str | None = None
    """It was pruned or failed."""


@frozen
class Confirmed:
    """Two configs on the samples that no trial saw."""

    start: Figures
    tuned: Figures
    difference: float
    """The tuned config's score less the other's, on the same samples."""
    stderr: float | None
    """Of the difference, with samples paired."""


@frozen
class MethodResult:
    """What was found for one method."""

    name: str
    parameters: tuple[ParameterRange, ...]
    trials: tuple[TrialResult, ...]
    front: tuple[int, ...]
    """Numbers of the complete trials that no other beats in score and cost at once, by rising cost."""
    best: int | None
    """The trial with the best score within the budget; None where none is within it."""
    importance: Mapping[str, Mapping[str, float]] = field(factory=dict)
    """Of ``score`` and ``cost``: how much each parameter matters for being in the best quarter; they sum to 1."""
    confirmed: Confirmed | None = None
    config: str | None = None
    """The file of the tuned run config, relative to the results directory."""
    problem: str | None = None
    """Why there is no tuned config."""

    def trial(self, number: int) -> TrialResult:
        """The trial with this number."""
        return next(trial for trial in self.trials if trial.number == number)


@frozen
class TuningResult:
    """All of it."""

    name: str
    model: str
    asked: str
    """What was asked, in words: tasks and lengths."""
    of: Cost
    budget: float
    methods: tuple[MethodResult, ...]
    dense: Figures | None = None
    """Dense attention on the samples that no trial saw."""

    def to_dict(self) -> dict[str, Any]:
        """As values that `json` writes."""
        return attrs.asdict(self, value_serializer=lambda _, __, value: dict(value) if _is_mapping(value) else value)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """What `to_dict` gave, read again."""
        return cls(
            **{
                **given,
                "methods": tuple(_method(each) for each in given["methods"]),
                "dense": _figures(given["dense"]),
            }
        )


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _figures(given: Mapping[str, Any] | None) -> Figures | None:
    return None if given is None else Figures(**given)


def _method(given: Mapping[str, Any]) -> MethodResult:
    confirmed = given["confirmed"]
    if confirmed is not None:
        confirmed = Confirmed(
            **{**confirmed, "start": Figures(**confirmed["start"]), "tuned": Figures(**confirmed["tuned"])}
        )
    changed = {
        "parameters": tuple(_range(each) for each in given["parameters"]),
        "trials": tuple(TrialResult(**{**each, "figures": _figures(each["figures"])}) for each in given["trials"]),
        "front": tuple(given["front"]),
        "confirmed": confirmed,
    }
    return MethodResult(**{**given, **changed})


def _range(given: Mapping[str, Any]) -> ParameterRange:
    choices = given["choices"]
    return ParameterRange(**{**given, "choices": None if choices is None else tuple(choices)})
