"""Measure a model: ten questions on one context, and tokens a second on a long one."""

from __future__ import annotations

import argparse

from benchmarks.calls.chains import quest, window
from benchmarks.results.record import Row
from benchmarks.session import DTYPES, Session, add_options
from sah_hf import ModelAdapterHF

from .decoding import decoding
from .models import llama
from .questions import ten_questions

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=7)
    parser.add_argument("--dtypes", nargs="+", choices=list(DTYPES), default=list(DTYPES), help="of decoding")
    parser.add_argument("--context", type=int, default=32768, help="of decoding, filled with random numbers")
    parser.add_argument("--layers", type=int, default=4, help="of the model that decodes")
    parser.add_argument("--hidden", type=int, default=4096, help="its width; heads have a 32nd of it")
    parser.add_argument("--mlp", type=int, default=14336, help="the width of its MLPs")
    parser.add_argument("--asked", type=int, default=8192, help="tokens of the context with ten questions")
    parser.add_argument("--asked-rounds", type=int, default=3, help="rounds of the questions, which take long")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("request", arguments)
    rows: list[Row] = [_questions(arguments)]
    print("ten questions", flush=True)
    for dtype in arguments.dtypes:
        model = llama(
            DTYPES[dtype],
            2 * arguments.context,
            vocab_size=256,
            hidden_size=arguments.hidden,
            intermediate_size=arguments.mlp,
            num_hidden_layers=arguments.layers,
            num_attention_heads=32,
            num_key_value_heads=8,
        )
        chains = {chain.name.removesuffix(", shared"): chain for chain in (window(), quest(arguments.context))}
        rows += decoding(model, arguments.context, chains, arguments.rounds)
        print(f"{dtype}: decoding", flush=True)
    session.finish(rows, arguments.output)


def _questions(arguments: argparse.Namespace) -> Row:
    tokenizer = ModelAdapterHF("needle").tokenizer
    model = llama(
        DTYPES["float32"],
        2 * arguments.asked,
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=2,
    )
    return ten_questions(model, tokenizer, arguments.asked, quest(arguments.asked), arguments.asked_rounds)
