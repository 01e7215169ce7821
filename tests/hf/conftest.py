"""Tiny random models of six families, a byte-level tokenizer, and an adapter factory; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3NextConfig,
    Qwen3NextForCausalLM,
)

from sah_hf import ModelAdapterHF

torch.set_num_threads(
    1
)  # the tensors are tiny: on a busy machine, threads wait for each other far longer than they work

VOCABULARY = 259  # 256 bytes, <bos>, <eos>, <pad>
WINDOW = 16  # of the sliding layers, far shorter than the tests' contexts

_SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
    "initializer_range": 0.3,  # answers that depend on what was read
}
_EXPERTS: dict[str, Any] = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
_FAMILIES: dict[str, tuple[type[PreTrainedModel], type[PretrainedConfig], dict[str, Any]]] = {
    "llama": (LlamaForCausalLM, LlamaConfig, {}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 16}),
    "gemma2": (
        Gemma2ForCausalLM,
        Gemma2Config,
        {
            "head_dim": 16,
            "sliding_window": WINDOW,
            "attn_logit_softcapping": 5.0,
            "tie_word_embeddings": False,
            "attn_implementation": "eager",  # sdpa, which transformers 4.57 would take, leaves out the softcap
        },
    ),
    "gpt_oss": (
        GptOssForCausalLM,
        GptOssConfig,
        {"head_dim": 16, "sliding_window": WINDOW, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    "qwen3_next": (
        Qwen3NextForCausalLM,
        Qwen3NextConfig,
        {
            **_EXPERTS,
            "head_dim": 16,
            "num_hidden_layers": 4,
            "num_experts": 4,
            "shared_expert_intermediate_size": 16,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
        },
    ),
    "deepseek_v3": (
        DeepseekV3ForCausalLM,
        DeepseekV3Config,
        {
            **_EXPERTS,
            "num_key_value_heads": 4,
            "n_routed_experts": 4,
            "n_group": 2,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "q_lora_rank": 16,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 16,
            "v_head_dim": 12,
        },
    ),
}
FAMILIES = tuple(_FAMILIES)
SLIDING = ("gemma2", "gpt_oss")


def build_model(family: str, **changes: Any) -> Any:
    """A tiny random model in float32, the same every time."""
    model_class, config_class, own = _FAMILIES[family]
    torch.manual_seed(0)
    model: Any = model_class(config_class(**{**_SHAPE, **own, **changes}))
    model.eval()
    if family == "gpt_oss":
        for layer in model.model.layers:
            torch.nn.init.normal_(layer.self_attn.sinks, std=2.0)  # a fresh model's are uninitialised
    return model


@cache
def _shared(family: str) -> Any:
    return build_model(family)


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Any:
    """One tiny model of each family; tests leave it as they found it."""
    return _shared(request.param)


@pytest.fixture
def llama() -> Any:
    """The tiny Llama alone."""
    return _shared("llama")


@pytest.fixture
def gemma2() -> Any:
    """The tiny Gemma 2: a sliding layer, a full one, soft-capped logits."""
    return _shared("gemma2")


@pytest.fixture(params=["research", "efficient"])
def backend(request: pytest.FixtureRequest) -> str:
    """The attention config's `kind`."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """One token a byte; a text begins with <bos>. Decoding shows a letter a byte, so equal texts are equal tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.Fuse()
    backend.add_special_tokens(["<bos>", "<eos>", "<pad>"])
    backend.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 256)])
    make: Any = PreTrainedTokenizerFast
    return make(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


MakeAdapter = Callable[..., ModelAdapterHF]


@pytest.fixture
def adapt(tokenizer: Any) -> MakeAdapter:
    """Make an adapter from a model, a list of maskers (none: dense) and the other parts of a config."""

    def make(
        model: Any, *maskers: Mapping[str, Any], attention: Mapping[str, Any] | None = None, **sections: Any
    ) -> ModelAdapterHF:
        config = {"maskers": list(maskers), **(attention or {})} if maskers else None
        # No token twice: tiny random models would repeat one, and an answer should show what was read.
        sections.setdefault("generation", {"max_new_tokens": 6, "no_repeat_ngram_size": 1})
        return ModelAdapterHF(model, config, tokenizer, **sections)

    return make


@pytest.fixture
def tokens() -> Callable[..., torch.Tensor]:
    """Random token ids, (batch, length)."""

    def make(length: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
        return torch.randint(0, 256, (batch, length), generator=torch.Generator().manual_seed(seed))

    return make
