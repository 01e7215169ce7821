"""`ModelAdapterHF`: a Hugging Face model that attends sparsely, as a config says, and answers requests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import nn
from transformers import PretrainedConfig

from sah_core import (
    AttentionConfig,
    ConfigError,
    ProtocolConfig,
    RunConfig,
    UsageError,
    create_attention,
    load_config,
)

from .attention.attention_call import AttentionResult
from .contexts.layer_progress import OnProgress
from .contexts.read_context import ReadContext, Reading, reading_of
from .errors import NotSparseError, RequestError
from .kept.kept_context import KeptContext
from .model_adapter import ModelAdapter
from .models.fingerprint import check_calibrations
from .models.loading import load_model
from .modes.call_states import CallStates
from .modes.custom_function import attention_function
from .modes.layer_plan import LayerPlan
from .modes.meter import Meter
from .modes.mode import DenseMode, opened
from .modes.sparse_check import check_mode
from .modes.sparse_mode import OnCall, SparseMode
from .requests.answering import Asking
from .requests.generation import GenerationOptions
from .requests.listeners import Listeners, OnAnswer, OnText
from .requests.reporting import request_report
from .requests.request import Request, RequestResponse
from .requests.room import check_context_room, check_room
from .requests.scoring import Scores, score
from .requests.stopping import Stop
from .requests.tokens import RequestTokens, context_tokens, request_tokens

__all__ = ["ModelAdapterHF"]


class ModelAdapterHF(ModelAdapter):
    """A Hugging Face causal language model with sparse attention in place of its own, where and when it is wanted.

    * ``model``: a loaded model, or a name: an embedded model, a directory, an id on the hub.
    * ``attention_config``: the ``attention`` section of a config; None makes an adapter that is always dense.
    * ``tokenizer``: needed by `process_request`; comes with a model given by name.
    * ``protocol``: from where on a request is sparse: ``{"sparse_from": "question"}`` (default), ``"generation"`` or
      ``"context"``, and how many tokens from there on are dense still, ``"first_tokens_dense"``.
    * ``generation``: what transformers' GenerationConfig takes; greedy, 32 new tokens at most, unless it says so.
    * ``model_kwargs``: for ``from_pretrained``, where the model is given by name.

    The model is not changed: outside the modes and `process_request` it is as it was. Several adapters may share one.

    Raises UnknownModelError, UnsupportedModelError (its attention cannot be taken over), GenerationError, and what
    `load_config` raises for a bad ``attention`` section.
    """

    def __init__(
        self,
        model: nn.Module | str,
        attention_config: AttentionConfig | Mapping[str, Any] | None = None,
        tokenizer: Any = None,
        protocol: ProtocolConfig | Mapping[str, Any] | None = None,
        generation: Mapping[str, Any] | None = None,
        model_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        named = model if isinstance(model, str) else None
        sections = {"attention": attention_config, "protocol": protocol, "generation": generation, "model": named}
        run = load_config({"version": 1, **{name: given for name, given in sections.items() if given is not None}})
        self.protocol = run.protocol
        self.generation = GenerationOptions(run.generation)
        self.attention_config = run.attention
        self.attention = None if run.attention is None else create_attention(run.attention)
        self.model: Any = model
        self.tokenizer = tokenizer
        if run.model is not None:
            loaded = load_model(run.model, model_kwargs)
            self.model, self.tokenizer = loaded.model, loaded.tokenizer if tokenizer is None else tokenizer
        elif model_kwargs:
            raise UsageError("model_kwargs are for loading a model by name; this adapter was given a loaded model")
        if not isinstance(getattr(self.model, "config", None), PretrainedConfig):
            raise UsageError(f"model should be a Hugging Face model or the name of one, not {type(model).__name__}")
        self.name: str = named or self.model.config.name_or_path or type(model).__name__
        """What reports call the model."""
        self._plan = None if run.attention is None else LayerPlan.of(self.model, run.attention)
        if self.attention is not None:
            check_calibrations(self.attention, self.model)

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers whose attention can be sparse; without an attention config nobody has looked."""
        return () if self._plan is None else self._plan.routed

    @classmethod
    def from_config(
        cls,
        run_config: RunConfig | Mapping[str, Any] | str | os.PathLike[str],
        model_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """From a whole run config, or the file or mapping that holds one; it must name a model."""
        run = run_config if isinstance(run_config, RunConfig) else load_config(run_config)
        if run.model is None:
            raise ConfigError("the config names no model: add  model: needle  or another name or directory")
        GenerationOptions(run.generation)  # a misspelt option should not wait for the weights
        loaded = load_model(run.model, model_kwargs)
        adapter = cls(loaded.model, run.attention, loaded.tokenizer, run.protocol, run.generation)
        adapter.name = run.model.name
        return adapter

    def read_context(self, request: Request, *, on_progress: OnProgress | None = None) -> ReadContext:
        """Read a request's context as the protocol wants it, to answer requests from it more than once.

        ``on_progress``: as `process_request`.

        Raises RequestError (no tokenizer, nothing to read, no position left for an answer to one of its questions).
        """
        tokens = self._tokens(request)
        check_room(self.model, tokens)
        return self._asking(listeners=Listeners(on_progress=on_progress)).read(tokens.context)

    def context(self, text: str, *, chat: bool = False, on_progress: OnProgress | None = None) -> KeptContext:
        """Read a context now, as the protocol wants it, and keep it with its indexes for questions at any time.

        ``chat``: the text begins a user turn of the tokenizer's chat template, and each question ends it.
        ``on_progress``: as `process_request`.

        Raises RequestError (no tokenizer, nothing to read, no position left for a question).
        """
        request = Request(text, ".", chat=chat)  # the text is held to what a request's is
        tokens = context_tokens(self._needed_tokenizer(), request.context, chat=chat)
        check_context_room(self.model, len(tokens))
        read = self._asking(listeners=Listeners(on_progress=on_progress)).read(tokens)
        return KeptContext(self, read, chat=chat)

    def load_context(self, folder: str | os.PathLike[str]) -> KeptContext:
        """A context that `KeptContext.save` wrote, of this model in this precision, to ask without reading it.

        One forward of one token tells which kind of cache the model makes. The saved indexes are used where they are
        what this adapter's maskers would fit, else new ones are fitted at the first question.

        Raises SavedContextError (nothing saved there, damaged, of a newer format, of another model or dtype, read in
        another way than this adapter's protocol wants) and RequestError (no tokenizer, more tokens than the model has
        positions).
        """
        from .kept.saved_context import load_context

        self._needed_tokenizer()
        return load_context(self, folder)

    def process_request(
        self,
        request: Request,
        generation: Mapping[str, Any] | None = None,
        *,
        measure_error: bool = False,
        on_text: OnText | None = None,
        on_answer: OnAnswer | None = None,
        on_call: OnCall | None = None,
        on_progress: OnProgress | None = None,
        context: ReadContext | None = None,
    ) -> RequestResponse:
        """Answer a request's questions, each from its context alone.

        The context is read once, or was read by `read_context`: with the model's own attention, unless the protocol
        wants it sparse. Question and answer are sparse where the adapter has an attention config, whatever mode is
        open. Arguments as `ModelAdapter.process_request` says.

        Raises RequestError (no tokenizer, nothing to read, no position left for an answer, a context that is not the
        request's or was read by another model object), GenerationError, NotSparseError (a layer was dense where it
        should have been sparse; it carries the response), and the core's EmptyRowError and NumericalError, which name
        layer, head and row.
        """
        return self.process_tokens(
            self._tokens(request),
            generation,
            chat=request.chat,
            single=isinstance(request.questions, str),
            measure_error=measure_error,
            listeners=Listeners(on_text, on_answer, on_call, on_progress),
            context=context,
        )

    def process_tokens(
        self,
        tokens: RequestTokens,
        generation: Mapping[str, Any] | None = None,
        *,
        chat: bool,
        single: bool,
        measure_error: bool = False,
        listeners: Listeners = Listeners(),  # noqa: B008 - frozen
        context: ReadContext | None = None,
        states: CallStates | None = None,
        stop: Stop | None = None,
    ) -> RequestResponse:
        """`process_request` for a request that is tokens already; ``states`` keep the context's indexes meanwhile.

        ``chat`` is for the report; ``single``: a string was asked, and a string is the answer. ``stop`` is given an
        answer's tokens after each new one, and ends it where it says True. A context of no tokens is not read: the
        question is the prompt.
        """
        meter = Meter(measure_error=measure_error)
        asking = self._asking(meter, self.generation.overridden(generation), listeners, stop)
        answers = asking.answer(tokens, context, states)
        report = request_report(self, answers, meter, self._plan, chat=chat)
        response = RequestResponse(answers.texts[0] if single else answers.texts, report)
        try:
            asking.check_sparse()
        except NotSparseError as error:
            error.response = response
            raise
        return response

    def read_tokens(self, tokens: list[int], *, listeners: Listeners = Listeners()) -> ReadContext:  # noqa: B008 - frozen
        """`read_context` for a context that is tokens already."""
        check_context_room(self.model, len(tokens))
        return self._asking(listeners=listeners).read(tokens)

    def score_tokens(
        self,
        tokens: RequestTokens,
        continuations: Sequence[Sequence[int]],
        *,
        context: ReadContext | None = None,
        states: CallStates | None = None,
        dtype: torch.dtype | None = torch.float32,
    ) -> Scores:
        """How probable each continuation (token ids) is after a context and the one question of ``tokens``.

        The rows of question and continuation are dense or sparse as those of a question and its answer: with
        ``sparse_from: generation`` a continuation of one token is scored by a dense row. ``context`` and ``states`` are
        those of `process_tokens`, and stay as they are after the context. Logits are normalised in ``dtype``; None: in
        their own. A context of no tokens is not read: the question is the prompt.

        Raises RequestError (not one question, an empty question or continuation, no position left, another context) and
        NotSparseError (a layer was dense where it should have been sparse).
        """
        return score(self._asking(), tokens, continuations, context, states, dtype)

    @contextmanager
    def enable_sparse_mode(self, *, sparse_from: int | None = None) -> Iterator[SparseMode]:
        """Within it, in this thread, every forward of the model that continues a filled KV cache is sparse.

        So ``model.generate`` reads its prompt densely and generates sparsely; given a filled cache, it is sparse
        throughout. With ``protocol: {sparse_from: context}`` prompts are sparse too; ``first_tokens_dense`` counts from
        where the prompt ends. ``sparse_from`` says for every cache from which column on queries are sparse, as where
        you read a prompt in several forwards: give its length. ``generate`` knows where its own chunks end.

        A thread is in the mode if it runs in a copy of this context: ``Thread(target=copy_context().run, args=...)``.

        Gives the mode, whose ``meter`` counts what its calls attended to. Raises NotSparseError when it ends, unless
        something else is being raised, where the model ran and nothing was sparse, a layer was dense that should have
        been sparse, or the model ran in another thread only, where it is dense.
        """
        if self.attention is None:
            raise UsageError("this adapter has no attention config, so it has no sparse mode")
        if sparse_from is None and self.protocol.sparse_from == "context":
            sparse_from = 0
        layers = self._look_again()
        wanted = SparseMode(
            self.model,
            self.attention,
            self.dense_layers,
            sparse_from=sparse_from,
            first_tokens_dense=self.protocol.first_tokens_dense,
        )
        with opened(wanted) as mode:
            yield mode
        check_mode(mode, layers)

    @contextmanager
    def enable_dense_mode(self) -> Iterator[DenseMode]:
        """Within it, in this thread, the model attends as it was found, also inside a sparse mode."""
        with opened(DenseMode(self.model)) as mode:
            yield mode

    def get_custom_attention_function(self) -> Callable[..., AttentionResult]:
        """This adapter's sparse attention as a function of the form that transformers' AttentionInterface takes.

        Called as ``function(module, query, key, value, attention_mask, scaling, dropout, **keywords)`` it attends
        sparsely whatever mode is open, the queries being those of the last keys, and keeps no index between calls.
        It gives the output (b, q, hq, dv) and the weights (b, hq, q, k); the efficient backend forms none and gives
        None in their place.
        """
        attention = self.attention
        if attention is None:
            raise UsageError("this adapter has no attention config, so it has no attention function")
        return attention_function(attention)

    def _asking(
        self,
        meter: Meter | None = None,
        options: GenerationOptions | None = None,
        listeners: Listeners = Listeners(),  # noqa: B008 - frozen
        stop: Stop | None = None,
    ) -> Asking:
        return Asking(
            model=self.model,
            tokenizer=self.tokenizer,
            attention=self.attention,
            config=self.attention_config,
            layers=self._look_again(),
            protocol=self.protocol,
            options=options or self.generation,
            meter=meter or Meter(),
            listeners=listeners,
            stop=stop,
        )

    @property
    def dense_layers(self) -> tuple[int, ...]:
        """The layers that the config leaves to the model's own attention."""
        return () if self.attention_config is None else self.attention_config.dense_layers

    def _look_again(self) -> tuple[int, ...]:
        """The layers that are to be sparse, looked for anew where the model's layers are others than they were."""
        if self._plan is None:
            return ()
        if not self._plan.is_of(self.model):
            self._plan = LayerPlan.of(self.model, self._plan.config)
        return self._plan.sparse

    @property
    def reading(self) -> Reading | None:
        """What contexts that this adapter reads depend on; None where it reads them densely."""
        return reading_of(self.attention_config, self.protocol)

    def _tokens(self, request: Request) -> RequestTokens:
        return request_tokens(self._needed_tokenizer(), request)

    def _needed_tokenizer(self) -> Any:
        if self.tokenizer is None:
            raise RequestError(
                "a request is text and this adapter has no tokenizer: give it one, or call model.generate"
            )
        return self.tokenizer
