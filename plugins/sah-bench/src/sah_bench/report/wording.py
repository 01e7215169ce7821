"""Numbers as people read them; "-" where there is none."""

from __future__ import annotations

__all__ = ["duration", "percent", "plus_minus", "ratio", "signed"]

NONE = "-"


def plus_minus(value: float | None, error: float | None, digits: int = 3) -> str:
    """A score and its standard error, as ``0.953 ± 0.012``."""
    if value is None:
        return NONE
    return f"{value:.{digits}f}" if error is None else f"{value:.{digits}f} ± {error:.{digits}f}"


def signed(value: float | None, error: float | None) -> str:
    """A difference and its standard error, as ``-0.031 ± 0.012``."""
    if value is None:
        return NONE
    return f"{value:+.3f}" if error is None else f"{value:+.3f} ± {error:.3f}"


def percent(value: float | None) -> str:
    """A share: ``4.85 %``, ``12.3 %``, ``100 %``."""
    if value is None:
        return NONE
    if value >= 0.9995:
        return "100 %"
    return f"{100 * value:.{1 if value >= 0.1 else 2}f} %"


def duration(seconds: float | None, error: float | None = None) -> str:
    """Seconds as milliseconds: ``12.3 ± 0.2``, or ``850 ± 4`` from a hundred up."""
    if seconds is None:
        return NONE
    digits = 0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 2
    return plus_minus(1000 * seconds, None if error is None else 1000 * error, digits)


def ratio(value: float | None) -> str:
    """How many times as long: ``0.62x``."""
    return NONE if value is None else f"{value:.2f}x"
