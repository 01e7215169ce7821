"""What of a model decides its costs, against models: weights, keys and values, operations."""

from typing import Any

import pytest
import torch
from benchmarks.scale.shapes import KNOWN, ModelShape, known_shapes
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from sah_hf import ModelAdapterHF, Request
from sah_model_needle.checkpoint import directory

PUBLISHED = {
    "Llama-3.1-8B": 8_030_261_248,
    "Qwen3-8B": 8_190_735_360,
    "Mistral-Nemo-12B": 12_247_782_400,
    "Qwen3-32B": 32_762_123_264,
    "Llama-3.1-70B": 70_553_706_496,
}
"""Parameters, as the models' pages on the Hugging Face hub count them in the weights' files."""

SMALL: dict[str, Any] = {
    "vocab_size": 512,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "max_position_embeddings": 256,
}
GROUPED: dict[str, Any] = {**SMALL, "num_key_value_heads": 2}
CONFIGS: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**GROUPED),
    "llama, bfloat16": LlamaConfig(**GROUPED, dtype="bfloat16"),
    "llama, tied": LlamaConfig(**GROUPED, tie_word_embeddings=True),
    "qwen2": Qwen2Config(**GROUPED),
    "qwen3": Qwen3Config(**GROUPED, head_dim=16),
    "mistral": MistralConfig(**GROUPED, sliding_window=None),
    "gpt_neox": GPTNeoXConfig(**SMALL),
}


def made(config: PretrainedConfig) -> Any:
    """A random model of this config."""
    torch.manual_seed(0)
    make: Any = AutoModelForCausalLM
    return make.from_config(config, dtype=config.dtype or torch.float32, attn_implementation="eager").eval()


def test_known_models_have_as_many_parameters_as_published() -> None:
    """A wrong width, depth or vocabulary would show in the count."""
    assert {shape.name: shape.parameters for shape in known_shapes()} == PUBLISHED
    assert set(KNOWN) == set(PUBLISHED)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_keys_and_values(config: PretrainedConfig) -> None:
    """A context that was read holds what is predicted, to the byte."""
    adapter = ModelAdapterHF(made(config), None, AutoTokenizer.from_pretrained(directory()))
    shape = ModelShape.of(config)
    for words in (3, 40):
        context = adapter.read_context(Request("river " * words, "stone"))
        assert context.nbytes == shape.kv_bytes(len(context.tokens))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_weights_and_operations(config: PretrainedConfig) -> None:
    """Weights to the byte; operations as torch counts them, which counts the keys after a query, too."""
    model, shape, tokens = made(config), ModelShape.of(config), 32
    assert shape.weight_bytes == sum(weight.nbytes for weight in model.parameters())
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(input_ids=torch.zeros((1, tokens), dtype=torch.int64), logits_to_keep=1)
    square = 4 * shape.layers * shape.query_heads * shape.head_dim * tokens * tokens
    angles = counter.get_total_flops() - shape.matrix_flops(tokens) - square
    assert angles in (0, shape.head_dim * tokens)  # of rotary positions, which some versions multiply as matrices
    assert square == shape.attention_flops(tokens, tokens) + shape.attention_flops(tokens - 1, tokens - 1)


def test_a_context_is_read_in_parts_or_at_once() -> None:
    """Attention to all keys before costs the same, however the tokens are parted."""
    shape = known_shapes()[0]
    parted = sum(shape.attention_flops(new, end) for new, end in ((70, 70), (20, 90), (1, 91)))
    assert parted == shape.attention_flops(91, 91)


def test_a_window_is_refused() -> None:
    """Layers that see a window hold fewer keys than is counted here."""
    with pytest.raises(ValueError, match="layers that all see every key are expected"):
        ModelShape.of(Gemma2Config(**GROUPED), "gemma")
