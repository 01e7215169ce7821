"""Generation options: what transformers' GenerationConfig takes, checked before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from torch import nn
from transformers import (
    EpsilonLogitsWarper,
    GenerationConfig,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)
from transformers.generation.configuration_utils import GenerationMode

from sah_hf.errors import GenerationError

__all__ = ["GenerationOptions"]

DEFAULTS: dict[str, Any] = {"do_sample": False, "num_beams": 1, "max_new_tokens": 32}
"""Unless the options, or the request's own, say otherwise. The rest is what the model's generation config says."""

_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
_CHECKED_BY = {
    "temperature": TemperatureLogitsWarper,
    "top_k": TopKLogitsWarper,
    "top_p": TopPLogitsWarper,
    "min_p": MinPLogitsWarper,
    "typical_p": TypicalLogitsWarper,
    "epsilon_cutoff": EpsilonLogitsWarper,
    "repetition_penalty": RepetitionPenaltyLogitsProcessor,
    "no_repeat_ngram_size": NoRepeatNGramLogitsProcessor,
}
_OFF_AT_ZERO = frozenset({"top_k", "epsilon_cutoff", "no_repeat_ngram_size"})
_OURS = {
    "guidance_scale": "it reads every prompt a second time",
    "use_cache": "a request always keeps a KV cache",
    "cache_implementation": "a request makes its own KV cache while it reads the context",
    "cache_config": "a request makes its own KV cache while it reads the context",
    "prefill_chunk_size": "a request reads its context in one forward",
    "max_length": "it would count the context; write max_new_tokens",
    "num_return_sequences": "a request gives one answer a question",
    "return_dict_in_generate": "a request gives text",
    "output_attentions": "a request gives text; call model.generate inside enable_sparse_mode for tensors",
    "output_hidden_states": "a request gives text; call model.generate inside enable_sparse_mode for tensors",
    "output_scores": "a request gives text; call model.generate inside enable_sparse_mode for tensors",
    "output_logits": "a request gives text; call model.generate inside enable_sparse_mode for tensors",
}


class GenerationOptions:
    """Checked options of ``model.generate``; greedy unless they say otherwise.

    Raises GenerationError for a name that GenerationConfig does not know, a value that it refuses, and ways to generate
    that a request cannot use (beams, assisted decoding, a cache of one's own).
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.given = dict(given or {})
        for name in self.given:
            _check_name(name)
        self.chosen = {**DEFAULTS, **self.given}
        _check_types(self.chosen)
        _check_mode(_built(self.chosen))

    def overridden(self, given: Mapping[str, Any] | None) -> GenerationOptions:
        """These options with some of them replaced."""
        return GenerationOptions({**self.given, **given}) if given else self

    def keywords(self, model: nn.Module, tokenizer: Any) -> dict[str, Any]:
        """The keyword arguments for this model's ``generate``: stop at any end token, silent about what is unused."""
        keywords = dict(self.chosen)
        own = getattr(model, "generation_config", None)
        if not keywords["do_sample"]:
            # Sampling values that the model was published with mean nothing to a greedy search, which warns of them.
            unused = {name for name in _SAMPLING if getattr(own, name, None) is not None}
            keywords = {**dict.fromkeys(unused), **keywords}
        ends = _as_list(getattr(own, "eos_token_id", None)) + _as_list(tokenizer.eos_token_id)
        chosen = _as_list(keywords["eos_token_id"]) if "eos_token_id" in keywords else ends
        keywords["eos_token_id"] = sorted(set(chosen)) or None
        if keywords.get("pad_token_id") is None:
            known = [getattr(own, "pad_token_id", None), tokenizer.pad_token_id, *_as_list(keywords["eos_token_id"]), 0]
            keywords["pad_token_id"] = next(token for token in known if token is not None)
        return keywords


def _check_name(name: str) -> None:
    if name in _OURS:
        raise GenerationError(f"generation.{name} cannot be set: {_OURS[name]}")
    known = [option for option in _build().to_dict() if not option.startswith("_")]
    if name not in known or name == "transformers_version":
        near = difflib.get_close_matches(name, known, n=1)
        meant = f", did you mean {near[0]!r}?" if near else "; see transformers.GenerationConfig for what there is"
        raise GenerationError(f"unknown generation option {name!r}{meant}")


def _check_types(options: Mapping[str, Any]) -> None:
    """What GenerationConfig itself does not look at."""
    tokens, sample, ends = options["max_new_tokens"], options["do_sample"], options.get("eos_token_id")
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
        raise GenerationError(f"generation.max_new_tokens should be a positive whole number, not {tokens!r}")
    if not isinstance(sample, bool):
        raise GenerationError(f"generation.do_sample should be true or false, not {sample!r}")
    if ends is not None and not all(type(end) is int for end in (ends if isinstance(ends, list) else [ends])):
        raise GenerationError(f"generation.eos_token_id should be a token id or a list of them, not {ends!r}")
    for name in _SAMPLING:
        if not sample and options.get(name) is not None:
            raise GenerationError(
                f"generation.{name} has no effect on a greedy search: add do_sample: true or leave it out"
            )


def _built(options: Mapping[str, Any]) -> GenerationConfig:
    try:
        config = _build(**options)
        config.validate(strict=True)
        for name, processor in _CHECKED_BY.items():
            if options.get(name) is not None and not (name in _OFF_AT_ZERO and options[name] == 0):
                processor(options[name])
    except (ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise GenerationError(f"transformers refuses the generation options {dict(options)}: {reason}") from error
    return config


def _check_mode(config: GenerationConfig) -> None:
    mode = config.get_generation_mode()
    if mode not in (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE):
        raise GenerationError(
            f"the generation options ask for {mode.value.replace('_', ' ')}; a request can search greedily or sample "
            "(its context is read once, into one row: beams need more, and for drafts transformers would read it "
            "again); call model.generate inside enable_sparse_mode for the rest"
        )


def _build(**options: Any) -> GenerationConfig:
    return GenerationConfig(**options)  # type: ignore[no-untyped-call]  # transformers types only some functions


def _as_list(value: Any) -> list[int]:
    return [] if value is None else [value] if isinstance(value, int) else list(value)
