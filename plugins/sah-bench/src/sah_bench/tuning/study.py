"""`tuned`: a whole study, from its methods' first trials to the files of the best ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from sah_bench.store.whole_files import write_json
from sah_core.config import AttentionConfig

from .asking import Asking
from .best import best_of, closest_to, front_of
from .confirming import Confirming
from .importance import importance
from .result import MethodResult, TrialResult, TuningResult
from .search import search
from .storage import opened_storage
from .trials import Trials
from .tuned_files import file_names, write_bench_config, write_run_config
from .wording import said_value

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from sah_bench.config.tune import BudgetConfig, MethodEntry, TuneConfig

__all__ = ["RESULT", "Tuned", "tuned"]

RESULT = "tuning.json"
"""The file of the result in the results directory."""


@frozen
class Tuned:
    """What came of a study."""

    result: TuningResult
    problems: tuple[str, ...]
    """Why a method has no tuned config, fewer trials than it should, or figures that are not confirmed."""
    written: tuple[Path, ...]


def tuned(asking: Asking, wave: int) -> Tuned:
    """Search each method, confirm what was found on the samples that no trial saw, and write it all down.

    A study that was ended, however, goes on with its next trial; of one that is done nothing is asked. ``wave`` configs
    are tried at once. Raises as `make_plan` and `opened_storage` do; KeyboardInterrupt goes through.
    """
    with opened_storage(asking.directory) as storage:
        problems: list[str] = []
        found = [_searched(method, asking, storage, wave, problems) for method in asking.config.entries]
        return _confirmed_and_written(asking, found, problems)


def _confirmed_and_written(asking: Asking, found: Sequence[MethodResult], problems: Sequence[str]) -> Tuned:
    config = asking.config
    spaces = {method.name: method.space for method in config.entries}
    best = {
        method.name: spaces[method.name].config(method.trial(method.best).values)
        for method in found
        if method.best is not None
    }
    confirming = Confirming.of(asking, {name: (spaces[name].start, attention) for name, attention in best.items()})
    files = file_names(tuple(method.name for method in found))
    result = TuningResult(
        name=config.name or "tuning",
        model=config.model.called,
        asked=_said(config),
        of=config.budget.of,
        budget=config.budget.at_most,
        methods=tuple(
            attrs.evolve(
                each,
                confirmed=confirming.confirmed.get(each.name),
                config=files[each.name] if each.name in best else None,
            )
            for each in found
        ),
        dense=confirming.dense,
    )
    for name in files.keys() - best.keys():
        (asking.directory.path / files[name]).unlink(missing_ok=True)  # what another study found
    written = _write(asking, result, best, confirming.placed)
    return Tuned(result, (*problems, *confirming.problems), tuple(written))


def _searched(
    method: MethodEntry, asking: Asking, storage: BaseStorage, wave: int, problems: list[str]
) -> MethodResult:
    config = asking.config
    name = f"{method.name} {_digest(method, asking)}"
    trials = Trials(storage, name, method.space, config.budget, f"{config.search.seed}/{method.name}")
    short = search(method, trials, asking, wave)
    results = trials.results
    best = best_of(results, config.budget.of, config.budget.at_most)
    problem = None if best is not None else _no_config(method.name, results, config.budget)
    problems += [said for said in (short, problem) if said is not None]
    return MethodResult(
        name=method.name,
        parameters=method.space.ranges(),
        trials=results,
        front=front_of(results, config.budget.of),
        best=None if best is None else best.number,
        importance=importance(trials.study),
        problem=problem,
    )


def _digest(method: MethodEntry, asking: Asking) -> str:
    """8 hex digits of all that decides the trials, so that another study in the directory is another one.

    The addresses of the start's cells say what is asked: the model's files, the rows, the versions.
    """
    config = asking.config
    cells = asking.plan({"start": method.space.start}, config.search.seeds).cells
    decides = {
        "ranges": [attrs.asdict(each) for each in method.space.ranges()],
        "cells": [[cell.address, cell.scorer] for cell in cells],
        "budget": [config.budget.of, config.budget.at_most],
        "search": [config.search.prune, config.search.seed],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:8]


def _no_config(name: str, results: Sequence[TrialResult], budget: BudgetConfig) -> str:
    """Why a method has none within the budget."""
    closest = closest_to(results, budget.of)
    if closest is None or closest.figures is None:
        last = next((each.why for each in reversed(results) if each.why is not None), "none was tried")
        return f"every trial of {name} failed, the last one of {len(results)}: {last}"
    values = ", ".join(f"{parameter}={said_value(value)}" for parameter, value in closest.values.items())
    return (
        f"no config of {name} within {budget.of} <= {budget.at_most:g}: the closest, trial {closest.number}, had "
        f"{closest.figures.cost(budget.of):.4g} ({values}): allow more, or let smaller sizes be tried (ranges:)"
    )


def _said(config: TuneConfig) -> str:
    """What is asked, in words."""
    tasks = ", ".join(task.label for task in config.tasks)
    lengths = " and ".join(str(length) for length in config.lengths)
    return f"{tasks} at {lengths} tokens" if lengths else tasks


def _write(
    asking: Asking,
    result: TuningResult,
    best: Mapping[str, AttentionConfig],
    placed: Mapping[str, AttentionConfig],
) -> list[Path]:
    """Everything that a study leaves, in the results directory."""
    from .page import write_page

    directory, config = asking.directory.path, asking.config
    written = []
    for method in result.methods:
        if method.config is not None:
            written.append(directory / method.config)
            write_run_config(written[-1], config, placed[method.name])
    bench = directory / "tuned.yaml"
    bench.unlink(missing_ok=True)
    if best:
        write_bench_config(bench, config, best)
        written.append(bench)
    written += [directory / RESULT, directory / "tuning.html"]
    write_json(written[-2], result.to_dict())
    write_page(result, written[-1])
    return written
