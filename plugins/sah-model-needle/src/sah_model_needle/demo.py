"""What `sah demo` does: the same questions with every method, and from which context length on each would pay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol

import attrs
import torch
import transformers

from sah_core import UsageError
from sah_hf import ModelAdapterHF

from .break_even import HeadShape, StepSeconds, step_seconds
from .methods import Method, demo_methods, methods_with
from .scoring import Score, score
from .tasks import NeedleSample, NeedleTask

__all__ = ["Advance", "Demo", "Output", "Row", "run_demo"]

MODEL = "needle"

Advance = Callable[[str, int], None]
"""Told what is being done, and how many more answers have come in."""


@attrs.frozen
class Row:
    """What was measured of one method."""

    method: Method
    score: Score
    steps: StepSeconds
    """Of one layer's decoding step."""


@attrs.frozen
class Demo:
    """What was asked of which model, and the rows that are finished."""

    task: NeedleTask
    seed: int
    questions: int
    contexts: int
    dtype: str
    device: str
    versions: dict[str, str]
    rows: list[Row] = attrs.field(factory=list)


class Output(Protocol):
    """Where results go."""

    def progress(self, total: int) -> AbstractContextManager[Advance]:
        """Show how many of so many answers are there, as long as it lasts."""

    def show(self, demo: Demo, *, finished: bool) -> None:
        """Show the rows."""


def run_demo(questions: int, length: int, seed: int, output: Output, maskers: Sequence[str] = ()) -> None:
    """Measure every method and show the rows; on Ctrl-C show those that are finished, and let it through.

    ``maskers``, where there are any, decide the methods: see `methods_with`.
    Raises UsageError where no such questions can be asked, and ConfigError for what is no masker.
    """
    if questions < 1:
        raise UsageError(f"--questions should be at least 1, not {questions}")
    task = NeedleTask("retrieval", length=length)
    samples = list(task.samples(questions, seed))
    methods = methods_with(maskers) if maskers else demo_methods(length)
    with output.progress(questions * len(methods)) as advance, _one_thread():
        advance("loading the model", 0)
        _quieten()
        dense = ModelAdapterHF(MODEL)
        demo = Demo(
            task=task,
            seed=seed,
            questions=questions,
            contexts=len(samples),
            dtype=str(dense.model.dtype).removeprefix("torch."),
            device=str(dense.model.device),
            versions={
                name: version(name) for name in ("sah-core", "sah-hf", "sah-model-needle", "torch", "transformers")
            },
        )
        interrupt = None
        try:
            for row in _rows(dense, samples, methods, advance):
                demo.rows.append(row)  # one at a time: an interrupt must not take those before it along
        except KeyboardInterrupt as caught:
            interrupt = caught
    output.show(demo, finished=interrupt is None)
    if interrupt is not None:
        raise interrupt


def _rows(
    dense: ModelAdapterHF, samples: Sequence[NeedleSample], methods: Sequence[Method], advance: Advance
) -> Iterator[Row]:
    config = dense.model.config
    shape = HeadShape(config.num_attention_heads, config.num_key_value_heads, config.head_dim, dense.model.device)
    # All of them before the first is measured, so that one that cannot be built costs nobody a wait.
    adapters = [
        None if method.attention is None else ModelAdapterHF(dense.model, method.attention, dense.tokenizer)
        for method in methods
    ]
    first = samples[0]
    score(dense, [attrs.evolve(first, questions=first.questions[:1], answers=first.answers[:1])])  # the slow first call
    for method, adapter in zip(methods, adapters, strict=True):
        answered = partial(advance, method.name)
        answered(0)
        if adapter is None:
            yield Row(method, score(dense, samples, answered=answered), step_seconds(None, shape))
            continue
        measured = score(adapter, samples, measure_error=True, answered=answered)
        yield Row(method, measured, step_seconds(adapter.attention, shape))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: the model is so small that sharing its work among several costs more than it saves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _quieten() -> None:
    """Keep transformers' remarks and progress bars out of ours."""
    logging: Any = transformers.logging  # which transformers leaves untyped
    logging.set_verbosity_error()
    logging.disable_progress_bar()
