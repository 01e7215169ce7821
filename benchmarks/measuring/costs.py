"""One request with nothing measured, with the hook alone, and with a share of its calls measured, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from benchmarks.calls.chains import Chain
from benchmarks.results.record import Row
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, ratio
from sah_bench.measure.micro import MicroMetricLogger
from sah_core import AttentionInputs, AttentionOutput, default_registry
from sah_hf import AnswerReport, ModelAdapterHF, ReadContext, Request
from sah_model_needle import NeedleTask

__all__ = ["METRICS", "measuring_costs"]

METRICS: Final = tuple(default_registry().metrics.names)
_GENERATION: Final[Mapping[str, Any]] = {"max_new_tokens": 8, "min_new_tokens": 8}


class Measuring:
    """A request asked again and again as the executor asks it: each question a sample, with a file in the folder.

    No sample is asked twice, so over many requests the share of measured calls is the rate.
    """

    def __init__(
        self, adapter: ModelAdapterHF, request: Request, context: ReadContext, rate: float, folder: Path | None
    ) -> None:
        self._adapter, self._request, self._context = adapter, request, context
        self._logger = MicroMetricLogger(METRICS, rate=rate)
        self._samples = count()
        self._folder = folder
        self.seconds = 0.0
        self.within = 0.0
        """Of those seconds, in the logger."""
        self.asked = 0

    def __call__(self) -> None:
        """Ask it once."""
        sample = self._begin()

        def look(inputs: AttentionInputs, output: AttentionOutput) -> None:
            start = time.perf_counter()
            self._logger(inputs, output)
            self.within += time.perf_counter() - start

        def keep(number: int, answer: str, report: AnswerReport) -> None:
            nonlocal sample
            start = time.perf_counter()
            if self._folder is not None:
                self._logger.write(self._folder / f"{sample:06}.parquet")
            sample = self._begin()
            self.within += time.perf_counter() - start

        start = time.perf_counter()
        self._adapter.process_request(self._request, on_answer=keep, on_call=look, context=self._context)
        self.seconds += time.perf_counter() - start
        self.asked += 1

    @property
    def added(self) -> float:
        """Seconds in the logger over the seconds without them, in all requests together."""
        return self.within / (self.seconds - self.within)

    def _begin(self) -> int:
        sample = next(self._samples)
        self._logger.begin(sample, len(self._context.tokens))
        return sample


def measuring_costs(
    name: str,
    model: Any,
    tokenizer: Any,
    *,
    kind: str,
    chain: Chain,
    length: int,
    questions: int,
    rounds: int,
    rate: float,
    folder: Path,
) -> Row:
    """So many questions of eight tokens each, on a context that was read before: only what can be measured is timed.

    Ratios are of processor time. ``off`` stands there twice, which shows what the machine's own unrest amounts to. What
    is added is counted within the requests, as seconds in the logger and of writing its files, over all other seconds.
    """
    sample = NeedleTask("retrieval", length=length, questions=questions).sample(0)
    request = Request(sample.context, sample.questions)
    adapter = ModelAdapterHF(model, {**chain.config, "kind": kind}, tokenizer, generation=_GENERATION)
    context = adapter.read_context(request)
    hook = Measuring(adapter, request, context, 0.0, None)
    some = Measuring(adapter, request, context, rate, folder)
    Measuring(adapter, request, context, 1.0, folder / "first")()  # what is done for the first time takes longer
    report = adapter.process_request(request, context=context).report

    def off() -> None:
        adapter.process_request(request, context=context)

    share = f"{rate:.0%} measured"
    calls: dict[str, Callable[[], None]] = {"off": off, "hook alone": hook, share: some, "off again": off}
    seconds = compare([Contender(each, call) for each, call in calls.items()], rounds, clock=time.process_time)
    shape = model.config
    return Row(
        table="Measuring attention calls",
        operation=f"{questions} questions",
        setting={
            "model": name,
            "layers": shape.num_hidden_layers,
            "hidden": shape.hidden_size,
            "backend": kind,
            "context": length,
        },
        milliseconds={each: Spread.of(times).times(1000) for each, times in seconds.items()},
        ratios={f"{each} / off": ratio(seconds[each], seconds["off"]) for each in calls if each != "off"},
        config={**chain.config, "kind": kind},
        density=report.density,
        numbers={
            "calls": report.sparse_calls,
            "hook adds": hook.added,
            f"{share} adds": some.added,
        },
    )
