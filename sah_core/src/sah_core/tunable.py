"""What a config's author says of a field for a search: the values that are worth trying, or that none is.

Light on purpose: nothing here imports torch, or what searches.
"""

from __future__ import annotations

import math
from typing import Any

from attrs import evolve, field, frozen

from .errors import ConfigError

__all__ = ["NotTunable", "Tunable", "Value"]

Value = bool | int | float | str
"""What a field that is tuned can hold."""


def _tuple(given: Any) -> Any:
    return tuple(given) if isinstance(given, list | range) else given


# Equal by repr: to Python 1 == 1.0, and as sizes they are one key and all keys.
@frozen
class Tunable:
    """The values of a field that are worth trying: a range, both ends in it, or a few choices.

    Written in the field's annotation, where it changes nothing of what the field accepts::

        budget: Annotated[Size, Tunable(0.005, 0.5, log=True)] = Field(default=0.1)
        page_size: Annotated[int, Tunable(choices=(4, 8, 16, 32))] = Field(default=16, ge=1)

    ``log``: by factors, so that 0.01 to 0.02 is tried as often as 0.1 to 0.2. A range of a `Size` is of keys where both
    ends are integers, and else of fractions; it is used where the size itself is given so.
    A field without one is tuned by its type and its bounds (see `tunable_fields`), or not, with `NotTunable`.
    Raises ConfigError for a range that is none, and for choices that are none, equal, or of another type.
    """

    low: int | float | None = field(default=None, eq=repr)
    high: int | float | None = field(default=None, eq=repr)
    log: bool = field(default=False, kw_only=True)
    choices: tuple[Value, ...] | None = field(default=None, kw_only=True, eq=repr, converter=_tuple)

    def __attrs_post_init__(self) -> None:
        if self.choices is not None:
            if (self.low, self.high, self.log) != (None, None, False):
                raise ConfigError(f"{self!r}: write choices, or low and high, and not both")
            self._check_choices(self.choices)
        else:
            self._check_range()

    def _check_choices(self, choices: Any) -> None:
        if not isinstance(choices, tuple) or not choices:
            raise ConfigError(f"choices should be a list of at least one value, not {choices!r}")
        for number, choice in enumerate(choices):
            if not isinstance(choice, Value) or (isinstance(choice, float) and not math.isfinite(choice)):
                raise ConfigError(f"a choice should be a string, a finite number, True or False, not {choice!r}")
            if choice in choices[:number]:
                same = choices[choices.index(choice)]
                raise ConfigError(f"choices should differ: {same!r} and {choice!r} are equal")

    def _check_range(self) -> None:
        if self.low is None and self.high is None:
            raise ConfigError(
                "what is worth trying is a range, such as Tunable(1, 64), or Tunable(choices=(4, 8, 16)): "
                "neither was given"
            )
        for name, end in (("low", self.low), ("high", self.high)):
            if end is None or isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end):
                raise ConfigError(f"{name} of a range should be a finite number, not {end!r}")
        low, high = self.ends
        if low >= high:
            raise ConfigError(f"low should be less than high, not {low!r} with high = {high!r}")
        if self.log and low <= 0:
            raise ConfigError(f"log needs a range above 0, and low is {low!r}")

    @property
    def ends(self) -> tuple[int | float, int | float]:
        """``low`` and ``high`` of a range; ConfigError where there are choices."""
        if self.low is None or self.high is None:
            raise ConfigError(f"{self!r} has choices, and no range")
        return self.low, self.high

    @property
    def whole(self) -> bool:
        """Whether it is a range of integers: both ends are."""
        return type(self.low) is int and type(self.high) is int

    def including(self, value: Value) -> Tunable:
        """It, widened where needed so that the value is in it; a range of floats takes an integer as a float.

        Raises ConfigError for a value that cannot be: a string in a range, a float in one of integers, an equal choice
        of another type (1 beside 1.0), or 0 and less in a range by factors.
        """
        if self.choices is not None:
            there = any(repr(choice) == repr(value) for choice in self.choices)
            return self if there else evolve(self, choices=(*self.choices, value))
        if isinstance(value, bool | str) or (self.whole and not isinstance(value, int)):
            raise ConfigError(f"{value!r} cannot be in the range from {self.low!r} to {self.high!r}")
        number = value if self.whole else float(value)
        low, high = self.ends
        return evolve(self, low=min(low, number), high=max(high, number))


@frozen
class NotTunable:
    """Says that no value but the given one is worth trying: ``bits: Annotated[int, NotTunable()] = 32``.

    For what decides no trade-off, or has to agree with something outside the config, such as a calibration folder.
    """
