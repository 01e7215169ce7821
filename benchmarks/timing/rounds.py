"""Time several contenders side by side: a sample of each in every round, so that a busy moment slows all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import attrs

__all__ = ["Contender", "Seconds", "compare"]

Seconds = dict[str, tuple[float, ...]]
"""Of every contender by name: seconds of one call, one number a round."""

_LONG = 20
"""A first call so many times as long as a sample has to be leaves no doubt that a sample is one call."""
_MOST_CALLS = 1000
"""In a sample, however short a call is."""


@attrs.frozen(eq=False)
class Contender:
    """One way of doing a piece of work.

    * ``call``: the work, done anew by every call.
    * ``before``: done before every call and not timed, such as emptying the caches; a call is then timed by itself.
    * ``around``: entered for each sample and left after it, neither timed: what has to be set up for the calls.
    """

    name: str
    call: Callable[[], object]
    before: Callable[[], object] | None = None
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def compare(
    contenders: Sequence[Contender],
    rounds: int,
    least: float = 0.005,
    clock: Callable[[], float] = time.perf_counter,
) -> Seconds:
    """Seconds of one call of each contender, in each of the ``rounds``.

    The contenders take turns, one sample each a round. A sample is as many calls as take ``least`` seconds, by the
    faster of two calls made beforehand; where that is more than one, a call before them is not timed, so that all of
    them find in cache what the one before left there. Python's garbage collector waits for the end of a round.
    """
    calls = {contender.name: _calls(contender, least, clock) for contender in contenders}
    if len(calls) < len(contenders):
        raise ValueError(f"contenders should have names of their own, not {[each.name for each in contenders]}")
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for contender in contenders:
                count = calls[contender.name]
                seconds[contender.name].append(_sample(contender, count, clock) / count)
            gc.collect(0)  # what the round left behind; a full collection takes longer than a round
    finally:
        if collecting:
            gc.enable()
    return {name: tuple(each) for name, each in seconds.items()}


def _calls(contender: Contender, least: float, clock: Callable[[], float]) -> int:
    """How many calls make a sample."""
    first = _sample(contender, 1, clock)
    call = first if first > _LONG * least else min(first, _sample(contender, 1, clock))
    return max(1, min(_MOST_CALLS, int(least / call) + 1 if call > 0 else _MOST_CALLS))


def _sample(contender: Contender, count: int, clock: Callable[[], float]) -> float:
    """Seconds of so many calls."""
    with contender.around():
        if contender.before is None:
            if count > 1:
                contender.call()
            start = clock()
            for _ in range(count):
                contender.call()
            return clock() - start
        total = 0.0
        for _ in range(count):
            contender.before()
            start = clock()
            contender.call()
            total += clock() - start
        return total
