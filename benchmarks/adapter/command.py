"""Measure what the adapter costs a model: its dense mode, and research attention that keeps every key."""

from __future__ import annotations

import argparse

from benchmarks.request.models import llama
from benchmarks.results.record import Row
from benchmarks.session import DTYPES, Session, add_options

from .overhead import continuing, reading

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=101)
    parser.add_argument("--reading-rounds", type=int, default=11, help="rounds of reading the context, which take long")
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--questions", type=int, nargs="+", default=[1, 16], help="new tokens of a forward")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=512, help="width of the random model, in heads of 64")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("adapter", arguments)
    model = llama(
        DTYPES["float32"],
        2 * arguments.context,
        vocab_size=256,
        hidden_size=arguments.hidden,
        intermediate_size=arguments.hidden * 11 // 4,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.hidden // 64,
        num_key_value_heads=arguments.hidden // 256,
    )
    rows: list[Row] = []
    for tokens in arguments.questions:
        rows.append(continuing(model, arguments.context, tokens, arguments.rounds))
        print(rows[-1].operation, flush=True)
    rows.append(reading(model, arguments.context, arguments.reading_rounds))
    session.finish(rows, arguments.output)
