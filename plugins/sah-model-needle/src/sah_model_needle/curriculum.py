"""Which contexts are trained on when: from short ones with few records to long ones with many."""

from __future__ import annotations

from typing import Final

import numpy as np

from .architecture import MAX_POSITIONS
from .batches import Stage

__all__ = ["STAGES", "Curriculum"]

STAGES: Final = (
    Stage(32, 4, 4, questions=4, batch_size=72, reach=0, vote=False, pool=20),
    Stage(64, 6, 10, questions=10, batch_size=36, reach=512, vote=False),
    Stage(128, 8, 22, questions=16, batch_size=18, reach=4096),
    Stage(256, 12, 46, questions=24, batch_size=10, reach=8192),
    Stage(512, 20, 94, questions=40, batch_size=5, reach=MAX_POSITIONS),
    Stage(1024, 32, 180, questions=64, batch_size=3, reach=MAX_POSITIONS),
    Stage(2048, 64, 300, questions=96, batch_size=2, reach=MAX_POSITIONS),
)

_MIXED = (4, 5, 6, 6)
_READY = 0.9
_LONGEST = 250


class Curriculum:
    """Moves through the stages; the last one draws among several, so that no length is forgotten.

    A stage is left when the answer's worst word is right in 90 % of cases, or after 250 steps: more records are what
    makes a better circuit worth its while.
    """

    def __init__(self) -> None:
        self._steps = 0
        self.number = 0

    def stage(self, rng: np.random.Generator) -> Stage:
        """The stage of the next step."""
        self._steps += 1
        return STAGES[int(rng.choice(_MIXED)) if self._is_last else self.number]

    def judge(self, accuracy: float) -> bool:
        """Move on if this accuracy, or the time spent, allows it; returns whether it did."""
        if self._is_last or (accuracy <= _READY and self._steps < _LONGEST):
            return False
        self.number += 1
        self._steps = 0
        return True

    @property
    def _is_last(self) -> bool:
        return self.number == len(STAGES) - 1
