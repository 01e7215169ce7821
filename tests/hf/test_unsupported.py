"""A model that sparse attention cannot take over is refused when the adapter is made, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, T5Config, T5ForConditionalGeneration
from transformers.models.llama.modeling_llama import LlamaAttention

from sah_core import ConfigError, UsageError
from sah_hf import ModelAdapterHF, UnsupportedModelError

from .conftest import build_model
from .sigmoid_attention import SigmoidAttention

CAUSAL = {"maskers": [{"kind": "causal"}]}
SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
}
GPT_NEO: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_heads": 4,
    "num_layers": 2,
    "attention_types": [[["global", "local"], 1]],
    "max_position_embeddings": 32,
}


def build(model_type: str, options: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    make: Any = AutoModelForCausalLM.from_config
    return make(CONFIG_MAPPING[model_type](**options)).eval()


@pytest.mark.parametrize(
    ("model_type", "options"),
    [
        ("gpt_neo", GPT_NEO),
        ("bloom", SMALL),
        ("mamba", {**SMALL, "state_size": 4}),
        ("bert", {**SMALL, "intermediate_size": 32}),
    ],
)
def test_unrouted_models(model_type: str, options: dict[str, Any]) -> None:
    """No causal attention call reaches us, whatever transformers says of switching: the model type is named."""
    model = build(model_type, options)
    before = model.config._attn_implementation
    with pytest.raises(UnsupportedModelError, match=rf"model type '{model_type}'\) does not route its attention"):
        ModelAdapterHF(model, CAUSAL)
    assert model.config._attn_implementation == before


def test_an_unrouted_model_is_welcome_densely(tokens: Any) -> None:
    """Without an attention config nothing needs to be routed, and nothing is switched."""
    model = build("bloom", SMALL)
    ids = tokens(5).remainder(64)
    with torch.no_grad():
        expected = model(ids).logits
        with ModelAdapterHF(model).enable_dense_mode():
            assert torch.equal(model(ids).logits, expected)
            assert model.config._attn_implementation in (None, "eager")


class IndexedAttention(LlamaAttention):
    """Hands on something of its own by the name under which DeepSeek V3.2 and its like hand on selected keys."""

    def forward(self, *args: Any, **keywords: Any) -> Any:
        return super().forward(*args, **{**keywords, "indices": torch.zeros(1, 1, 1, dtype=torch.int64)})


def llama_with(attention: type[LlamaAttention], layer: int) -> Any:
    model = build_model("llama")
    replaced: nn.Module = attention(model.config, layer)
    model.model.layers[layer].self_attn = replaced.eval()
    return model


def test_a_sparse_attention_of_its_own() -> None:
    """A selection of keys that is not one for each query cannot be followed, and must not be undone."""
    with pytest.raises(UnsupportedModelError, match=r"sparse attention of its own \(it passes indices\) in a form"):
        ModelAdapterHF(llama_with(IndexedAttention, 1), CAUSAL)


def test_attention_that_is_no_softmax() -> None:
    """What the family computes from a call is compared with what we would: another formula is refused, by layer."""
    with pytest.raises(UnsupportedModelError, match=r"layer 1 of LlamaForCausalLM .* something else than softmax"):
        ModelAdapterHF(llama_with(SigmoidAttention, 1), CAUSAL)


def test_no_language_model() -> None:
    """Encoder-decoder models have no prompt to continue."""
    model = T5ForConditionalGeneration(T5Config(vocab_size=64, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=4))
    with pytest.raises(UnsupportedModelError, match="not a decoder-only language model"):
        ModelAdapterHF(model, CAUSAL)


def test_something_else_than_a_model(llama: Any) -> None:
    """What is no Hugging Face model, and loading options beside a loaded one, are told apart from real trouble."""
    with pytest.raises(UsageError, match="should be a Hugging Face model or the name of one, not Linear"):
        ModelAdapterHF(nn.Linear(2, 2), CAUSAL)
    with pytest.raises(UsageError, match="model_kwargs are for loading a model by name"):
        ModelAdapterHF(llama, CAUSAL, model_kwargs={"device_map": "auto"})


@pytest.mark.parametrize(
    ("layers", "said"),
    [([2], "2 is no layer of this model, which has 0 to 1"), ([0, 1], r"leaves no layer sparse.*\[0, 1\]")],
)
def test_dense_layers_that_do_not_fit(llama: Any, layers: list[int], said: str) -> None:
    """A dense layer that the model does not have, and dense layers that leave nothing sparse."""
    with pytest.raises(ConfigError, match=said):
        ModelAdapterHF(llama, {**CAUSAL, "dense_layers": layers})
