"""Answer a request: read the context once, densely; then ask each question of a fork of its KV cache."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any, Literal

import torch
from attrs import field, frozen
from torch import Tensor

from sah_core import AttentionState, SparseAttention

from .cache import fork_cache
from .errors import NotSparseError, RequestError, UnsupportedModelError
from .generation import GenerationOptions
from .meter import Meter
from .modes import DenseMode, Mode, opened
from .report import AnswerReport
from .sparse_mode import SparseMode
from .streaming import AnswerStream
from .tokens import RequestTokens

__all__ = ["Answers", "Asking"]

OnText = Callable[[int, str], None]
"""Called with a question's number, from 0, and text."""


@frozen
class Answers:
    """What the model said, and what was counted meanwhile."""

    texts: list[str]
    reports: tuple[AnswerReport, ...]
    prefill_seconds: float
    prompts_read: int
    index_bytes: int
    generation: dict[str, Any]


@frozen(eq=False)
class Asking:
    """One request on its way through a model; ``attention`` None asks densely."""

    model: Any
    tokenizer: Any
    attention: SparseAttention | None
    dense_layers: tuple[int, ...]
    protocol: Literal["question", "generation"]
    options: GenerationOptions
    meter: Meter
    on_text: OnText | None = None
    on_answer: OnText | None = None
    _modes: list[Mode] = field(factory=list, init=False)

    def answer(self, tokens: RequestTokens) -> Answers:
        """Read the context once and answer every question from it.

        Raises RequestError where context and question leave no position for an answer, NotSparseError where forwards
        should have been sparse and no layer was. Whatever is raised, the model is left as it was found.
        """
        for number in range(len(tokens.questions)):
            self._room(tokens, number)
        keywords = self.options.keywords(self.model, self.tokenizer)
        cache, prefill_seconds = self._read(tokens.context)
        state = AttentionState(context_length=len(tokens.context))
        texts: list[str] = []
        reports: list[AnswerReport] = []
        for number in range(len(tokens.questions)):
            text, report = self._ask(tokens, number, fork_cache(cache), state, keywords)
            # Back to the context: the cache was forked, and the indexes forget what this question appended.
            state.truncate(len(tokens.context))
            texts.append(text)
            reports.append(report)
            if self.on_answer is not None:
                self.on_answer(number, text)
        self._check_sparse()
        prompts_read = sum(mode.prompts_read for mode in self._modes)
        return Answers(texts, tuple(reports), prefill_seconds, prompts_read, state.nbytes, _set(keywords))

    def _read(self, context: list[int]) -> tuple[Any, float]:
        """The KV cache of the context, as the model's own implementation fills it, and the seconds it took."""
        ids = self._ids(context)
        keywords: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": True}
        if "logits_to_keep" in inspect.signature(self.model.forward).parameters:
            keywords["logits_to_keep"] = 1  # a long context's logits would need more memory than its cache
        start = self._now()
        with torch.no_grad(), opened(self._counted(DenseMode(self.model))):
            cache = self.model(**keywords).past_key_values
        if cache is None:
            raise UnsupportedModelError(f"{type(self.model).__name__} returns no KV cache to continue a context from")
        return cache, self._now() - start

    def _ask(
        self, tokens: RequestTokens, number: int, cache: Any, state: AttentionState, keywords: dict[str, Any]
    ) -> tuple[str, AnswerReport]:
        question = tokens.questions[number]
        ids = self._ids(tokens.context + question)
        ends = keywords["eos_token_id"] or ()

        def text_of(answer: list[int]) -> str:
            while answer and answer[-1] in ends:
                answer = answer[:-1]
            text: str = self.tokenizer.decode(answer, skip_special_tokens=True)
            return text

        on_text = self.on_text
        stream = AnswerStream(text_of, None if on_text is None else lambda text: on_text(number, text))
        start = self._now()
        with opened(self._counted(self._mode(len(tokens.context), len(question), cache, state))):
            self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                past_key_values=cache,
                streamer=stream,
                use_cache=True,
                tokenizer=self.tokenizer if "stop_strings" in keywords else None,
                **{**keywords, "max_new_tokens": min(keywords["max_new_tokens"], self._room(tokens, number))},
            )
        end = self._now()
        first = end if stream.first_token_at is None else stream.first_token_at
        return text_of(stream.tokens), AnswerReport(len(question), len(stream.tokens), first - start, end - start)

    def _mode(self, context: int, question: int, cache: Any, state: AttentionState) -> Mode:
        """Dense, or sparse from the first question token or the first generated one on."""
        if self.attention is None:
            return DenseMode(self.model)
        sparse_from = context if self.protocol == "question" else context + question
        mode = SparseMode(self.model, self.attention, self.dense_layers, sparse_from=sparse_from, meter=self.meter)
        mode.keep_state(cache, state)
        return mode

    def _counted(self, mode: Mode) -> Mode:
        self._modes.append(mode)
        return mode

    def _check_sparse(self) -> None:
        """A request that should be sparse is not dense in silence.

        Where only generated tokens are sparse, an answer of one token reads none and no forward was to be sparse.
        """
        wanted = any(mode.sparse_forwards for mode in self._modes if isinstance(mode, SparseMode))
        if wanted and not self.meter.calls:
            raise NotSparseError(
                f"{type(self.model).__name__} should have attended sparsely, but made no sparse attention call: "
                "its answers would be dense ones"
            )

    def _room(self, tokens: RequestTokens, number: int) -> int:
        """How many tokens the model's positions leave for the answer."""
        limit = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if limit is None:
            return int(self.options.chosen["max_new_tokens"])
        context, question = len(tokens.context), len(tokens.questions[number])
        room = int(limit) - context - question
        if room < 1:
            raise RequestError(
                f"question {number} does not fit: {context} context tokens and {question} question tokens leave no "
                f"position for an answer, the model has {limit}"
            )
        return room

    def _ids(self, tokens: list[int]) -> Tensor:
        return torch.tensor([tokens], device=self.model.get_input_embeddings().weight.device)

    def _now(self) -> float:
        """A clock that waits for what the accelerator still has to do."""
        device = self.model.get_input_embeddings().weight.device
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        return time.perf_counter()


def _set(options: dict[str, Any]) -> dict[str, Any]:
    """Without those that are only there to be off."""
    return {name: value for name, value in options.items() if value is not None}
