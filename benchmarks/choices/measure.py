"""lm_eval's own model and this project's, asked the same choices in turn."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance  # type: ignore[import-untyped]  # lm_eval publishes no types
from lm_eval.models.huggingface import HFLM  # type: ignore[import-untyped]  # the same

from benchmarks.results.record import Row
from benchmarks.timing.statistics import Spread, ratio
from sah_core import ModelConfig
from sah_hf.models.loading import model_folder
from sah_lm_eval import SahLM
from sah_model_needle import NeedleTask

__all__ = ["measured"]

TABLE = "Four choices a question, scored through lm_eval"
_WINDOW: list[dict[str, Any]] = [{"kind": "sink", "size": 4}, {"kind": "local", "window": 64}]
MASKERS: Mapping[str, list[dict[str, Any]]] = {
    "every key": [{"kind": "causal"}],
    "sink + local": _WINDOW,
    "+ quest": [*_WINDOW, {"kind": "quest", "budget": 0.05, "page_size": 4}],
}


def measured(arguments: argparse.Namespace) -> Iterator[Row]:
    """A row for each number of tokens a choice and of questions a context."""
    models = {"hf": HFLM(pretrained=str(model_folder(ModelConfig(name="needle"))), device="cpu")}
    with tempfile.TemporaryDirectory() as folder:
        for name, maskers in MASKERS.items():
            models[name] = _model(Path(folder) / "run.json", maskers)
    for words in (3, 1):
        for questions in (1, 8):
            yield _row(models, arguments, questions=questions, words=words)


def _model(config: Path, maskers: list[dict[str, Any]]) -> SahLM:
    attention = {"kind": "efficient", "maskers": maskers}
    config.write_text(json.dumps({"version": 1, "model": "needle", "attention": attention}), encoding="utf-8")
    return SahLM(config=str(config), device="cpu")


def _row(models: Mapping[str, Any], arguments: argparse.Namespace, *, questions: int, words: int) -> Row:
    requests = _requests(arguments.context, arguments.contexts, questions, words)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():  # once for nothing: loops are compiled at first use
        model.loglikelihood(requests[:1], disable_tqdm=True)
    for _ in range(arguments.rounds):
        for name, model in models.items():
            begun = time.perf_counter()
            model.loglikelihood(requests, disable_tqdm=True)
            seconds[name].append(time.perf_counter() - begun)
    return Row(
        table=TABLE,
        operation=f"of {words} token{'s' if words > 1 else ''}",
        setting={"context": arguments.context, "contexts": arguments.contexts, "questions a context": questions},
        milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
        ratios={name: ratio(seconds["hf"], each) for name, each in seconds.items() if name != "hf"},
        reference="hf",
    )


def _requests(length: int, contexts: int, questions: int, words: int) -> Sequence[Instance]:
    """The right answer and three others, each of so many words, to each question about each context."""
    task = NeedleTask(length=length, questions=max(4, questions))
    found: list[Instance] = []
    for sample in task.samples(contexts * task.questions, 0):
        choices = [" ".join(answer.split()[:words]) for answer in sample.answers]
        for number in range(questions):
            for choice in (*choices[number:], *choices[:number])[:4]:
                doc = {"context": sample.context}
                arguments = (f"{sample.context} {sample.questions[number]}", f" {choice}")
                found.append(Instance("loglikelihood", doc, arguments, len(found), ("choices", len(found), 1)))
    return found
