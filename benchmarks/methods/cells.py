"""Measure one cell of the table: a method at a density, on contexts of one length and variant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from sah_hf import ModelAdapterHF, Request
from sah_model_needle import NeedleSample, NeedleTask
from sah_model_needle.scoring import MAX_NEW_TOKENS, score

from .chains import MethodAt
from .recording import RecordingAttention, Totals

__all__ = ["Cell", "dense_cell", "measure_cell", "timed_cell"]

_COMPARED = 2
"""Samples whose every attention call is compared with dense attention."""
_TIMED = 8
"""Questions that the times are taken on."""


@attrs.frozen
class Cell:
    """What was measured; None where there is nothing to measure, as with dense attention."""

    method: str
    attention: dict[str, Any] | None
    """The config's section."""
    variant: str
    length: int
    target: float
    """The density that was asked for."""
    questions: int
    exact_match: float
    standard_error: float
    density: float
    output_error: float | None = None
    mass: float | None = None
    recall: float | None = None
    index_ms: float | None = None
    """One layer's first call: its indexes of the context, and the first choice."""
    select_ms: float | None = None
    attend_ms: float | None = None
    bits_per_token: float | None = None
    """Of the indexes after the context, for each of its tokens and each KV head of a layer."""


def dense_cell(dense: ModelAdapterHF, task: NeedleTask, questions: int, seed: int) -> Cell:
    """The model's own attention."""
    measured = score(dense, list(task.samples(questions, seed)))
    return Cell(
        "dense",
        None,
        task.variant,
        task.length,
        1.0,
        measured.questions,
        measured.exact_match,
        measured.standard_error,
        measured.density,
    )


def measure_cell(
    dense: ModelAdapterHF, method: MethodAt, task: NeedleTask, target: float, questions: int, seed: int
) -> Cell:
    """Find the setting whose density is nearest to the target, on a sample of another seed, and measure with it."""
    maskers = method.maskers(_setting(dense, method, task, target, seed + 1000))
    attention = {"maskers": [dict(masker) for masker in maskers]}
    samples = list(task.samples(questions, seed))
    adapter, recording = _recorded(dense, attention)
    measured = score(adapter, samples)
    totals, index_bytes = _compared(adapter, recording, samples[:_COMPARED])
    config = dense.model.config
    entries = task.length * config.num_key_value_heads * config.num_hidden_layers
    return Cell(
        method=method.name,
        attention=attention,
        variant=task.variant,
        length=task.length,
        target=target,
        questions=measured.questions,
        exact_match=measured.exact_match,
        standard_error=measured.standard_error,
        density=measured.density,
        output_error=totals.error / totals.queries,
        mass=totals.mass / totals.rows,
        recall=totals.recall / totals.rows,
        bits_per_token=8 * index_bytes / entries,
    )


def timed_cell(dense: ModelAdapterHF, cell: Cell, task: NeedleTask, seed: int) -> Cell:
    """The cell with times, taken on one context and few questions: all cells can be timed in one go."""
    if cell.attention is None:
        return cell
    adapter, recording = _recorded(dense, cell.attention)
    score(adapter, [attrs.evolve(task, questions=_TIMED).sample(seed)])
    totals = recording.totals
    return attrs.evolve(
        cell,
        index_ms=1000 * totals.first_seconds / totals.first_calls,
        select_ms=1000 * totals.select_seconds / totals.calls,
        attend_ms=1000 * totals.attend_seconds / totals.calls,
    )


def _recorded(dense: ModelAdapterHF, attention: dict[str, Any]) -> tuple[ModelAdapterHF, RecordingAttention]:
    adapter = ModelAdapterHF(dense.model, attention, dense.tokenizer)
    recording = RecordingAttention.from_config(attention)
    adapter.attention = recording
    return adapter, recording


def _compared(
    adapter: ModelAdapterHF, recording: RecordingAttention, samples: Sequence[NeedleSample]
) -> tuple[Totals, int]:
    """The totals over all questions of the samples, each call compared with dense attention, and bytes of indexes."""
    recording.totals, recording.measuring = Totals(), True
    index_bytes = 0
    for sample in samples:
        request = Request(sample.context, sample.questions)
        response = adapter.process_request(request, {"max_new_tokens": MAX_NEW_TOKENS})
        index_bytes = response.report.index_bytes
    return recording.totals, index_bytes


def _setting(dense: ModelAdapterHF, method: MethodAt, task: NeedleTask, target: float, seed: int) -> float:
    """The setting that comes nearest to the target, by bisection: density grows along the settings."""
    sample = attrs.evolve(task, questions=4).sample(seed)
    found: dict[int, float] = {}

    def density(place: int) -> float:
        if place not in found:
            maskers = [dict(masker) for masker in method.maskers(method.settings[place])]
            adapter, recording = _recorded(dense, {"maskers": maskers})
            found[place] = _compared(adapter, recording, [sample])[0].density
        return found[place]

    low, high = 0, len(method.settings) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if density(middle) < target:
            low = middle
        else:
            high = middle
    return method.settings[low if low == high or target - density(low) < density(high) - target else high]
