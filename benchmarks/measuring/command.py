"""Measure what measurements cost: off, the hook alone, and a share of the calls, in two models at three lengths."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.calls.chains import quest
from benchmarks.request.models import llama
from benchmarks.results.record import Row
from benchmarks.session import DTYPES, Session, add_options
from sah_hf import ModelAdapterHF

from .costs import measuring_costs

__all__ = ["add_arguments", "run"]

_BACKENDS = ("efficient", "research")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=9)
    parser.add_argument("--contexts", type=int, nargs="+", default=[1024, 4096, 8192])
    parser.add_argument("--density", type=float, default=0.05, help="of the keys, chosen by quest")
    parser.add_argument("--questions", type=int, default=8, help="of each request")
    parser.add_argument("--rate", type=float, default=0.01, help="the share of calls that is measured")
    parser.add_argument("--hidden", type=int, default=512, help="width of the random model, in heads of 64")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("measuring", arguments)
    needle = ModelAdapterHF("needle")
    random = llama(
        DTYPES["float32"],
        2 * max(arguments.contexts),
        vocab_size=len(needle.tokenizer),
        hidden_size=arguments.hidden,
        intermediate_size=arguments.hidden * 11 // 4,
        num_hidden_layers=2,
        num_attention_heads=arguments.hidden // 64,
        num_key_value_heads=arguments.hidden // 256,
    )
    models: dict[str, Any] = {"needle": needle.model, "random Llama": random}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            for context in arguments.contexts:
                rows += [
                    measuring_costs(
                        name,
                        model,
                        needle.tokenizer,
                        kind=kind,
                        chain=quest(context, arguments.density),
                        length=context,
                        questions=arguments.questions,
                        rounds=arguments.rounds,
                        rate=arguments.rate,
                        folder=Path(folder) / f"{name} {kind} {context}",
                    )
                    for kind in _BACKENDS
                ]
                print(f"{name} at {context}", flush=True)
    session.finish(rows, arguments.output)
