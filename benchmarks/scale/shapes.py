"""`ModelShape`: what of a model decides its costs; and the shapes of published ones."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import attrs
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PretrainedConfig, Qwen3Config

from sah_hf.attention.attention_shape import AttentionShape

__all__ = ["KNOWN", "ModelShape", "known_shapes"]


@attrs.frozen
class ModelShape:
    """A dense decoder whose layers all see every key.

    With L layers, h query heads, g KV heads, head dimension d and B bytes a value, a token's keys and values take
    ``2 L g d B`` bytes. Of its weights, those of the blocks' matrices (``matrices``) are multiplied with every token,
    and those of the output (``head``) with every token that is to be continued.
    """

    name: str
    layers: int
    query_heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    mlp: int
    """The width of the MLPs."""
    matrices: int
    head: int
    parameters: int
    """All of them, embeddings and norms too."""
    itemsize: int
    """Bytes of a value, in weights as in the KV cache."""

    @classmethod
    def of(cls, config: PretrainedConfig, name: str = "") -> ModelShape:
        """Counted from a model of this config that has no memory; ValueError where some layers see a window alone."""
        shape = AttentionShape.of(config)
        if [group.window for group in shape.groups] != [None] or shape.key_width != shape.value_width:
            raise ValueError(f"{name or config.model_type}: layers that all see every key are expected, with one width")
        make: Any = AutoModelForCausalLM  # whose methods transformers leaves untyped
        with torch.device("meta"):
            model = make.from_config(config)
        head = model.get_output_embeddings().weight.numel()
        linear = [module.weight.numel() for module in model.modules() if isinstance(module, torch.nn.Linear)]
        return cls(
            name=name,
            layers=len(shape.groups[0].layers),
            query_heads=shape.query_heads,
            kv_heads=shape.kv_heads,
            head_dim=shape.key_width,
            hidden=config.hidden_size,
            mlp=config.intermediate_size,
            matrices=sum(linear) - head,
            head=head,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            itemsize=shape.dtype.itemsize,
        )

    @property
    def weight_bytes(self) -> int:
        """That the model takes on its device."""
        return self.parameters * self.itemsize

    @property
    def kv_token_bytes(self) -> int:
        """Keys and values of one token."""
        return 2 * self.layers * self.kv_heads * self.head_dim * self.itemsize

    def kv_bytes(self, tokens: int, batch: int = 1) -> int:
        """The KV cache of ``batch`` sequences."""
        return batch * tokens * self.kv_token_bytes

    def activation_bytes(self, tokens: int) -> int:
        """The most that is held while a context is read, beside weights and cache, where one forward reads all of it.

        That is in an MLP with gates: three tensors of its width, four of the hidden width, and the angles of positions.
        """
        return tokens * self.itemsize * (3 * self.mlp + 4 * self.hidden + 2 * self.head_dim)

    def matrix_flops(self, tokens: int) -> int:
        """Of the matrices, two for each weight and token, the output for the last token alone."""
        return 2 * self.matrices * tokens + 2 * self.head

    def attention_flops(self, new: int, tokens: int) -> int:
        """Of the products q k and p v of ``new`` tokens, the last of ``tokens``: each with all before it and itself.

        Each query head multiplies 2 d numbers a key for its logit, and as many for its value.
        """
        pairs = new * tokens - new * (new - 1) // 2
        return 4 * self.layers * self.query_heads * self.head_dim * pairs

    def prefill_flops(self, tokens: int) -> int:
        """To read a context of so many tokens."""
        return self.matrix_flops(tokens) + self.attention_flops(tokens, tokens)

    @property
    def step_weight_bytes(self) -> int:
        """The weights that a decode step reads, once for a whole batch."""
        return (self.matrices + self.head) * self.itemsize


def _llama(**shape: int) -> LlamaConfig:
    make: Any = LlamaConfig  # whose fields have types that a mapping of numbers does not fit
    config: LlamaConfig = make(num_key_value_heads=8, vocab_size=128256, dtype="bfloat16", **shape)
    return config


def _qwen(**shape: int) -> Qwen3Config:
    make: Any = Qwen3Config  # likewise
    config: Qwen3Config = make(num_key_value_heads=8, head_dim=128, vocab_size=151936, dtype="bfloat16", **shape)
    return config


def _nemo() -> MistralConfig:
    return MistralConfig(
        hidden_size=5120,
        intermediate_size=14336,
        num_hidden_layers=40,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        vocab_size=131072,
        sliding_window=None,
        dtype="bfloat16",
    )


KNOWN: Final[dict[str, PretrainedConfig]] = {
    "Llama-3.1-8B": _llama(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32),
    "Qwen3-8B": _qwen(hidden_size=4096, intermediate_size=12288, num_hidden_layers=36, num_attention_heads=32),
    "Mistral-Nemo-12B": _nemo(),
    "Qwen3-32B": _qwen(hidden_size=5120, intermediate_size=25600, num_hidden_layers=64, num_attention_heads=64),
    "Llama-3.1-70B": _llama(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64),
}
"""The ``config.json`` of each model's page on the Hugging Face hub, as far as it decides the shape."""


@cache
def known_shapes() -> tuple[ModelShape, ...]:
    """Of the published models, from the smallest on."""
    return tuple(ModelShape.of(config, name) for name, config in KNOWN.items())
