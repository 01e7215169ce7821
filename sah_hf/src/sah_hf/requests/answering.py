"""Answer a request: each question of a fork of the KV cache of its context, which is read once."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from attrs import field, frozen

from sah_core import AttentionConfig, ProtocolConfig, SparseAttention
from sah_hf.contexts.cache import fork_cache
from sah_hf.contexts.layer_progress import layers_counted
from sah_hf.contexts.read_context import ReadContext, Reading, read_context, reading_of
from sah_hf.failing import failures_named
from sah_hf.models.model_input import as_input, check_known, check_loaded, clock
from sah_hf.modes.call_states import CallStates
from sah_hf.modes.meter import Meter
from sah_hf.modes.mode import DenseMode, Mode, opened
from sah_hf.modes.sparse_check import check_sparse
from sah_hf.modes.sparse_mode import SparseMode
from sah_hf.reports.peak_memory import PeakMemory
from sah_hf.reports.report import AnswerReport

from .generation import GenerationOptions
from .listeners import Listeners
from .room import check_room, room_for_answer
from .stopping import Stop, stopping_where
from .streaming import AnswerStream
from .tokens import RequestTokens

__all__ = ["Answers", "Asking"]

_Mode = TypeVar("_Mode", bound=Mode)


@frozen
class Answers:
    """What the model said, and what was counted meanwhile."""

    texts: list[str]
    reports: tuple[AnswerReport, ...]
    context: ReadContext
    prompts_read: int
    sparse_forwards: int
    dense_forwards: int
    index_bytes: int
    generation: dict[str, Any]


@frozen(eq=False)
class Asking:
    """One request on its way through a model; ``attention`` None asks densely."""

    model: Any
    tokenizer: Any
    attention: SparseAttention | None
    config: AttentionConfig | None
    """What ``attention`` was made from."""
    layers: tuple[int, ...]
    """Those that are to be sparse."""
    protocol: ProtocolConfig
    options: GenerationOptions
    meter: Meter
    listeners: Listeners
    stop: Stop | None = None
    modes: list[Mode] = field(factory=list, init=False)
    """That its forwards ran in."""

    def answer(
        self, tokens: RequestTokens, context: ReadContext | None = None, states: CallStates | None = None
    ) -> Answers:
        """Answer every question from the context, which is read once, or was read before.

        ``states``: the context's indexes, where they are kept; they are left as they are after the context, or, where
        a question was broken off, empty.

        Raises RequestError where context and question leave no position for an answer, or the context that was read is
        another one; NotSparseError where a context should have been read sparsely and was not. Whatever is raised, the
        model is left as it was found.
        """
        if context is not None:
            context.check(self.model, tokens.context, self.reading)
        check_loaded(self.model)
        check_room(self.model, tokens)
        for each in tokens.questions:
            check_known(self.model, each)
        keywords = self.options.keywords(self.model, self.tokenizer)
        if context is None:
            context = self.read(tokens.context)
        read_densely = sum(mode.forwards for mode in self.modes if not isinstance(mode, SparseMode))
        self.meter.newly_counted()  # what reading attended to is in no answer
        states = CallStates(context_length=len(tokens.context)) if states is None else states
        texts: list[str] = []
        reports: list[AnswerReport] = []
        for number in range(len(tokens.questions)):
            doing = f"answering question {number}, after a context of {len(tokens.context)} tokens"
            with failures_named(self.model, doing, self.advice):
                text, report = self._ask(tokens, number, fork_cache(context.cache), states, keywords)
            texts.append(text)
            reports.append(report)
            if self.listeners.on_answer is not None:
                self.listeners.on_answer(number, text, report)
        prompts_read = sum(mode.prompts_read for mode in self.modes)
        sparse = sum(mode.sparse_forwards for mode in self.modes if isinstance(mode, SparseMode))
        return Answers(
            texts,
            tuple(reports),
            context,
            prompts_read,
            sparse_forwards=sparse,
            dense_forwards=sum(mode.forwards for mode in self.modes) - read_densely - sparse,
            index_bytes=states.nbytes,
            generation=_set(keywords),
        )

    def read(self, context: list[int]) -> ReadContext:
        """Read a context, densely unless the protocol wants it sparse; one of no tokens is not read at all."""
        if not context:
            return ReadContext([], None, 0.0, 0, self.model, self.reading, attention="none")
        mode: Mode = DenseMode(self.model)
        if self.attention is not None and self.reading is not None:
            mode = self._sparse_mode(self.attention, 0)
        check_loaded(self.model)
        check_known(self.model, context)
        doing = f"reading the context of {len(context)} tokens"
        with failures_named(self.model, doing, self.advice), layers_counted(self.model, self.listeners.on_progress):
            read = read_context(self.counted(mode), context, self.reading)
        self.check_sparse()
        return read

    def check_sparse(self) -> None:
        """Raise NotSparseError where a forward so far should have been sparse and was not."""
        check_sparse([mode for mode in self.modes if isinstance(mode, SparseMode)], self.layers)

    @property
    def reading(self) -> Reading | None:
        """What a context that is read sparsely depends on."""
        return reading_of(self.config, self.protocol)

    @property
    def advice(self) -> str:
        """What a request needs less memory with."""
        costly = self.config is not None and self.config.kind == "research"
        return f"shorten the context{', use kind: efficient' if costly else ''}, or load the model in bfloat16"

    def _ask(
        self, tokens: RequestTokens, number: int, cache: Any, states: CallStates, keywords: dict[str, Any]
    ) -> tuple[str, AnswerReport]:
        question = tokens.questions[number]
        ids = as_input(self.model, tokens.context + question)
        ends = keywords["eos_token_id"] or ()
        room, longest = room_for_answer(self.model, tokens, number), keywords["max_new_tokens"]

        def text_of(answer: list[int]) -> str:
            while answer and answer[-1] in ends:
                answer = answer[:-1]
            text: str = self.tokenizer.decode(answer, skip_special_tokens=True)
            return text

        on_text, peaks = self.listeners.on_text, list[int | None]()
        memory = PeakMemory.of(self.model)
        stream = AnswerStream(
            text_of,
            None if on_text is None else lambda text: on_text(number, text),
            on_first=lambda: peaks.append(memory.lap()),
        )
        start = clock(self.model)
        try:
            with opened(self.counted(self.mode(len(tokens.context), len(question), cache, states))):
                self.model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    past_key_values=cache,
                    streamer=stream,
                    use_cache=True,
                    tokenizer=self.tokenizer if "stop_strings" in keywords else None,
                    stopping_criteria=None if self.stop is None else stopping_where(self.stop, ids.shape[1]),
                    **{**keywords, "max_new_tokens": longest if room is None else min(longest, room)},
                )
        except BaseException:
            states.forget()  # an index may have been broken off amid its growing
            raise
        end = clock(self.model)
        peaks.append(memory.lap())
        first = end if stream.first_token_at is None else stream.first_token_at
        # Back to the context: the cache was a fork, and the indexes forget what this question appended.
        states.truncate(len(tokens.context))
        attended, visible = self.meter.newly_counted()
        return text_of(stream.tokens), AnswerReport(
            question_tokens=len(question),
            answer_tokens=len(stream.tokens),
            first_token_seconds=first - start,
            seconds=end - start,
            attended=attended if visible else None,
            visible=visible or None,
            index_bytes=states.nbytes,
            question_peak_bytes=peaks[0],
            answer_peak_bytes=peaks[-1] if len(stream.tokens) > 1 else None,
        )

    def mode(self, context: int, question: int, cache: Any, states: CallStates) -> Mode:
        """Dense, or sparse from the first question token or the first generated one on; no cache: nothing was read."""
        if self.attention is None:
            return DenseMode(self.model)
        begin = {"context": 0, "question": context, "generation": context + question}[self.protocol.sparse_from]
        mode = self._sparse_mode(self.attention, begin)
        if cache is not None:
            mode.keep_states(cache, states)
        return mode

    def _sparse_mode(self, attention: SparseAttention, sparse_from: int) -> SparseMode:
        return SparseMode(
            self.model,
            attention,
            () if self.config is None else self.config.dense_layers,
            sparse_from=sparse_from,
            first_tokens_dense=self.protocol.first_tokens_dense,
            meter=self.meter,
            on_call=self.listeners.on_call,
        )

    def counted(self, mode: _Mode) -> _Mode:
        """The mode, whose forwards are this request's from here on."""
        self.modes.append(mode)
        return mode


def _set(options: dict[str, Any]) -> dict[str, Any]:
    """Without those that are only there to be off."""
    return {name: value for name, value in options.items() if value is not None}
