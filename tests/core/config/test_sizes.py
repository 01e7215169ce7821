"""Sizes: a strict int is keys, a strict float in (0, 1] a fraction, anything else an error; and how many keys it is."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sah_core import Size, StrictFraction, keys_of_size

size: TypeAdapter[Any] = TypeAdapter(Size)
fraction: TypeAdapter[Any] = TypeAdapter(StrictFraction)

NEVER = [True, False, 0, -1, 0.0, -0.5, 1.5, 64.0, math.nan, math.inf, -math.inf, "4", "0.5", None, [1], b"1", 1j]


@pytest.mark.parametrize("given", NEVER, ids=repr)
def test_what_is_no_size(given: Any) -> None:
    """Neither a positive int nor a float in (0, 1]: refused, with the value in the message."""
    with pytest.raises(ValidationError) as caught:
        size.validate_python(given)
    (detail,) = caught.value.errors()
    assert f", not {given!r}" in detail["msg"]


@given(st.integers(1, 10**30) | st.floats(0, 1, exclude_min=True))
def test_a_size_keeps_its_type(value: float) -> None:
    """An int stays an int and a float a float: 1 is one key, 1.0 is all."""
    validated = size.validate_python(value)
    assert validated == value
    assert type(validated) is type(value)


@pytest.mark.parametrize("given", [*(value for value in NEVER if value != 1), 2, True], ids=repr)
def test_what_is_no_fraction(given: Any) -> None:
    """A share of something is in (0, 1]; true is no number."""
    with pytest.raises(ValidationError, match=r"Input should be a number in \(0, 1\], not "):
        fraction.validate_python(given)


def test_one_is_a_fraction() -> None:
    """The integer 1 is the whole, as a float."""
    assert type(fraction.validate_python(1)) is float


@pytest.mark.parametrize(
    ("given", "visible", "keys"),
    [
        (4, 100, 4),
        (4, 3, 3),
        (4, 0, 0),
        (1.0, 7, 7),
        (0.1, 30, 3),  # in binary floating point 0.1 * 30 is more than 3
        (0.05, 61, 4),  # 3.05, rounded up
        (0.29, 100, 29),
        (1e-9, 5, 1),
        (0.5, 0, 0),
    ],
)
def test_keys_of_a_size(given: float, visible: int, keys: int) -> None:
    """Counted by hand: exact decimal fractions, rounded up, at least one, at most all."""
    assert keys_of_size(given, visible) == keys


@given(st.integers(1, 9999), st.integers(0, 10**6))
def test_a_fraction_is_the_decimal_that_was_written(ten_thousandths: int, visible: int) -> None:
    """For every fraction with four places the count is the ceiling of the exact decimal product."""
    written = Decimal(ten_thousandths).scaleb(-4)
    expected = min(visible, max(1, math.ceil(written * visible)))
    assert keys_of_size(float(written), visible) == expected


@given(st.floats(0, 1, exclude_min=True), st.integers(0, 10**6), st.integers(0, 1000))
def test_more_visible_keys_never_mean_fewer(share: float, visible: int, more: int) -> None:
    """The count grows with the row, and never exceeds it."""
    assert keys_of_size(share, visible) <= keys_of_size(share, visible + more) <= visible + more
