"""Measure the tables of the model card: ``python -m sah_model_needle.evaluate``.

Exact match with its standard error, context read densely, questions and answers sparse in every layer; where a method
chooses how much it keeps, the density that it came to.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import attrs
import torch

from sah_core import RunConfig, load_config
from sah_hf import ModelAdapterHF

from .methods import Method, oracle_top_k, oracle_top_p, sink_and_local
from .scoring import score
from .tasks import NeedleTask

__all__ = ["TABLES", "Table", "evaluate"]


@attrs.frozen
class Table:
    """Tasks across, methods down; a method may depend on the context's length."""

    title: str
    tasks: tuple[NeedleTask, ...]
    methods: tuple[Callable[[int], Method], ...]


def _dense(length: int) -> Method:
    return Method("dense", None)


def _window(length: int) -> Method:
    return attrs.evolve(sink_and_local(0.1, length), name="sink + local, 10 %")


def _top_k(budget: float) -> Callable[[int], Method]:
    return lambda length: oracle_top_k(budget)


def _top_p(mass: float) -> Callable[[int], Method]:
    return lambda length: oracle_top_p(mass)


TABLES = {
    "retrieval": Table(
        "retrieval, one record for every 24 tokens",
        tuple(NeedleTask(length=256 * 2**n, spacing=24, questions=32) for n in range(6)),
        (_dense, _window, _top_k(0.005), _top_k(0.02), _top_k(0.1), _top_p(0.9)),
    ),
    "dense-records": Table(
        "retrieval, one record for every 8 tokens",
        tuple(NeedleTask(length=length, spacing=8, questions=32) for length in (256, 512, 1024, 2048)),
        (_dense, _window, _top_k(0.005), _top_k(0.02), _top_k(0.1), _top_p(0.9)),
    ),
    "vote": Table(
        "vote, one record for every 8 tokens",
        tuple(NeedleTask("vote", length=length, spacing=8) for length in (256, 512, 1024, 2048)),
        (_dense, _window, _top_k(0.005), _top_k(0.01), _top_k(0.02), _top_k(0.05), _top_k(0.1), _top_p(0.9)),
    ),
}


def evaluate(config: RunConfig, tables: Sequence[Table], questions: int, seed: int) -> None:
    """Print each table in Markdown, row by row."""
    model = ModelAdapterHF.from_config(config)
    for table in tables:
        print(f"\n{table.title} ({questions} questions a cell, seed {seed})\n")
        print("| | " + " | ".join(str(task.length) for task in table.tasks) + " |")
        print("|---|" + "---|" * len(table.tasks), flush=True)
        for method in table.methods:
            cells = [_cell(model, task, method(task.length), questions, seed) for task in table.tasks]
            print(f"| {method(table.tasks[0].length).name} | " + " | ".join(cells) + " |", flush=True)


def _cell(dense: ModelAdapterHF, task: NeedleTask, method: Method, questions: int, seed: int) -> str:
    adapter = dense
    if method.attention is not None:
        adapter = ModelAdapterHF(dense.model, method.attention, dense.tokenizer)
    measured = score(adapter, list(task.samples(questions, seed)))
    cell = f"{measured.exact_match:.3f} ± {measured.standard_error:.3f}"
    return f"{cell} ({measured.density:.0%})" if method.adaptive else cell


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure the tables of the model card.")
    parser.add_argument("--model", default="needle", help="a name or a directory")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"))
    parser.add_argument("--questions", type=int, default=256, help="for each cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; default: all")
    arguments = parser.parse_args()
    unknown = set(arguments.tables) - set(TABLES)
    if unknown:
        parser.error(f"unknown table {min(unknown)!r}, there are {', '.join(TABLES)}")
    torch.set_num_threads(1)
    config = load_config({"version": 1, "model": {"name": arguments.model, "dtype": arguments.dtype}})
    chosen = [TABLES[name] for name in arguments.tables or TABLES]
    evaluate(config, chosen, arguments.questions, arguments.seed)


if __name__ == "__main__":
    main()
