"""`SahLM`: lm_eval's Hugging Face model with the attention and the protocol of a run config."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby
from typing import Any

import torch
from lm_eval.api.instance import Instance  # type: ignore[import-untyped]  # lm_eval publishes no types
from lm_eval.models.huggingface import HFLM  # type: ignore[import-untyped]  # the same
from lm_eval.models.utils import postprocess_generated_text  # type: ignore[import-untyped]  # the same
from tqdm import tqdm  # type: ignore[import-untyped]  # nor does tqdm

from sah_core import UsageError, default_registry
from sah_hf import ModelAdapterHF
from sah_hf.models.loading import load_model, model_folder
from sah_hf.requests.generation import GenerationOptions

from .contexts import ContextInTurn, in_turn
from .generating import Asked, Until, asked_for, over_defaults
from .options import SahOptions
from .prompts import Prompt, split_prompt
from .tally import Tally

__all__ = ["SahLM"]

_LOGGER = logging.getLogger("lm_eval.models.sah")  # where lm_eval shows what it logs itself
_OF_THE_TOKENIZER = {"add_bos_token", "use_fast_tokenizer"}

Scored = tuple[tuple[str, str] | None, list[int], list[int]]
"""A prompt and a continuation, and the tokens of each, as lm_eval makes them; no texts: a window of a rolling text."""


class SahLM(HFLM):  # type: ignore[misc]  # a class without types
    """``--model sah``: made from ``config=run.yaml``; further options as `SahOptions`.

    A config without ``attention`` gives lm_eval's own model, which does everything as if it had been asked for. With
    one, prompts are split into context and question (`split`), a context is read once for all prompts that begin with
    it, and question, continuation and answer are dense or sparse as the config's protocol says. Prompts are tokenized,
    shortened and cut as lm_eval's own model does, and asked one at a time, whatever the batch size.

    Raises ConfigError (an option, the config), what loading the model raises, and NotSparseError where a layer stayed
    dense that should have been sparse.
    """

    def __init__(self, **given: Any) -> None:
        options = SahOptions.read(given, HFLM.__init__)
        GenerationOptions(options.run.generation)  # a misspelt option should not wait for the weights
        loaded = load_model(options.model)
        # Some of lm_eval's options are for whoever loads the tokenizer: then lm_eval does, as it would from a name.
        own = str(model_folder(options.model)) if _OF_THE_TOKENIZER & set(options.passed_on) else loaded.tokenizer
        super().__init__(pretrained=loaded.model, tokenizer=own, backend="causal", **options.passed_on)
        self.run = options.run
        self.split_rule = options.split
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._instances: Sequence[Instance] = ()  # of what `_loglikelihood_tokens` is about to be given
        self._contexts: ContextInTurn | None = None
        if self.run.attention is not None:
            adapter = ModelAdapterHF(self.model, self.run.attention, self.tokenizer, self.run.protocol)
            self._contexts = ContextInTurn(adapter)
            self.batch_size_per_gpu = 1

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """As lm_eval's own model, and sparse where the config says so."""
        self._instances = requests
        scored: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=disable_tqdm)
        return scored

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """The same windows as lm_eval's own model.

        A window has no context that could be read first: the tokens that it begins with are its question, and those
        that are scored its continuation.
        """
        if self._contexts is None:
            dense: list[float] = super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)
            return dense
        found: list[float] = []
        for request in tqdm(requests, desc="Running loglikelihood_rolling requests", disable=disable_tqdm):
            self._instances = [request]
            found += super().loglikelihood_rolling([request], disable_tqdm=True)
        return found

    def _loglikelihood_tokens(
        self, requests: Sequence[Scored], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        if self._contexts is None:
            dense: list[tuple[float, bool]] = super()._loglikelihood_tokens(requests, disable_tqdm, override_bs)
            return dense
        tasks = [self._tally(instance) for instance in self._instances]
        prompts = [self._scored_prompt(number, *request) for number, request in enumerate(requests)]
        found: dict[int, tuple[float, bool]] = {}
        windows = all(texts is None for texts, _, _ in requests)  # whose texts have a bar of their own
        bar = tqdm(total=len(requests), desc="Running loglikelihood requests", disable=disable_tqdm or windows)
        for _, numbers in groupby(in_turn(prompts), key=lambda number: (prompts[number], id(tasks[number]))):
            same = list(numbers)
            prompt, tally = prompts[same[0]], tasks[same[0]]
            for _ in same:
                tally.count_prompt(prompt)
            with self._autocast():
                kept = self._contexts.of(prompt, tally)
                scores = self._contexts.adapter.score_tokens(
                    prompt.request,
                    [requests[number][2] for number in same],
                    context=kept.read,
                    states=kept.states,
                    dtype=self.softmax_dtype or torch.float32,
                )
            tally.count_scores(scores)
            for number, each in zip(same, scores.continuations, strict=True):
                found[number] = each.logprob, each.greedy
                if requests[number][0] is not None:
                    self.cache_hook.add_partial("loglikelihood", requests[number][0], found[number])
                bar.update(1)
        bar.close()
        return [found[number] for number in range(len(requests))]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """As lm_eval's own model, and sparse where the config says so; its ``generation`` are defaults."""
        if self._contexts is None:
            asked = [self._with_defaults(request) for request in requests] if self.run.generation else requests
            dense: list[str] = super().generate_until(asked, disable_tqdm=disable_tqdm)
            return dense
        eos = self.tok_decode(self.eot_token_id, skip_special_tokens=False)
        wanted = [asked_for(self._with_defaults(each).args[1], eos, self.max_gen_toks) for each in requests]
        prompts = [self._asked_prompt(request, asked) for request, asked in zip(requests, wanted, strict=True)]
        found: dict[int, str] = {}
        for number in tqdm(in_turn(prompts), desc="Running generate_until requests", disable=disable_tqdm):
            request, prompt, asked = requests[number], prompts[number], wanted[number]
            tally = self._tally(request)
            tally.count_prompt(prompt)
            until = Until(self.tokenizer, asked.until)
            with self._autocast():
                kept = self._contexts.of(prompt, tally)
                response = self._contexts.adapter.process_tokens(
                    prompt.request,
                    {"max_new_tokens": asked.longest, **asked.options},
                    chat=False,
                    single=True,
                    context=kept.read,
                    states=kept.states,
                    stop=until,
                )
            tally.count_answer(response.report)
            found[number] = self._answer(until.tokens, asked.until)
            self.cache_hook.add_partial("generate_until", request.args, found[number])
        return [found[number] for number in range(len(requests))]

    @property
    def report(self) -> dict[str, Any]:
        """What ran and, of sparse attention, what was measured so far, task by task; plain values."""
        run = self.run
        return {
            "config": run.model_dump(mode="json"),
            "protocol": "dense" if run.attention is None else run.protocol.sparse_from,
            "split": {"rule": self.split_rule.said, "context_field": self.split_rule.context_field},
            "versions": {name: version(name) for name in sorted(self._distributions())},
            "tasks": {task: tally.to_dict() for task, tally in self._tallies.items()},
        }

    def get_model_info(self) -> dict[str, Any]:
        """As lm_eval's own model, with the `report`; lm_eval asks for it once, when all requests are answered."""
        for task, tally in self._tallies.items():
            level = logging.WARNING if tally.density is None else logging.INFO
            _LOGGER.log(level, "%s, sparse from the %s on: %s", task, self.run.protocol.sparse_from, tally.said())
        return {**super().get_model_info(), "sah": self.report}

    def _scored_prompt(self, number: int, texts: tuple[str, str] | None, given: list[int], said: list[int]) -> Prompt:
        if texts is None:
            return Prompt((), tuple(given), "window")
        left_out = self._left_out(len(given) + len(said), self.max_length + 1)
        # lm_eval counts the spaces at a prompt's end as the continuation's.
        text, doc = texts[0].rstrip(), self._instances[number].doc
        return split_prompt(self.tokenizer, text, given, doc, self.split_rule, left_out=left_out)

    def _asked_prompt(self, request: Instance, asked: Asked) -> Prompt:
        text, room = request.args[0], self.max_length - asked.longest
        if room < 1:
            raise UsageError(
                f"a task asks for answers of {asked.longest} tokens, which leaves no room for a prompt: the model's "
                f"max_length is {self.max_length}; set max_gen_toks in --gen_kwargs"
            )
        tokens = self.tok_batch_encode([text], truncation=self.truncation)[0][0].tolist() or [self.prefix_token_id]
        left_out = self._left_out(len(tokens), room)
        return split_prompt(self.tokenizer, text, tokens, request.doc, self.split_rule, left_out=left_out)

    def _left_out(self, tokens: int, room: int) -> int:
        if tokens > room:
            _LOGGER.warning("%d tokens, and room for %d: the first %d are left out", tokens, room, tokens - room)
        return max(0, tokens - room)

    def _with_defaults(self, request: Instance) -> Instance:
        text, options = request.args
        return dataclasses.replace(request, arguments=(text, over_defaults(options, self.run.generation)))

    def _answer(self, tokens: list[int], until: list[str]) -> str:
        think_end = self.think_end_token
        if isinstance(think_end, int) and think_end in tokens:
            tokens = tokens[len(tokens) - tokens[::-1].index(think_end) :]
        text = self.tok_decode(tokens)
        answer: str = postprocess_generated_text(
            generation=text.lstrip() if isinstance(think_end, int) else text,
            stop=until,
            think_end_token=think_end if isinstance(think_end, str) else None,
        )
        return answer

    def _tally(self, instance: Instance) -> Tally:
        return self._tallies[instance.task_name or instance.request_type]

    def _autocast(self) -> torch.autocast:
        dtype = self.mixed_precision_dtype
        return torch.autocast(device_type=self.device.type, dtype=dtype, enabled=dtype is not None)

    def _distributions(self) -> set[str]:
        attention = self.run.attention
        lists = [] if attention is None else [attention.maskers, *(each.maskers for each in attention.overrides)]
        maskers = {default_registry().masker_record(masker.kind).distribution for each in lists for masker in each}
        return {"lm-eval", "sah-core", "sah-hf", "sah-lm-eval", "torch", "transformers"} | maskers
