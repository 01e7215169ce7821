"""What happened during a request, measured: protocol, tokens, seconds, density and error per layer and head."""

from __future__ import annotations

import json
from typing import Any, Literal

import attrs
from attrs import frozen

__all__ = ["AnswerReport", "LayerReport", "MaskerReport", "OverrideReport", "RequestReport"]


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
    """What one attention layer did with the questions and answers of a request."""

    layer: int
    mode: Literal["sparse", "dense"]
    maskers: tuple[str, ...]
    """The kinds of its maskers, in order; none for a layer that keeps the model's own attention."""
    sparse_calls: int
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
    answers: tuple[AnswerReport, ...]
    layers: tuple[LayerReport, ...]
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
        return {**attrs.asdict(self), **{name: getattr(self, name) for name in totals}}

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)
