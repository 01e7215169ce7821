"""What `sah calibrate` does: load the model, calibrate each masker that can be, and say what the config then names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sah_core import ConfigError, RunConfig, UsageError
from sah_core.cli.console import output_console, plain_table
from sah_hf.models.loading import load_model

from .calibrate import Advance, Calibrated, Calibrating
from .settings import asked_calibrations
from .text import read_blocks

__all__ = ["calibrate_all", "print_calibrated"]


def calibrate_all(
    config: RunConfig,
    data: Path,
    folder: Path,
    *,
    block: int,
    limit: int | None,
    passes: int,
    changes: Sequence[str],
) -> list[Calibrated]:
    """Calibrate each masker of the config that learns offline, one after another, each into a folder of its kind."""
    if config.attention is None or config.model is None:
        missing = "attention" if config.attention is None else "model"
        raise ConfigError(f"sah calibrate needs the section  {missing}  in the config")
    if passes < 1:
        raise UsageError(f"--passes should be at least 1, not {passes}")
    asked = asked_calibrations(config.attention.every_masker, changes)
    logging: Any = transformers.logging  # which transformers leaves untyped
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    loaded = load_model(config.model)
    blocks = read_blocks(data, loaded.tokenizer, _fitting(block, loaded.model), limit)
    finished = []
    for masker, settings in asked:
        calibrating = Calibrating(
            config=masker,
            settings=settings,
            model=loaded.model,
            model_name=config.model.name,
            blocks=blocks,
            passes=passes,
            folder=folder / masker.kind,
        )
        with _progress(masker.kind, len(blocks.ids) * passes) as advance:
            finished.append(calibrating.run(advance))
    return finished


def print_calibrated(finished: Sequence[Calibrated], *, as_json: bool) -> None:
    """What was learned, from what, how well, and the field of the config that names it."""
    if as_json:
        print(json.dumps([_data(each) for each in finished], indent=2))
        return
    console = output_console()
    table = plain_table("masker", "in the config", "blocks", "tokens", "seconds", "measured")
    for each in finished:
        origin = each.provenance.data
        measured = ", ".join(f"{name} {value:.3g}" for name, value in each.provenance.measures.items())
        read = f"{each.blocks_read} of {origin.blocks * origin.passes}"
        table.add_row(
            each.kind,
            f"{each.field}: {each.folder}",
            read,
            str(origin.tokens),
            f"{each.seconds:.1f}",
            measured or "-",
        )
    console.print(table)


def _data(each: Calibrated) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "field": each.field,
        "folder": str(each.folder),
        "blocks_read": each.blocks_read,
        "seconds": each.seconds,
        "provenance": each.provenance.model_dump(mode="json"),
    }


def _fitting(block: int, model: Any) -> int:
    """No block is longer than the model's positions."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if limit is not None and block > limit:
        raise UsageError(f"--block {block}: the model has positions for {limit} tokens")
    return block


@contextmanager
def _progress(kind: str, total: int) -> Iterator[Advance]:
    """A bar on a terminal's stderr, nothing elsewhere."""
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(kind, total=total)

        def advance(done: int, measures: dict[str, float]) -> None:
            said = " ".join(f"{name} {value:.3g}" for name, value in measures.items())
            bar.update(task, completed=done, description=f"{kind} {said}".strip())

        yield advance
