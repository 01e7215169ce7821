"""Ask a model the questions of needle samples, and count and measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs

from sah_hf import ModelAdapterHF, Request

from .tasks import NeedleSample

__all__ = ["MAX_NEW_TOKENS", "Score", "score"]

MAX_NEW_TOKENS = 8
"""An answer has three words and ``<eos>``; a model that does not stop there is wrong, and needs no more room."""


@attrs.frozen
class Score:
    """How a model answered."""

    questions: int
    right: int
    density: float
    """Attended over visible keys, in all layers, heads and queries of questions and answers; dense attention: 1.0."""
    seconds: float
    """For a question and its answer, on average; reading the context is not counted."""
    layer_errors: tuple[float, ...] = ()
    """Of each layer: mean of |sparse - dense| / |dense| of its attention output on the same inputs, if measured."""

    @property
    def exact_match(self) -> float:
        """The share of answers that are right in every word, and end there."""
        return self.right / self.questions

    @property
    def standard_error(self) -> float:
        """Of the exact match, as of a share of independent answers."""
        return math.sqrt(self.exact_match * (1 - self.exact_match) / self.questions)

    @property
    def output_error(self) -> float | None:
        """The mean over layers of their errors; None where they were not measured."""
        return sum(self.layer_errors) / len(self.layer_errors) if self.layer_errors else None


def score(
    adapter: ModelAdapterHF,
    samples: Sequence[NeedleSample],
    *,
    measure_error: bool = False,
    answered: Callable[[int], None] = lambda count: None,
) -> Score:
    """Ask all questions, each context being read once; ``answered`` is called with how many more answers came in.

    With ``measure_error`` the first sample is asked once more for the output error, because measuring it computes every
    attention call twice: the seconds are those of answers without it.
    """
    questions = right = 0
    seconds = kept = 0.0
    for sample in samples:
        response = adapter.process_request(_request(sample), {"max_new_tokens": MAX_NEW_TOKENS})
        count = len(sample.questions)
        questions += count
        right += sum(said == answer for said, answer in zip(response.responses, sample.answers, strict=True))
        seconds += response.report.decode_seconds
        kept += count * (1.0 if response.report.density is None else response.report.density)
        answered(count)
    return Score(
        questions, right, kept / questions, seconds / questions, _errors(adapter, samples[0]) if measure_error else ()
    )


def _errors(adapter: ModelAdapterHF, sample: NeedleSample) -> tuple[float, ...]:
    response = adapter.process_request(_request(sample), {"max_new_tokens": MAX_NEW_TOKENS}, measure_error=True)
    errors = [layer.output_error for layer in response.report.layers]
    return tuple(0.0 if error is None else error for error in errors)  # a dense layer is not measured: it has none


def _request(sample: NeedleSample) -> Request:
    return Request(sample.context, sample.questions)
