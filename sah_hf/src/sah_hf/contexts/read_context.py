"""`ReadContext`: a context that a model has read, to ask questions of without reading it again."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from attrs import Factory, field, frozen

from sah_core import AttentionConfig, ProtocolConfig
from sah_hf.attention.switch import original_implementation
from sah_hf.errors import RequestError, UnsupportedModelError
from sah_hf.models.model_input import as_input, clock
from sah_hf.models.weights_sample import WeightsSample
from sah_hf.modes.mode import Mode, opened
from sah_hf.reports.peak_memory import PeakMemory

from .cache import held_bytes

__all__ = ["ReadContext", "Reading", "read_context", "reading_of"]

Reading = tuple[AttentionConfig, int]
"""What a sparsely read context depends on: the attention config, and how many of its first tokens stayed dense."""


def reading_of(config: AttentionConfig | None, protocol: ProtocolConfig) -> Reading | None:
    """What contexts that are read like this depend on; None where they are read densely."""
    if config is None or protocol.sparse_from != "context":
        return None
    return config, protocol.first_tokens_dense


@frozen(eq=False)
class ReadContext:
    """One context in the KV cache of one model.

    Where it was filled by the model's own attention, every adapter of that model can ask of it, whatever its attention
    config; where the protocol wanted it sparse, those of the same config. Questions run on forks of the cache, which
    itself never changes. It keeps model and cache in memory for as long as it is kept itself.
    """

    tokens: list[int] = field(repr=False)
    """The context's, special tokens and the chat template before it included."""
    cache: Any = field(repr=False)
    seconds: float
    """That reading took."""
    nbytes: int
    """Memory that the cache's tensors hold."""
    model: Any = field(repr=False)
    reading: Reading | None = field(default=None, repr=False)
    """None where it was read densely."""
    attention: str = field(default="unknown", kw_only=True)
    """What read it: ``sparse``, or the name of the model's own implementation, such as ``sdpa``."""
    peak_bytes: int | None = field(default=None, kw_only=True)
    """The most memory held meanwhile, as `PeakMemory` measures it."""
    _weights: WeightsSample = field(
        default=Factory(lambda context: WeightsSample.of(context.model), takes_self=True), init=False, repr=False
    )

    def check(self, model: Any, tokens: list[int], reading: Reading | None = None) -> None:
        """Raise RequestError where this is not what the model would make of these tokens, read like this."""
        if self.model is not model:
            raise RequestError(
                f"the context was read by another model object, a {type(self.model).__name__}: "
                "read it again with an adapter of this one"
            )
        if self.tokens != tokens:
            raise RequestError(
                f"the context that was read, {len(self.tokens)} tokens, is not this request's, {len(tokens)} tokens: "
                "read_context needs the request's own context, chat flag and tokenizer"
            )
        self.check_weights()
        if self.reading != reading:
            found, wanted = ("densely" if each is None else "sparsely" for each in (self.reading, reading))
            how = (
                "with another attention config" if found == wanted else f"{found}, and this protocol wants it {wanted}"
            )
            raise RequestError(f"the context was read {how}: read it with the adapter that asks of it")

    def check_weights(self) -> None:
        """Raise RequestError where the model no longer has the weights that read the context."""
        if not self._weights.agrees(WeightsSample.of(self.model)):
            raise RequestError(
                f"the weights of the {type(self.model).__name__} are no longer those that read the context (were they "
                "trained, merged with others, cast or moved?): read it again"
            )


def read_context(mode: Mode, tokens: list[int], reading: Reading | None = None) -> ReadContext:
    """Let the mode's model read these tokens; UnsupportedModelError where it returns no KV cache."""
    model: Any = mode.model
    ids = as_input(model, tokens)
    keywords: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": True}
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        keywords["logits_to_keep"] = 1  # a long context's logits would need more memory than its cache
    attention = "sparse" if reading is not None else original_implementation(model.config.get_text_config())
    memory, start = PeakMemory.of(model), clock(model)
    with torch.no_grad(), opened(mode):
        cache = getattr(model(**keywords), "past_key_values", None)
    seconds, peak = clock(model) - start, memory.lap()
    if cache is None:
        raise UnsupportedModelError(f"{type(model).__name__} returns no KV cache to continue a context from")
    return ReadContext(tokens, cache, seconds, held_bytes(cache), model, reading, attention=attention, peak_bytes=peak)
