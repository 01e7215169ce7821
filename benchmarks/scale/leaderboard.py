"""`Leaderboard`: what all of its cells take, with contexts read once for all methods, or anew for each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import attrs

from sah_bench.plan.cell import Cell

from .costs import Costs, Method
from .memory import kept_contexts, needed_bytes
from .ruler import ANSWERS, LENGTHS, QUESTION
from .shapes import ModelShape
from .speeds import Device, Speeds

__all__ = ["Leaderboard", "Table"]

LOADING = 2e9
"""Bytes of weights that are loaded in a second: assumed, of a fast disk or network."""
STARTING = 30.0
"""Seconds until a worker's process is ready: assumed; about 5 on an idle machine."""


@attrs.frozen
class Table:
    """Rows that one model is asked, each with a context of its own."""

    model: str
    task: str
    length: int
    samples: int
    seed: int = 0


@attrs.frozen(slots=False)
class Leaderboard:
    """``samples`` of each task and length, on devices of one kind; a model that does not fit one is left out.

    It also says how long what a worker does takes, for a simulated run of it.
    """

    models: tuple[ModelShape, ...]
    methods: tuple[Method, ...]
    device: Device
    speeds: Speeds
    samples: int
    beside: tuple[float, float] = (0.0, 0.0)
    """Seconds that a cell takes beside its model, and that a sample adds."""

    @cached_property
    def costs(self) -> dict[str, Costs]:
        """By model."""
        return {model.name: Costs(model, self.speeds) for model in self.models}

    @cached_property
    def fits(self) -> dict[tuple[str, int], int]:
        """How many contexts a worker can keep, by model and length; only where one can be asked at all."""
        return {
            (name, tokens): kept
            for name, costs in self.costs.items()
            for tokens in LENGTHS
            if (kept := kept_contexts(costs, self.methods, self.device, tokens))
        }

    def needed(self, model: str, tokens: int) -> int:
        """Bytes of device memory, if one context is kept."""
        return needed_bytes(self.costs[model], self.methods, tokens)

    def reading(self, model: str, tokens: int) -> float:
        """Seconds of a context."""
        return self.costs[model].reading_seconds(tokens)

    def answering(self, model: str, task: str, tokens: int) -> float:
        """Seconds of a sample's answers with all methods, the executor's own included."""
        return sum(self._answer(model, task, tokens, method) for method in self.methods)

    def seconds(self, *, shared: bool) -> float:
        """Of all devices together: contexts read once for all methods, or once for each."""
        readings = 1 if shared else len(self.methods)
        return self.samples * sum(
            readings * self.reading(model, tokens) + self.answering(model, task, tokens)
            for model, tokens in self.fits
            for task in ANSWERS
        )

    def tables(self, most: int | None = None) -> tuple[Table, ...]:
        """Of each task and length one table; or several of ``most`` samples, of fewer where a worker keeps no more."""
        return tuple(self._tables(most))

    def start(self) -> float:
        """Of a worker's process."""
        return STARTING

    def load(self, cell: Cell) -> float:
        """Of the cell's model."""
        return self.costs[cell.model.name].model.weight_bytes / LOADING

    def read(self, cell: Cell) -> float:
        """Of a sample's context."""
        return self.reading(cell.model.name, self._length(cell))

    def answer(self, cell: Cell) -> float:
        """Of a sample, and its part of what the cell takes beside."""
        method = self._by_name[cell.attention_name]
        answer = self._answer(cell.model.name, cell.task, self._length(cell), method)
        return answer + self.beside[0] / cell.samples

    def keeps(self, cell: Cell) -> bool:
        """Whether all contexts of its table are kept."""
        return cell.samples <= self.fits[cell.model.name, self._length(cell)]

    @cached_property
    def _by_name(self) -> dict[str, Method]:
        return {method.name: method for method in self.methods}

    @cached_property
    def _answers(self) -> dict[tuple[str, str, int, str], float]:
        return {}

    def _answer(self, model: str, task: str, tokens: int, method: Method) -> float:
        key = (model, task, tokens, method.name)
        if key not in self._answers:
            seconds = self.costs[model].answer_seconds(method, tokens, QUESTION, ANSWERS[task])
            self._answers[key] = seconds + self.beside[1]
        return self._answers[key]

    def _tables(self, most: int | None) -> Iterator[Table]:
        for model in self.costs:
            for task in ANSWERS:
                for tokens in LENGTHS:
                    kept = self.fits.get((model, tokens), 0)
                    if not kept:
                        continue
                    count = 1 if most is None else math.ceil(self.samples / min(kept, most))
                    for seed in range(count):  # as equal as they can be
                        of_it = (seed + 1) * self.samples // count - seed * self.samples // count
                        yield Table(model, task, tokens, of_it, seed)

    @staticmethod
    def _length(cell: Cell) -> int:
        if cell.length is None:
            raise ValueError(f"a cell with a length is expected, not {cell}")
        return cell.length
