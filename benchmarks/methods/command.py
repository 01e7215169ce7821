"""Make the table: calibrate what has to be, measure cell by cell, write the page."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import torch

from sah_core import load_calibration, load_config
from sah_hf import ModelAdapterHF
from sah_hf.calibrating.command import calibrate_all
from sah_model_needle import NeedleTask
from sah_model_needle.tasks import Variant
from sah_model_needle.text import write_text

from .cells import Cell, dense_cell, measure_cell, timed_cell
from .chains import DENSITIES, methods
from .table import page

__all__ = ["add_arguments", "run"]

SPACING = {"retrieval": 24, "vote": 8}
TEXTS = 400
"""Documents to calibrate on, of 1024 tokens, of a seed that no measured context has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results"), help="a folder")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="for calibrations and finished cells")
    parser.add_argument("--questions", type=int, default=96, help="for each row")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--densities", type=float, nargs="+", default=list(DENSITIES))
    parser.add_argument("--methods", nargs="+", help="only those with these words in their names")
    parser.add_argument("--seed", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Measure the cells that the work folder does not hold yet, time all of them, write methods.json and methods.md."""
    torch.set_num_threads(1)
    folder = _calibrated(arguments.work)
    chosen = methods(str(folder / "double_sparsity"), str(folder / "hashattention"))
    dense = ModelAdapterHF("needle")
    cells: list[Cell] = []
    finished = _Finished(arguments.work / "methods.jsonl")
    variants: tuple[Variant, ...] = ("retrieval", "vote")
    for variant in variants:
        for length in arguments.lengths:
            task = NeedleTask(variant, length=length, spacing=SPACING[variant])
            asked = {"task": attrs.asdict(task), "questions": arguments.questions, "seed": arguments.seed}
            cells.append(
                finished.get({**asked, "method": "dense"})
                or finished.add(
                    {**asked, "method": "dense"}, dense_cell(dense, task, arguments.questions, arguments.seed)
                )
            )
            for density in arguments.densities:
                for make in chosen:
                    method = make(density, length)
                    if arguments.methods and not any(word in method.name for word in arguments.methods):
                        continue
                    key = {**asked, "method": method.name, "chain": method.maskers(method.settings[0]), "at": density}
                    cell = finished.get(key) or finished.add(
                        key, measure_cell(dense, method, task, density, arguments.questions, arguments.seed)
                    )
                    cells.append(cell)
                    print(f"{variant} {length} {density:.0%} {cell.method}: {cell.exact_match:.3f}", flush=True)
    for number, cell in enumerate(cells):
        task = NeedleTask(_variant(cell), length=cell.length, spacing=SPACING[cell.variant])
        cells[number] = timed_cell(dense, cell, task, arguments.seed)
    about = _about(arguments, folder)
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = [attrs.asdict(cell) for cell in cells]
    (arguments.output / "methods.json").write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    (arguments.output / "methods.md").write_text(page(cells, about))


def _variant(cell: Cell) -> Variant:
    return "vote" if cell.variant == "vote" else "retrieval"


class _Finished:
    """Cells that are measured already, a JSON line each, under all that they depend on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        self._cells = {line["key"]: Cell(**line["cell"]) for line in map(json.loads, lines)}

    def get(self, key: dict[str, Any]) -> Cell | None:
        return self._cells.get(self._text(key))

    def add(self, key: dict[str, Any], cell: Cell) -> Cell:
        with self.path.open("a") as file:
            file.write(json.dumps({"key": self._text(key), "cell": attrs.asdict(cell)}) + "\n")
        return cell

    def _text(self, key: dict[str, Any]) -> str:
        return json.dumps({**key, "versions": _versions()}, sort_keys=True)


def _calibrated(work: Path) -> Path:
    """The folder of both calibrations, made now unless it is there."""
    folder, text = work / "calibration", work / "text.jsonl"
    work.mkdir(parents=True, exist_ok=True)
    write_text(text, TEXTS, 1024, seed=77)
    maskers = [
        {"kind": "double_sparsity", "channels": str(folder / "double_sparsity")},
        {"kind": "hashattention", "weights": str(folder / "hashattention")},
    ]
    config = load_config({"version": 1, "model": "needle", "attention": {"maskers": maskers}})
    calibrate_all(config, text, folder, block=1024, limit=None, passes=1, changes=())
    return folder


def _about(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    kinds = ("double_sparsity", "hashattention")
    return {
        "command": "python -m benchmarks methods",
        "machine": f"{platform.machine()} with {os.cpu_count()} cores, {platform.system()}, no accelerator",
        "questions": arguments.questions,
        "seed": arguments.seed,
        "spacing": SPACING,
        "versions": _versions(),
        "calibrations": {
            kind: load_calibration(folder / kind, kind).provenance.model_dump(mode="json") for kind in kinds
        },
    }


def _versions() -> dict[str, str]:
    ours = ("core", "hf", "model-needle", "masker-window", "masker-oracle", "masker-sampling", "masker-magicpig")
    more = ("masker-quest", "masker-double-sparsity", "masker-hashattention", "masker-pqcache")
    names = [*(f"sah-{name}" for name in (*ours, *more)), "torch", "transformers"]
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
