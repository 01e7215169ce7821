"""What happened during a request, measured: protocol, tokens, seconds, density and error per layer and head."""

from __future__ import annotations

import json
from typing import Any, Literal

import attrs
from attrs import frozen

__all__ = ["AnswerReport", "LayerReport", "MaskerReport", "OverrideReport", "PhaseReport", "RequestReport"]


@frozen
class MaskerReport:
    """One masker of the attention config, and the package that it came from."""

    kind: str
    config: dict[str, Any]
    distribution: str
    version: str


@frozen
class OverrideReport:
    """Layers with maskers of their own."""

    layers: tuple[int, ...]
    maskers: tuple[MaskerReport, ...]


@frozen
class LayerReport:
    """What one layer of the model did with the questions and answers of a request, and with a sparsely read context."""

    layer: int
    kind: str | None
    """What the model's config calls it, such as ``sliding_attention`` or ``linear_attention``; None: nothing."""
    mode: Literal["sparse", "dense", "own"]
    """Whether it made a sparse call; ``own``: it has no attention that could be sparse, and works as ever."""
    maskers: tuple[str, ...]
    """The kinds of its maskers, in order; none for a layer that keeps the model's own attention."""
    sparse_calls: int
    dense_calls: int
    """Its attention calls that stayed the model's own in forwards that were sparse in other layers."""
    paths: dict[str, int]
    """How those calls were computed, as `AttentionOutput.path` names it, and how many of them each way."""
    density: tuple[float, ...] | None
    """For each query head, attended keys over visible keys, both summed over every query of every sparse call."""
    output_error: float | None
    """Mean over those queries of |sparse - dense| / |dense| of the layer's output vector, if it was measured."""

    @property
    def mean_density(self) -> float | None:
        """The mean over heads, which see the same keys."""
        return None if self.density is None else sum(self.density) / len(self.density)


@frozen
class PhaseReport:
    """A part of the work on a request: reading the context, reading a question, writing an answer."""

    tokens: int
    seconds: float
    peak_bytes: int | None
    """The most memory held meanwhile, weights included; None where the system does not tell (see `PeakMemory`)."""

    @property
    def tokens_per_second(self) -> float | None:
        """None where no token was handled, or in no time."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**attrs.asdict(self), "tokens_per_second": self.tokens_per_second}

    @classmethod
    def together(cls, parts: list[PhaseReport]) -> PhaseReport:
        """Several one after the other."""
        peaks = [part.peak_bytes for part in parts if part.peak_bytes is not None]
        tokens, seconds = sum(part.tokens for part in parts), sum(part.seconds for part in parts)
        return cls(tokens, seconds, max(peaks, default=None))


@frozen
class AnswerReport:
    """Tokens, seconds and keys of one question and its answer."""

    question_tokens: int
    """Of the question with the answer prefix and, in a chat, the template after the context."""
    answer_tokens: int
    """Of the answer as generated, the end-of-text token included."""
    first_token_seconds: float
    """From handing in the question to the answer's first token."""
    seconds: float
    """From handing in the question to the end of its answer."""
    attended: int | None
    """Keys that question and answer attended to, over all sparse layers, heads and queries; None: nothing sparse."""
    visible: int | None
    """Keys that they could have attended to there."""
    index_bytes: int
    """What the maskers' indexes of the context held in memory by then, in all layers."""
    question_peak_bytes: int | None = None
    """The most memory held until the first token, as `PhaseReport.peak_bytes`."""
    answer_peak_bytes: int | None = None
    """The same from there on."""

    @property
    def question(self) -> PhaseReport:
        """From handing in the question to the answer's first token."""
        return PhaseReport(self.question_tokens, self.first_token_seconds, self.question_peak_bytes)

    @property
    def answer(self) -> PhaseReport:
        """The answer's tokens after the first, each of which takes a forward of its own."""
        seconds = self.seconds - self.first_token_seconds
        return PhaseReport(max(0, self.answer_tokens - 1), seconds, self.answer_peak_bytes)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        phases = {"question": self.question.to_dict(), "answer": self.answer.to_dict()}
        return {**attrs.asdict(self), "density": self.density, "phases": phases}

    @property
    def density(self) -> float | None:
        """Attended over visible keys."""
        return self.attended / self.visible if self.attended is not None and self.visible else None


@frozen
class RequestReport:
    """Everything that a result needs beside it to be understood and made again."""

    model: str
    model_type: str
    dtype: str
    device: str
    versions: dict[str, str]
    """Of what the answers came from; numba's where compiled loops may have chosen the keys."""
    protocol: Literal["context", "question", "generation", "dense"]
    """From where on attention was sparse: the context, the question, the generated tokens, or nowhere."""
    first_tokens_dense: int
    """So many tokens from there on were dense still."""
    backend: Literal["research", "efficient"] | None
    """The attention config's ``kind``; None without one. What its calls ran is in ``paths``."""
    maskers: tuple[MaskerReport, ...]
    overrides: tuple[OverrideReport, ...]
    dense_layers: tuple[int, ...]
    seed: int | None
    generation: dict[str, Any]
    chat: bool
    context_tokens: int
    context_prefills: int
    """How many times the model read a prompt from its beginning, counted: 1 for any number of questions, 0 where the
    context had been read before."""
    prefill_seconds: float
    """For reading the context, in this request or before."""
    context_peak_bytes: int | None
    """The most memory held meanwhile, as `PhaseReport.peak_bytes`."""
    context_attention: str
    """What read it: ``sparse``, or the name of the model's own implementation, such as ``sdpa``."""
    sparse_forwards: int
    """Forwards of the model that were sparse, or that were to be and in some layer were not."""
    dense_forwards: int
    """Forwards for questions and answers that were the model's own throughout."""
    answers: tuple[AnswerReport, ...]
    layers: tuple[LayerReport, ...]
    """All of the model's, in order; none without an attention config, where all of them are the model's own."""
    density: float | None
    """Attended keys over visible keys, summed over all sparse layers, heads, queries and calls."""
    index_bytes: int
    """What the maskers' indexes of the context hold in memory, in all layers."""

    @property
    def question_tokens(self) -> int:
        """Of all questions together."""
        return sum(answer.question_tokens for answer in self.answers)

    @property
    def answer_tokens(self) -> int:
        """Of all answers together."""
        return sum(answer.answer_tokens for answer in self.answers)

    @property
    def decode_seconds(self) -> float:
        """Reading all questions and writing all answers."""
        return sum(answer.seconds for answer in self.answers)

    @property
    def phases(self) -> dict[str, PhaseReport]:
        """Tokens, seconds and memory of the ``context``, of all ``questions`` and of all ``answers``."""
        return {
            "context": PhaseReport(self.context_tokens, self.prefill_seconds, self.context_peak_bytes),
            "questions": PhaseReport.together([answer.question for answer in self.answers]),
            "answers": PhaseReport.together([answer.answer for answer in self.answers]),
        }

    @property
    def sparse_calls(self) -> int:
        """Sparse attention calls, of all layers together."""
        return sum(layer.sparse_calls for layer in self.layers)

    @property
    def paths(self) -> dict[str, int]:
        """How those calls were computed: how many each way, of all layers together."""
        names = sorted({name for layer in self.layers for name in layer.paths})
        return {name: sum(layer.paths.get(name, 0) for layer in self.layers) for name in names}

    @property
    def output_error(self) -> float | None:
        """Mean over the sparse layers of their output error, if it was measured."""
        errors = [layer.output_error for layer in self.layers if layer.output_error is not None]
        return sum(errors) / len(errors) if errors else None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, the sums above included."""
        totals = ("question_tokens", "answer_tokens", "decode_seconds", "sparse_calls", "paths", "output_error")
        return {
            **attrs.asdict(self),
            "answers": [answer.to_dict() for answer in self.answers],
            **{name: getattr(self, name) for name in totals},
            "phases": {name: phase.to_dict() for name, phase in self.phases.items()},
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)
