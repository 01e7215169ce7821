"""`Costs`: bytes and seconds of reading a context and answering on it, from a model's shape and a device's speeds."""

from __future__ import annotations

from typing import Final

import attrs

from sah_core import MaskerConfig

from .indexes import KeyHeads, index_bytes, read_bytes
from .shapes import ModelShape
from .speeds import Speeds

__all__ = ["COPIES", "DENSE", "Costs", "Method"]

COPIES: Final = 2
"""How often a step moves the KV cache to take in a token: transformers' cache grows by copying, a read and a write."""


@attrs.frozen
class Method:
    """Attention: what share of keys and values a step reads, and the masker with the index, if there is one.

    ``key_flops``: what a matrix product computes in the time that a key of a KV head takes to be indexed.
    ``layer``: seconds that a layer's step takes beside what it reads, over dense attention's.
    """

    name: str
    density: float
    masker: MaskerConfig | None = None
    key_flops: float = 0.0
    layer: float = 0.0


DENSE: Final = Method("dense", 1.0)


@attrs.frozen
class Costs:
    """Of one model on one device."""

    model: ModelShape
    speeds: Speeds

    @property
    def key_heads(self) -> KeyHeads:
        """Of a layer."""
        model = self.model
        return KeyHeads(model.kv_heads, model.head_dim, model.itemsize, model.query_heads // model.kv_heads)

    def index_bytes(self, method: Method, tokens: int) -> int:
        """Held by the indexes of all layers."""
        if method.masker is None:
            return 0
        return self.model.layers * index_bytes(method.masker, self.key_heads, tokens)

    def key_bytes(self, method: Method, tokens: int, copies: int = COPIES) -> float:
        """What a sequence's step moves of keys and values, and of their index.

        The attended share is read, the index is searched, and the cache is copied to grow.
        """
        index = 0.0 if method.masker is None else self.model.layers * read_bytes(method.masker, self.key_heads, tokens)
        return (method.density + copies) * self.model.kv_bytes(tokens) + index

    def reading_seconds(self, tokens: int) -> float:
        """Of reading a context, in one forward."""
        return self._seconds(
            self.model.matrix_flops(tokens),
            self.model.attention_flops(tokens, tokens),
            self.model.kv_bytes(tokens),
            self.speeds.layer,
        )

    def forward_seconds(self, method: Method, new: int, tokens: int, batch: int = 1, copies: int = COPIES) -> float:
        """Of a forward with ``new`` tokens, the last of ``tokens``, for each of ``batch`` sequences; one is a step."""
        return self._seconds(
            batch * self.model.matrix_flops(new),
            batch * method.density * self.model.attention_flops(new, tokens),
            batch * self.key_bytes(method, tokens, copies),
            self.speeds.layer + method.layer,
        )

    def indexing_seconds(self, method: Method, tokens: int) -> float:
        """Of indexing a context's keys, anew for every question."""
        return method.key_flops * tokens * self.model.layers * self.model.kv_heads / self.speeds.matrices

    def answer_seconds(self, method: Method, tokens: int, question: int, answer: int) -> float:
        """Of a question and an answer of so many tokens, on a context that was read."""
        asked = self.forward_seconds(method, question, tokens + question)
        steps = (answer - 1) * self.forward_seconds(method, 1, tokens + question)
        return self.indexing_seconds(method, tokens) + asked + steps

    def _seconds(self, matrices: float, attention: float, keys: float, layer: float) -> float:
        """The longer of computing and moving, and what the layers take beside; weights are moved once a forward."""
        computing = matrices / self.speeds.matrices + attention / self.speeds.attention
        moving = self.model.step_weight_bytes / self.speeds.weights + keys / self.speeds.keys
        return max(computing, moving) + self.model.layers * layer
