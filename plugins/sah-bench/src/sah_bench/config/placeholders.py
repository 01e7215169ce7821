"""``$name`` in a config: the values of a sweep, put in their places."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sah_core.config.wording import custom_error

__all__ = ["CALIBRATED", "Scalar", "combinations", "filled", "named"]

CALIBRATED: Final = "$calibrated"
"""Stands for the folder of what the benchmark's own ``calibration`` learned for the masker in which it is written."""

Scalar = str | int | float | bool

_WHOLE = re.compile(r"\$([A-Za-z_]\w*)")


def combinations(sweep: Mapping[str, tuple[Scalar, ...]]) -> Iterator[dict[str, Scalar]]:
    """Every combination of the sweep's values, the last name changing fastest; one empty one without a sweep."""
    for values in itertools.product(*sweep.values()):
        yield dict(zip(sweep, values, strict=True))


def filled(value: Any, values: Mapping[str, Scalar]) -> Any:
    """The value with each string that is ``$name`` replaced by what the name stands for, of that value's type.

    Raises a validation error for a name that stands for nothing.
    """
    if isinstance(value, Mapping):
        return {name: filled(given, values) for name, given in value.items()}
    if isinstance(value, list | tuple):
        return [filled(given, values) for given in value]
    found = _WHOLE.fullmatch(value) if isinstance(value, str) and value != CALIBRATED else None
    if found is None:
        return value
    if found[1] not in values:
        known = ", ".join(f"${name}" for name in values) or "none: there is no sweep"
        raise custom_error("placeholder", f"{value} stands for nothing here; known: {known}, and {CALIBRATED}")
    return values[found[1]]


def named(name: str, values: Mapping[str, Scalar]) -> str:
    """The name with ``$x`` replaced by the value of x; values that it does not mention are put behind it."""
    said = _WHOLE.sub(lambda found: str(values.get(found[1], found[0])), name)
    mentioned = set(_WHOLE.findall(name))
    return " ".join([said, *(f"{key}={value}" for key, value in values.items() if key not in mentioned)])
