"""Measure scoring choices through lm_eval: its own model against ``--model sah``, on contexts of the embedded model."""

from __future__ import annotations

import argparse

from benchmarks.session import Session, add_options

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=3)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--contexts", type=int, default=2, help="how many")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    from .measure import measured  # lm_eval takes seconds to import

    session = Session.start("choices", arguments)
    session.finish(list(measured(arguments)), arguments.output)
