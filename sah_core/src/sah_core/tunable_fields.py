"""Which fields of a masker's config can be tuned, and within what: as declared, or by their types and bounds."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from attrs import evolve, frozen
from pydantic import BeforeValidator, ValidationError
from pydantic.fields import FieldInfo

from .errors import ConfigError
from .masker_config import MaskerConfig, Size, StrictFraction
from .tunable import NotTunable, Tunable, Value

__all__ = ["fitted", "tunable_fields"]

_SIGNS = ("gt", "ge", "lt", "le")
"""How annotations call a bound."""

_OWN_RULES = ("func", "multiple_of")
"""What annotations have that are a rule beyond bounds: validators and predicates a function."""

_LOG_RATIO = 16
"""A range of integers from 1 up with ends so far apart is tried by factors."""

_SMALL = 0.2
"""A number that starts below this part of its bounds is tried by factors."""


def tunable_fields(start: MaskerConfig) -> dict[str, Tunable]:
    """What can be tuned of a config, by field, each range or list of choices with the value of ``start`` in it.

    A field with `Tunable` in its annotation is tuned so, one with `NotTunable` is not. For any other, its type and its
    bounds say what is tried around its value s:

    * ``bool``: both; ``Literal``: all its values, where there are two;
    * `Size`: s / 8 to 4 s, at most 1.0, where s is a fraction, s / 4 to 4 s where it is a number of keys, by factors;
    * ``int`` and ``float`` with bounds on both sides: all between; an open end and, of floats, a lower one at 0 that
      is tried by factors, is kept off a little. By factors where integers have ends of ratio 16 or more, and where
      a float starts in the lowest fifth;
    * ``int`` and ``float`` with at most one bound, and s > 0: s / 4 to 4 s within the bound, by factors;
    * anything else is not tuned: strings, lists, what may be null, a field ``seed`` (the luckiest draw is no better
      config), and a field with a rule beyond its bounds (a validator of its own, ``multiple_of``), whose values only
      its author knows.

    A range that is declared for a `Size` in keys is for starts in keys, and one of fractions for fractions; the other
    sort of start gets a range by its type. Raises ConfigError for a declared range that the field does not accept.
    """
    found = {}
    for name, info in type(start).model_fields.items():
        value, declared = getattr(start, name), _declared(info)
        if name == "kind" or isinstance(declared, NotTunable) or not isinstance(value, Value):
            continue
        if declared is not None and not _of_other_size(declared, info, value):
            found[name] = fitted(declared, start, name)
        elif name != "seed" and not _is_checked(type(start), name):
            derived = _derived(info, value)
            if derived is not None:
                found[name] = derived
    return found


def _declared(info: FieldInfo) -> Tunable | NotTunable | None:
    return next((each for each in info.metadata if isinstance(each, Tunable | NotTunable)), None)


def _is_checked(config: type[MaskerConfig], name: str) -> bool:
    """Whether a method of the class checks the field."""
    checks = config.__pydantic_decorators__.field_validators.values()
    return any(checked in (name, "*") for check in checks for checked in check.info.fields)


def fitted(tried: Tunable, start: MaskerConfig, name: str) -> Tunable:
    """What is tried of a field, as values of the field's type, and with the start's own value in it.

    Raises ConfigError, with the field's path, for values that the field does not accept or that its start cannot be
    beside: a range of integers for a size that is a fraction, say.
    """
    info, value = type(start).model_fields[name], getattr(start, name)
    path = f"{start.kind}.{name}"
    if _of_other_size(tried, info, value):
        sort, other = ("keys", "fractions") if isinstance(value, int) else ("a fraction", "keys")
        raise ConfigError(
            f"{path} starts at {value!r}, {sort}, and its range is of {other}: write both in the same way"
        )
    if tried.choices is None and not _is_number(info):
        raise ConfigError(f"{path} is no number: write the values to try as a list, not as a range")
    if info.annotation is float or (_is_size(info) and isinstance(value, float)):
        tried = _in_floats(tried, keep_choices=_is_size(info))
    elif tried.choices is None and not tried.whole:
        raise ConfigError(f"{path} is an integer: low and high of its range should be too")
    try:
        tried = tried.including(value)
    except ConfigError as error:
        raise ConfigError(f"{path} starts at {value!r}: {error}") from error
    for each in tried.choices or tried.ends:
        refused = _refusal(start, name, each)
        if refused is not None:
            raise ConfigError(f"{path} cannot be {each!r}: {refused}")
    return tried


def _of_other_size(tried: Tunable, info: FieldInfo, value: Any) -> bool:
    return _is_size(info) and tried.choices is None and tried.whole != isinstance(value, int)


def _is_size(info: FieldInfo) -> bool:
    return _validator_of(Size) in info.metadata


def _is_number(info: FieldInfo) -> bool:
    return info.annotation in (int, float) or _is_size(info)


def _validator_of(annotated: Any) -> BeforeValidator:
    return next(each for each in annotated.__metadata__ if isinstance(each, BeforeValidator))


def _in_floats(tried: Tunable, *, keep_choices: bool) -> Tunable:
    if tried.choices is None:
        low, high = tried.ends
        return evolve(tried, low=float(low), high=float(high))
    if keep_choices:
        return tried
    return evolve(tried, choices=tuple(float(each) if type(each) is int else each for each in tried.choices))


def _refusal(start: MaskerConfig, name: str, value: Value) -> str | None:
    """Why the field itself does not accept a value; rules between fields say nothing of it."""
    given = {other: getattr(start, other) for other in type(start).model_fields}
    try:
        type(start).model_validate({**given, name: value})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"][:1] == (name,):
                return detail["msg"].removeprefix("Value error, ")
    return None


@frozen
class _Bounds:
    """Of a number; each None where there is none, with whether the bound itself is left out."""

    low: float | None = None
    low_open: bool = False
    high: float | None = None
    high_open: bool = False

    @classmethod
    def of(cls, metadata: Sequence[Any]) -> _Bounds:
        signs: dict[str, float] = {}
        for each in metadata:
            for sign in _SIGNS:
                bound = getattr(each, sign, None)
                if bound is not None and math.isfinite(bound):
                    signs[sign] = bound
        low_open, high_open = "gt" in signs, "lt" in signs
        return cls(signs.get("gt" if low_open else "ge"), low_open, signs.get("lt" if high_open else "le"), high_open)


def _derived(info: FieldInfo, value: Value) -> Tunable | None:
    """By the field's type and bounds; None for one that is not tuned."""
    if _is_size(info):
        return _around_size(value) if isinstance(value, int | float) else None
    if _validator_of(StrictFraction) in info.metadata:
        return _float_range(float(value), _Bounds(0.0, True, 1.0, False))
    if any(hasattr(each, rule) for each in info.metadata for rule in _OWN_RULES):
        return None
    if info.annotation is bool:
        return Tunable(choices=(False, True))
    if get_origin(info.annotation) is Literal:
        return _choices(get_args(info.annotation))
    bounds = _Bounds.of(info.metadata)
    if info.annotation is int and isinstance(value, int):
        return _int_range(value, bounds)
    if info.annotation is float and isinstance(value, int | float):
        return _float_range(float(value), bounds)
    return None


def _choices(values: tuple[Any, ...]) -> Tunable | None:
    if len(values) < 2 or not all(isinstance(each, Value) for each in values) or len(set(values)) < len(values):
        return None
    return Tunable(choices=values)


def _around_size(size: int | float) -> Tunable | None:
    if isinstance(size, float):
        return _tried(_short(size / 8), min(1.0, _short(size * 4)), size, log=True)
    return _tried(max(1, size // 4), size * 4, size, log=True)


def _int_range(start: int, bounds: _Bounds) -> Tunable | None:
    low = None if bounds.low is None else math.floor(bounds.low) + 1 if bounds.low_open else math.ceil(bounds.low)
    high = None if bounds.high is None else math.ceil(bounds.high) - 1 if bounds.high_open else math.floor(bounds.high)
    if low is not None and high is not None:
        return _tried(low, high, start, log=low >= 1 and high >= _LOG_RATIO * low)
    if start <= 0:
        return None
    low = max(1, start // 4) if low is None else max(1, start // 4, low)
    return _tried(low, start * 4 if high is None else min(start * 4, high), start, log=True)


def _float_range(start: float, bounds: _Bounds) -> Tunable | None:
    low, high = bounds.low, bounds.high
    if low is not None and high is not None:
        width = high - low
        log = low >= 0 and low < start < low + _SMALL * width
        off = width / (1000 if log else 100)
        low = low + off if bounds.low_open or (log and low == 0) else low
        high = high - width / 100 if bounds.high_open else high
        return _tried(float(low), float(high), start, log=log)
    if start <= 0:
        return None
    least, most = _short(start / 4), min(_short(start * 4), sys.float_info.max)
    if low is not None and least <= low:
        least = low + (start - low) / 4 if bounds.low_open else low
    if high is not None and most >= high:
        most = high - (high - start) / 4 if bounds.high_open else high
    return _tried(float(least), float(most), start, log=least > 0)


def _tried(low: float, high: float, start: float, *, log: bool) -> Tunable | None:
    low, high = min(low, start), max(high, start)
    return Tunable(low, high, log=log and low > 0) if low < high else None


def _short(number: float) -> float:
    """To three digits, as people write it."""
    return float(f"{number:.3g}")
