"""Fit the formulas to some of the times, and try them on the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from benchmarks.results.record import Row
from benchmarks.timing.statistics import Spread

from .attending import Attending
from .costs import COPIES
from .fit import rates
from .measured import METHOD_CONSTANTS
from .models import Timed

__all__ = ["ATTENDING", "DECODING", "READING", "Tried", "tried_attending", "tried_reading", "tried_steps"]

READING = "Reading a context"
DECODING = "A decode step of a model"
ATTENDING = "A layer's attention in a decode step"


@attrs.frozen
class Tried:
    """Seconds a unit of each amount, and a row for each time, with what was predicted."""

    rates: tuple[float, ...]
    rows: tuple[Row, ...]


def tried_reading(timed: Sequence[Timed]) -> Tried:
    """Operations of matrices and of attention, and layers."""

    def amounts(each: Timed) -> tuple[float, ...]:
        shape = each.shape
        return shape.matrix_flops(each.tokens), shape.attention_flops(each.tokens, each.tokens), shape.layers

    return _tried(READING, timed, amounts)


def tried_steps(timed: Sequence[Timed]) -> Tried:
    """Bytes of weights, bytes of keys and values that are read and copied, and layers."""

    def amounts(each: Timed) -> tuple[float, ...]:
        shape = each.shape
        return shape.step_weight_bytes, (1 + COPIES) * shape.kv_bytes(each.tokens), shape.layers

    return _tried(DECODING, timed, amounts)


def tried_attending(timed: Sequence[Attending], predicted_at: int, flop_seconds: float, kv_heads: int) -> list[Row]:
    """A step that takes a constant and so much a key, fitted at the other contexts; and what a method has beside dense.

    Indexing counts as what a matrix product computes meanwhile, at ``flop_seconds`` an operation.
    """
    rows: list[Row] = []
    constants: dict[str, float] = {}
    for name in dict.fromkeys(each.name for each in timed):
        own = [each for each in timed if each.name == name]
        fitted = [each for each in own if each.keys != predicted_at]
        constant, key = rates([(1, each.keys) for each in fitted], [each.median for each in fitted])
        constants[name] = constant
        rows += [
            _row(ATTENDING, name, each.keys, each.keys != predicted_at, each.seconds, constant + key * each.keys)
            for each in own
        ]
        indexing = sum(each.indexing for each in own) / sum(each.keys for each in own) / kv_heads
        if name != "dense":
            beside = {"a layer, ms": 1e3 * max(0.0, constant - constants["dense"]), "a key, us": 1e6 * indexing}
            numbers = {**beside, "a key, MFLOP": 1e-6 * indexing / flop_seconds}
            rows.append(Row(METHOD_CONSTANTS, name, {}, {}, numbers=numbers))
    return rows


def _tried(table: str, timed: Sequence[Timed], amounts: Callable[[Timed], tuple[float, ...]]) -> Tried:
    fitted = [each for each in timed if each.fitted]
    found = rates([amounts(each) for each in fitted], [each.median for each in fitted])
    rows = []
    for each in timed:
        predicted = sum(amount * rate for amount, rate in zip(amounts(each), found, strict=True))
        rows.append(_row(table, each.shape.name, each.tokens, each.fitted, each.seconds, predicted))
    return Tried(found, tuple(rows))


def _row(table: str, name: str, tokens: int, fitted: bool, seconds: Sequence[float], predicted: float) -> Row:
    measured = Spread.of(seconds)
    return Row(
        table=table,
        operation=name,
        setting={"context": tokens, "used": "fitted" if fitted else "predicted"},
        milliseconds={"measured": measured.times(1000)},
        numbers={"formula, ms": 1000 * predicted, "error, %": round(100 * (predicted / measured.median - 1), 3)},
    )
