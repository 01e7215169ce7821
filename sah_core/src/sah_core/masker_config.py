"""What every masker's config has in common, and the type of a size.

Light on purpose: nothing here imports torch, so that a config can be read, checked and refused without it.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

__all__ = ["MaskerConfig", "Size", "StrictFraction", "keys_of_size"]


class MaskerConfig(BaseModel):
    """The parameters of one masker; subclass it with a ``kind: Literal["name"] = "name"`` field and your own.

    The class variables say what sort of masker this is, so that a list of maskers can be checked without torch:

    * ``sampling``: draws keys at random and stores their inclusion probabilities;
    * ``refines``: may remove entries that an earlier masker selected;
    * ``needs_logits``: reads the exact logits of all keys, as oracles do;
    * ``by_content``: chooses by what keys hold and not by where they are, equal ones apart: the same keys in another
      order give the same choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    sampling: ClassVar[bool] = False
    refines: ClassVar[bool] = False
    needs_logits: ClassVar[bool] = False
    by_content: ClassVar[bool] = False

    kind: str

    def __eq__(self, other: object) -> bool:
        # To Python 1 == 1.0, and as sizes they are one key and all keys.
        return super().__eq__(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        try:  # a config is looked up at every step of every layer
            return hash((type(self), *(self.__dict__[name] for name in type(self).model_fields)))
        except TypeError:  # a field holds a list, or something else without a hash
            return hash((type(self), repr(self)))


def _check_size(value: Any) -> int | float:
    expected = "a number of keys (a positive integer) or a fraction of the visible keys (a float in (0, 1])"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError(
            "size_type",
            "Input should be " + expected + ", not {given}",
            {"given": f"{value!r} ({type(value).__name__})"},
        )
    if isinstance(value, float) and not (0.0 < value <= 1.0):
        hint = f"; for {value:.0f} keys write {value:.0f}" if value > 1 and value.is_integer() else ""
        raise PydanticCustomError(
            "size_range", "Input should be " + expected + ", not {given}{hint}", {"given": repr(value), "hint": hint}
        )
    if isinstance(value, int) and value < 1:
        raise PydanticCustomError("size_range", "Input should be " + expected + ", not {given}", {"given": repr(value)})
    return value


Size = Annotated[
    int | float,
    BeforeValidator(_check_size),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}],
            "description": "an integer: this many keys; a float in (0, 1]: this fraction of the row's visible keys",
        }
    ),
]
"""How many keys: a strict ``int`` counts keys, a strict ``float`` in (0, 1] is a fraction of the row's visible keys."""


def _check_fraction(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (0.0 < value <= 1.0):
        raise PydanticCustomError(
            "fraction_range",
            "Input should be a number in (0, 1], not {given}",
            {"given": f"{value!r} ({type(value).__name__})"},
        )
    return float(value)


StrictFraction = Annotated[
    float,
    BeforeValidator(_check_fraction),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
]
"""A probability or share in (0, 1]; the integer 1 is accepted as 1.0."""


def keys_of_size(size: int | float, visible: int) -> int:
    """How many keys a size means in a row with ``visible`` keys.

    A fraction f of n keys is exactly ``ceil(f * n)`` with f read as the decimal that was written (0.1 of 30 keys is 3,
    not 4), at least 1; nothing exceeds ``visible``.
    """
    if isinstance(size, float):
        share = Fraction(str(size)) * visible
        size = max(1, math.ceil(share))
    return min(size, visible)
