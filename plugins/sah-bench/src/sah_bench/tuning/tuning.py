"""What `sah bench tune` does: search, show what was found, and say where it is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import transformers
import typer

from sah_bench.config.where import Where
from sah_bench.executor.opened import opened
from sah_bench.store.directory import ResultsDirectory

from .asking import Asking
from .storage import loaded_optuna
from .study import tuned

if TYPE_CHECKING:
    from sah_bench.config.tune import TuneConfig

__all__ = ["search_and_show"]


def search_and_show(config: TuneConfig, path: Path, *, as_json: bool, where: Where = Where.local) -> None:
    """Search in a results directory, show what was found, and leave with exit code 1 where something is missing.

    Raises UsageError where optuna is not installed, or the directory cannot hold the results.
    """
    loaded_optuna()
    logging: Any = transformers.logging  # which transformers leaves untyped
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    directory = ResultsDirectory.created(path)
    with opened(where, config.workers, directory) as there:
        asking = Asking(config, directory, there.workers, there.kind)
        found = tuned(asking, wave=there.places)
    if as_json:
        written = [str(each) for each in found.written]
        print(json.dumps({**found.result.to_dict(), "problems": found.problems, "written": written}, indent=2))
    else:
        from .terminal import print_tuning

        print_tuning(found.result)
        for each in found.written:
            print(f"written: {each}", file=sys.stderr)
    for problem in found.problems:
        print(problem, file=sys.stderr)
    if found.problems:
        raise typer.Exit(1)
