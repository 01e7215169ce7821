"""A search that takes seconds: the embedded model, few and short contexts, few trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tasks.in_this_process import InThisProcess

from sah_bench.config.load import load_tune
from sah_bench.store.directory import ResultsDirectory
from sah_bench.tuning.asking import Asking
from sah_bench.tuning.study import Tuned, tuned

QUEST: dict[str, Any] = {
    "name": "quest",
    "kind": "efficient",
    "maskers": [{"kind": "sink", "size": 2}, {"kind": "local", "window": 8}, {"kind": "quest", "page_size": 4}],
}
RANDOM: dict[str, Any] = {
    "name": "random draws",
    "maskers": [{"kind": "sink", "size": 2}, {"kind": "local", "window": 8}, {"kind": "random", "rate": 0.1}],
}
SMALL: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "model": "needle",
    "methods": [QUEST],
    "tasks": [{"kind": "needle", "variant": "vote", "samples": 4, "questions": 2}],
    "lengths": [128],
    "budget": {"density": 0.25},
    "search": {"seeds": [0, 1], "trials": 6},
    "confirm": {"seeds": [100, 101]},
    "workers": {"devices": ["cpu"], "threads": 1},
}


def searched(path: Path, monkeypatch: Any, **changes: Any) -> tuple[Asking, Tuned]:
    """What comes of a search in this process; ``changes`` are fields of its config."""
    monkeypatch.setenv("SAH_COMPILED", "0")  # nothing here has to be fast
    directory = ResultsDirectory.created(path)
    asking = Asking(load_tune({**SMALL, **changes}), directory, InThisProcess(path))
    return asking, tuned(asking, wave=1)
