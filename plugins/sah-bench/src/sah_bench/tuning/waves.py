"""`in_waves`: trials are proposed several at a time, so that all workers have something to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .trials import Asked, Trials

__all__ = ["in_waves"]


def in_waves(trials: Trials, wanted: int, size: int, run: Callable[[Sequence[Asked], Sequence[Asked]], None]) -> bool:
    """Propose and run trials until there are ``wanted``; False where there are not so many to propose.

    ``run`` gets the trials of earlier waves, which all have a result, and those to run now; it tells each one's result.
    A wave is proposed before any of it has a result, and is whole before the next one is proposed, also when it was
    begun by a process that was killed: so the same ``size`` gives the same trials.
    """
    while True:
        asked = trials.asked
        begun = next((each.number for each in asked if each.result is None), len(asked)) // size * size
        while len(asked) < min(begun + size, wanted) and trials.propose() is not None:
            asked = trials.asked
        left = [each for each in asked[begun : begun + size] if each.result is None]
        if not left:
            return len(asked) >= wanted
        run(asked[:begun], left)
