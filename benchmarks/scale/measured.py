"""`Measured`: the constants that a machine gave, taken out of the rows of its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self

import attrs

from benchmarks.results.record import Record

from .leaderboard import Leaderboard
from .ruler import METHODS, MethodCosts, methods
from .shapes import known_shapes
from .speeds import ASSUMED, GPUS, Speeds

__all__ = ["CONSTANTS", "METHOD_CONSTANTS", "Measured"]

CONSTANTS: Final = "Constants"
METHOD_CONSTANTS: Final = "Constants of methods, beside dense attention"


@attrs.frozen
class Measured:
    """Speeds of a machine, what methods take there, and what a cell and each sample take beside the model."""

    speeds: Speeds
    methods: Mapping[str, MethodCosts]
    beside: tuple[float, float]

    @classmethod
    def of(cls, record: Record) -> Self:
        """From the record of ``python -m benchmarks scale``."""
        (constants,) = (row.numbers for row in record.rows if row.table == CONSTANTS)
        named = {row.operation: row.numbers for row in record.rows if row.table == METHOD_CONSTANTS}
        return cls(
            speeds=Speeds(
                matrices=constants["matrices, GFLOP/s"] * 1e9,
                attention=constants["attention, GFLOP/s"] * 1e9,
                weights=constants["weights, GB/s"] * 1e9,
                keys=constants["keys and values, GB/s"] * 1e9,
                layer=constants["a layer, ms"] / 1e3,
            ),
            methods={
                name: MethodCosts(numbers["a layer, ms"] / 1e3, numbers["a key, MFLOP"] * 1e6)
                for name, numbers in named.items()
            },
            beside=(constants["a cell, ms"] / 1e3, constants["a sample, ms"] / 1e3),
        )

    def leaderboard(self, gpu: str, assumed: str, samples: int) -> Leaderboard:
        """On GPUs of a data sheet, with these shares of its peaks, and what calling took here."""
        shares = ASSUMED[assumed]
        scaled = {
            name: attrs.evolve(self.methods.get(name, MethodCosts()), layer=self._layer(name) * shares.calls)
            for name in METHODS
        }
        device = GPUS[gpu]
        speeds = device.at(shares, self.speeds.layer)
        return Leaderboard(known_shapes(), methods(scaled), device, speeds, samples, self.beside)

    def _layer(self, name: str) -> float:
        return self.methods[name].layer if name in self.methods else 0.0
