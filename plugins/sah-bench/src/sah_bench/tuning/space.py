"""`Space`: the parameters of one method that a study tries, where it starts, and the config of any values of them."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from attrs import frozen
from pydantic import ValidationError

from sah_core.config import AttentionConfig
from sah_core.config.problems import config_error
from sah_core.config.wording import reworded
from sah_core.errors import ConfigError
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry
from sah_core.tunable import Tunable
from sah_core.tunable_fields import fitted, tunable_fields

from .result import ParameterRange, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Parameter", "Space", "SpaceError"]


class SpaceError(ConfigError):
    """What is asked of a space does not fit the method.

    ``path`` says what does not: ``("ranges", name)``, ``("fixed", name)``, or nothing, for the method itself.
    """

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


@frozen
class Parameter:
    """A field of one masker, and what is tried of it."""

    name: str
    """The masker's kind and the field, ``quest.page_size``; ``local#2.window`` is of the list's second local."""
    place: int
    """Of the masker in the list."""
    field: str
    start: Value
    """Of the range's type."""
    range: Tunable
    """The start is in it."""


@frozen
class Space:
    """What a study tries of one method: the fields of the maskers in ``maskers``; ``overrides`` stay as they are."""

    start: AttentionConfig
    """What the method starts with."""
    parameters: tuple[Parameter, ...]

    @classmethod
    def of(
        cls, attention: AttentionConfig, ranges: Mapping[str, Tunable], fixed: Collection[str], registry: Registry
    ) -> Space:
        """The space of a method: what its maskers' configs declare or their types give (see `tunable_fields`).

        ``ranges``, by a parameter's name, replace that or add a field that is not tuned by itself; ``fixed`` names
        parameters, or maskers with all of theirs, that stay as they start. What a calibrator fills in is not tuned by
        itself. Raises SpaceError for a name that is none, a range that its field does not accept, and for a method of
        which nothing is left to tune.
        """
        names = _names(attention.maskers)
        known = [f"{name}.{field}" for name, masker in names.items() for field in _fields(masker)]
        for name in ranges:
            if name not in known:
                raise SpaceError(_unknown(name, known), "ranges", name)
        for name in fixed:
            if name not in known and name not in names:
                raise SpaceError(_unknown(name, [*known, *names]), "fixed", name)
            if name in ranges:
                raise SpaceError(f"{name} has a range: leave one of them out", "fixed", name)
        parameters = []
        for place, (name, masker) in enumerate(names.items()):
            tried = {} if name in fixed else _tried(masker, registry)
            for field in _fields(masker):
                path = f"{name}.{field}"
                try:
                    range_ = fitted(ranges[path], masker, field) if path in ranges else tried.get(field)
                except ConfigError as error:
                    raise SpaceError(str(error), "ranges", path) from error
                if range_ is not None and path not in fixed:
                    parameters.append(Parameter(path, place, field, _like(range_, getattr(masker, field)), range_))
        if not parameters:
            raise SpaceError(_nothing(names, fixed, known))
        return cls(attention, tuple(parameters))

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's, by the parameter's name; Optuna is imported now."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {}
        for parameter in self.parameters:
            tried = parameter.range
            if tried.choices is not None:
                found[parameter.name] = CategoricalDistribution(tried.choices)
                continue
            low, high = tried.ends
            if isinstance(low, int) and isinstance(high, int):
                found[parameter.name] = IntDistribution(low, high, log=tried.log)
            else:
                found[parameter.name] = FloatDistribution(low, high, log=tried.log)
        return found

    def start_values(self) -> dict[str, Value]:
        """Where the search starts; each is in its distribution, and together they give ``start``."""
        return {parameter.name: parameter.start for parameter in self.parameters}

    def config(self, values: Mapping[str, Value]) -> AttentionConfig:
        """The method with these values, checked by its maskers' own configs; what is not named stays as it starts.

        Raises ConfigError that names the rule which values break together, such as more matches than hash tables, and
        for a name that is no parameter's.
        """
        for name in values:
            if name not in self.start_values():
                raise ConfigError(_unknown(name, list(self.start_values())))
        changed: dict[int, dict[str, Value]] = {}
        for parameter in self.parameters:
            value = _like(parameter.range, values.get(parameter.name, parameter.start))
            if repr(value) != repr(parameter.start):  # 1 == 1.0, and as sizes they are one key and all keys
                changed.setdefault(parameter.place, {})[parameter.field] = value
        if not changed:
            return self.start
        maskers = tuple(
            _with(masker, changed[place]) if place in changed else masker
            for place, masker in enumerate(self.start.maskers)
        )
        # Which masker may follow which depends on their kinds alone, so the list needs no second check.
        return self.start.model_copy(update={"maskers": maskers})

    def ranges(self) -> tuple[ParameterRange, ...]:
        """What is tried, as the study's result tells it."""
        return tuple(
            ParameterRange(
                parameter.name,
                parameter.start,
                parameter.range.low,
                parameter.range.high,
                parameter.range.log,
                parameter.range.choices,
            )
            for parameter in self.parameters
        )


def _names(maskers: tuple[MaskerConfig, ...]) -> dict[str, MaskerConfig]:
    """Each under its kind, the second of a kind under ``kind#2``."""
    named: dict[str, MaskerConfig] = {}
    seen: Counter[str] = Counter()
    for masker in maskers:
        seen[masker.kind] += 1
        number = seen[masker.kind]
        named[masker.kind if number == 1 else f"{masker.kind}#{number}"] = masker
    return named


def _fields(masker: MaskerConfig) -> list[str]:
    return [field for field in type(masker).model_fields if field != "kind"]


def _tried(masker: MaskerConfig, registry: Registry) -> dict[str, Tunable]:
    """What is tried by itself: all that can be tuned, less the folder that a calibrator writes."""
    tried = tunable_fields(masker)
    if masker.kind in registry.calibrated_kinds:
        tried.pop(registry.calibrator(masker.kind).field, None)
    return tried


def _like(tried: Tunable, value: Value) -> Value:
    """The value as one of the range's type; a list of choices is compared with it as it is."""
    if tried.choices is None:
        return value if tried.whole or isinstance(value, str) else float(value)
    return next((each for each in tried.choices if each == value), value)


def _with(masker: MaskerConfig, changes: Mapping[str, Value]) -> MaskerConfig:
    given = {name: getattr(masker, name) for name in ("kind", *masker.model_fields_set)} | dict(changes)
    try:
        return type(masker).model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"{masker.kind}: {config_error(reworded(error, type(masker)), given)}") from error


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"this method has no {name!r}{meant}; it has {', '.join(known) or 'no field at all'}"


def _nothing(names: Mapping[str, MaskerConfig], fixed: Collection[str], known: list[str]) -> str:
    kinds = ", ".join(names)
    if fixed:
        return f"{kinds}: nothing is left to tune; take something out of fixed"
    if not known:
        return f"{kinds} has no field that can be tuned: name a method that has parameters"
    return f"{kinds} has no field that can be tuned by itself: give ranges to some of {', '.join(known)}"
