"""Measure decode steps: by context, by density, of samplers, against the research backend, and as the context grows."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import attrs
import torch

from benchmarks.calls.calibrations import Calibrations, random_calibrations
from benchmarks.calls.call import Call, Heads
from benchmarks.calls.chains import DENSITY, SINK, fixed_budget, samplers, selectors, window
from benchmarks.calls.subjects import Subject, attend_subject, chain_subject, random_mask
from benchmarks.results.record import Row
from benchmarks.session import DTYPES, Session, add_options

from .growth import growth
from .measure import against_dense, against_research

__all__ = ["add_arguments", "run"]

HEADS = Heads()
_FEW = 5
"""Rounds against the research backend, at most: it takes long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=15)
    contexts = [2**n for n in range(12, 18)]
    parser.add_argument("--contexts", type=int, nargs="+", default=contexts, help="keys that are there before the step")
    parser.add_argument("--detail", type=int, default=32768, help="the context at which everything else is measured")
    parser.add_argument("--dtypes", nargs="+", choices=list(DTYPES), default=list(DTYPES))
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="a folder for random calibrations")
    densities = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
    parser.add_argument("--densities", type=float, nargs="+", default=densities)
    parser.add_argument("--grow", type=int, nargs="+", default=contexts[1:], help="contexts of a fixed budget")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("decode", arguments)
    calibrations = random_calibrations(arguments.work, HEADS)
    rows: list[Row] = []
    for name in arguments.dtypes:
        for row in _rows(arguments, DTYPES[name], calibrations, session.bandwidth):
            print(f"{name}: {row.table}, {row.operation}", flush=True)
            rows.append(row)
    session.finish(rows, arguments.output)


def _rows(
    arguments: argparse.Namespace, dtype: torch.dtype, calibrations: Calibrations, bandwidth: float
) -> Iterator[Row]:
    for context in arguments.contexts:
        call = Call.random(context, dtype, HEADS)
        detail = context == arguments.detail
        subjects = _by_context(call, calibrations, per_head=detail)
        yield from against_dense(call, subjects, arguments.rounds, bandwidth, "A step by context")
        if detail:
            yield from against_research(call, subjects, min(arguments.rounds, _FEW))
    call = Call.random(arguments.detail, dtype, HEADS)
    subjects = [s for density in arguments.densities for s in _at_density(call, calibrations, density)]
    yield from against_dense(call, subjects, arguments.rounds, bandwidth, "A step by density")
    peaked = Call.peaked(arguments.detail, dtype, HEADS)
    subjects = [chain_subject(peaked, chain) for chain in samplers(arguments.detail)]
    yield from against_dense(peaked, subjects, arguments.rounds, bandwidth, "Sampling on peaked logits")
    for chain in (window(), *fixed_budget(calibrations)):
        yield growth(chain, arguments.grow, dtype, HEADS, arguments.rounds)


def _by_context(call: Call, calibrations: Calibrations, *, per_head: bool) -> list[Subject]:
    """Window, selectors and attention alone; ``per_head``: those that choose for each query head, too."""
    chains = selectors(call.context, calibrations, shared=True)
    if per_head:
        chains += selectors(call.context, calibrations, shared=False)
    masked = chain_subject(call.with_causal_mask(), window())
    chosen = random_mask(call, DENSITY, HEADS.query)
    return [
        chain_subject(call, window()),
        attrs.evolve(masked, name="sink + local, model's mask"),
        *(chain_subject(call, chain) for chain in chains),
        attend_subject(call, "random keys, per head", chosen),
    ]


def _at_density(call: Call, calibrations: Calibrations, density: float) -> list[Subject]:
    local = max(1, round(density * call.context) - SINK)
    chains = [window(SINK, local), *selectors(call.context, calibrations, shared=True, density=density)]
    subjects = [chain_subject(call, chain, target=density) for chain in chains]
    for name, heads in (("shared", HEADS.kv), ("per head", HEADS.query)):
        mask = random_mask(call, density, heads)
        subjects.append(attend_subject(call, f"random keys, {name}", mask, target=density))
    return subjects
