"""What is planned, as tables: bytes of real models, what fits a device, device hours and what they go to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from benchmarks.results.cells import digits

from .costs import DENSE, Costs
from .leaderboard import Leaderboard
from .measured import Measured
from .ruler import ANSWERS, LENGTHS, methods
from .shapes import known_shapes
from .speeds import ASSUMED, GPUS

__all__ = ["Lines", "hours", "parts", "room", "sizes"]

Lines = tuple[Sequence[str], Sequence[Sequence[str]]]
"""A header, and rows."""
_GPUS: Final = ("H100", "H200")
_SAMPLES: Final = 100
_PRICE: Final = 2.5
_SECONDS: Final = 3600.0


def sizes() -> Lines:
    """Keys and values of one sequence, and each method's index beside them, in GB."""
    shown = {method.name.split()[0]: method for method in methods({}) if method.masker is not None}
    rows = []
    for shape in known_shapes():
        costs = Costs(shape, GPUS["H100"].at(ASSUMED["middle"], 0.0))
        for name, method in {"KV": DENSE, **shown}.items():
            held = [shape.kv_bytes(n) if method is DENSE else costs.index_bytes(method, n) for n in LENGTHS]
            share = costs.index_bytes(method, LENGTHS[-1]) / shape.kv_bytes(LENGTHS[-1])
            of_kv = "" if method is DENSE else f"{share:.1%}"
            first = f"{shape.name}, weights {digits(shape.weight_bytes / 1e9)}" if method is DENSE else ""
            rows.append([first, name, *(digits(each / 1e9) for each in held), of_kv])
    return ["model, GB", "held", *_lengths(), "of KV at 128K"], rows


def room(measured: Measured) -> Lines:
    """What a worker needs to ask one context, and how many it can keep, for each model and length."""
    rows = []
    boards = {gpu: measured.leaderboard(gpu, "middle", _SAMPLES) for gpu in _GPUS}
    for model in boards[_GPUS[0]].models:
        needed = [boards[_GPUS[0]].needed(model.name, tokens) for tokens in LENGTHS]
        rows.append([model.name, "GB needed", *(digits(each / 1e9) for each in needed)])
        for board in boards.values():
            kept = [board.fits.get((model.name, tokens), 0) for tokens in LENGTHS]
            rows.append(["", f"kept, {board.device.name}", *(str(each or "-") for each in kept)])
    return ["model", "", *_lengths()], rows


def hours(measured: Measured) -> Lines:
    """Device hours of the leaderboard, contexts read once or for each method, over the range of assumptions."""
    rows = []
    for gpu in _GPUS:
        for assumed in ASSUMED:
            board = measured.leaderboard(gpu, assumed, _SAMPLES)
            shared, anew = (board.seconds(shared=once) / _SECONDS for once in (True, False))
            cells = [digits(hours) for hours in (shared, anew, anew / shared, 5 * shared)]
            walls = [digits(shared / devices) for devices in (8, 64, 512)]
            rows.append(
                [f"{board.device.name}, {assumed}", str(len(board.fits)), *cells, *walls, f"{_PRICE * shared:,.0f}"]
            )
    columns = ["read once", "read by each method", "x", "read once, 500 samples", *(f"/ {n}" for n in (8, 64, 512))]
    return ["device hours", "of 30 models x lengths", *columns, f"at {_PRICE:g} an hour"], rows


def parts(measured: Measured) -> Lines:
    """Device hours of each model on the second of the devices, and what they go to."""
    board = measured.leaderboard(_GPUS[1], "middle", _SAMPLES)
    rows = []
    for model in board.models:
        of_model = attrs.evolve(board, models=(model,))
        if not of_model.fits:
            rows.append([model.name, "-", "does not fit", *["-"] * 5])
            continue
        longest = max(tokens for _, tokens in of_model.fits)
        rows.append([model.name, f"{longest // 1024}K", *(digits(each / _SECONDS) for each in _split(of_model))])
    columns = ["up to", "reading", "indexing", "calling", "moving and computing", "executor", "all"]
    return ["hours", *columns], rows


def _split(board: Leaderboard) -> tuple[float, ...]:
    """Seconds of reading once, indexing, what layers call in answers, the rest of answers, the executor, and all."""
    free = attrs.evolve(board, beside=(0.0, 0.0))
    silent = tuple(attrs.evolve(method, layer=0.0) for method in board.methods)
    calm = attrs.evolve(free, speeds=attrs.evolve(free.speeds, layer=0.0), methods=silent)
    unindexed = attrs.evolve(calm, methods=tuple(attrs.evolve(method, key_flops=0.0) for method in silent))
    reading = board.samples * len(ANSWERS) * sum(board.reading(model, tokens) for model, tokens in board.fits)
    read_calmly = board.samples * len(ANSWERS) * sum(calm.reading(model, tokens) for model, tokens in board.fits)
    total, without_executor = board.seconds(shared=True), free.seconds(shared=True)
    answers = without_executor - reading
    indexed = calm.seconds(shared=True) - read_calmly
    moved = unindexed.seconds(shared=True) - read_calmly
    return reading, indexed - moved, answers - indexed, moved, total - without_executor, total


def _lengths() -> list[str]:
    return [f"{tokens // 1024}K" for tokens in LENGTHS]
