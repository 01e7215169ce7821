"""`MicroMetricLogger`: measure a share of a request's sparse attention calls, and change nothing by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from attrs import frozen
from torch import Tensor

from sah_core import AttentionInputs, AttentionOutput, Registry, UsageError, default_registry

from . import measurements
from .call import MeasuredCall
from .chosen import ChosenCalls

__all__ = ["MeasuredCall", "MetricFailure", "MicroMetric", "MicroMetricLogger"]


class MicroMetric(Protocol):
    """Something to measure of an attention call; as a registered class it is made without arguments."""

    name: str

    def __call__(self, call: MeasuredCall) -> Tensor:
        """One number for each query and head, (b, hq, q); NaN where there is none. Nothing may be written to."""


@frozen
class MetricFailure:
    """A metric that raised, or gave something else than its numbers, and where."""

    metric: str
    sample: int
    layer: int
    step: int
    error: str
    """The exception's class and message."""

    def __str__(self) -> str:
        where = f"sample {self.sample}, layer {self.layer}, step {self.step}"
        return f"metric {self.metric!r} failed at {where}, and was left out for the rest of the sample: {self.error}"


class MicroMetricLogger:
    """Give it as ``on_call`` to `process_request`; say with `begin` which sample's calls follow.

    * ``metrics``: names of registered metrics, or metrics themselves.
    * ``rate``: the share of calls that is measured; a call is one forward of one layer, with all its heads and queries.
      Which calls are, follows from ``seed`` and the sample's, layer's and step's numbers alone, so a run that was
      interrupted measures the same ones.

    Metrics run without gradients, and the random numbers that they draw from torch's generators are put back. One that
    raises costs no answer: it is left out for the rest of the sample, and `errors` says so.

    Raises ConfigError for an unknown metric, UsageError for a rate outside 0 to 1 or a metric named twice.
    """

    def __init__(
        self,
        metrics: Sequence[str | MicroMetric],
        *,
        rate: float,
        seed: int = 0,
        registry: Registry | None = None,
    ) -> None:
        registry = default_registry() if registry is None else registry
        found = [
            (each, registry.metrics.load(each)()) if isinstance(each, str) else (each.name, each) for each in metrics
        ]
        self._metrics: dict[str, MicroMetric] = dict(found)
        if len(self._metrics) < len(found):
            raise UsageError(f"a metric is named twice among {', '.join(name for name, _ in found)}: name each once")
        self._names = tuple(self._metrics)
        self._chosen = ChosenCalls(rate, seed)
        self._sample: int | None = None
        self._context_tokens = 0
        self._measured: list[measurements.Measured] = []
        self._failed: set[str] = set()
        self.errors: list[MetricFailure] = []
        """Metrics that failed, in all samples so far."""

    def begin(self, sample: int, context_tokens: int) -> None:
        """The calls that follow are this sample's, which has so many context tokens; forget the last one's rows."""
        self._sample, self._context_tokens = sample, context_tokens
        self._measured, self._failed = [], set()

    def __call__(self, inputs: AttentionInputs, output: AttentionOutput) -> None:
        """Measure a call, if it is one of the chosen."""
        sample = self._begun()
        # The last key is the last query's, so this needs no number from the device.
        step = inputs.key_offset + inputs.keys.shape[2] - 1 - self._context_tokens
        if self._chosen.includes(sample, inputs.layer_idx, step):
            self._measure(sample, step, MeasuredCall(inputs, output))

    def table(self) -> Any:
        """The begun sample's measurements, a `pyarrow.Table` with the columns of `measurements.SCHEMA`."""
        return measurements.table_of(self._begun(), self._measured, self._names)

    def write(self, path: Path) -> None:
        """Write them to a file for `merge`, whole or not at all; OSError where that fails."""
        measurements.write_sample(self._begun(), self._measured, self._names, path)

    @staticmethod
    def merge(paths: Iterable[Path], target: Path) -> None:
        """Samples' files as one, in the samples' order, the same to the byte: see `measurements.merge`."""
        measurements.merge(paths, target)

    def _begun(self) -> int:
        if self._sample is None:
            raise UsageError("no sample was begun: call begin(sample, context_tokens) before its questions are asked")
        return self._sample

    def _measure(self, sample: int, step: int, call: MeasuredCall) -> None:
        device, shape = call.inputs.device, call.inputs.shape[:3]
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            for number, (name, metric) in enumerate(self._metrics.items()):
                if name in self._failed:
                    continue
                try:
                    values = _checked(metric(call), shape)
                except Exception as error:  # noqa: BLE001 - whatever a metric raises, the answer is worth more
                    self._failed.add(name)
                    what = f"{type(error).__name__}: {error}"
                    self.errors.append(MetricFailure(name, sample, call.inputs.layer_idx, step, what))
                else:
                    self._measured.append(measurements.Measured(call.inputs.layer_idx, step, number, values))


def _checked(values: object, shape: tuple[int, int, int]) -> Tensor:
    """A metric's numbers, in memory of their own: one for each query and head."""
    if not isinstance(values, Tensor):
        raise TypeError(f"expected a tensor of shape {shape}, not {type(values).__name__}")
    if values.shape != shape:
        raise ValueError(f"expected one number for each query and head, {shape}, not {tuple(values.shape)}")
    return values.to(torch.float32, copy=True)
