"""Models that are not there, mixed, edited or cast between calls: what holds is used, what does not is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model

from sah_core import ConfigError, UsageError
from sah_hf import ModelAdapterHF, Request, RequestError, UnsupportedModelError

NARROW = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
REQUEST = Request("A mole lives at 7 Elm Row.", ["Who?", "Where?"])


@pytest.mark.parametrize("maskers", [[], NARROW], ids=["dense", "sparse"])
def test_weights_that_are_nowhere(adapt: MakeAdapter, maskers: Any) -> None:
    """A model on the device meta, or one layer of it there, before the adapter is made or between two requests."""
    with pytest.raises(UnsupportedModelError, match=r"21 weights of LlamaForCausalLM are on the device meta.*embed"):
        adapt(build_model("llama").to("meta"), *maskers).process_request(REQUEST)
    model = build_model("llama")
    adapter = adapt(model, *maskers)
    answers = adapter.process_request(REQUEST).responses
    kept = model.model.layers[1]
    model.model.layers[1] = build_model("llama").model.layers[1].to("meta")
    for ask in (adapter.process_request, adapter.read_context):
        with pytest.raises(UnsupportedModelError, match=r"9 weights .*layers\.1\.self_attn\.q_proj\.weight: load them"):
            ask(REQUEST)
    model.model.layers[1] = kept
    assert adapter.process_request(REQUEST).responses == answers


@pytest.mark.parametrize("maskers", [[], NARROW], ids=["dense", "sparse"])
def test_weights_of_two_dtypes(adapt: MakeAdapter, maskers: Any) -> None:
    """A layer in another dtype fails somewhere inside torch: the sentence says which dtypes the weights have."""
    model = build_model("llama")
    model.model.layers[1].to(torch.bfloat16)
    with pytest.raises(UnsupportedModelError, match=r"its weights are in bfloat16 and float32: .*same dtype"):
        adapt(model, *maskers).process_request(REQUEST)
    assert model.config._attn_implementation == "sdpa"


def test_tokens_on_another_device(llama: Any) -> None:
    """A forward in a sparse mode that is given tokens on another device than the model's says so before it begins."""
    ids = torch.zeros(1, 4, dtype=torch.int64, device="meta")
    with (
        pytest.raises(UsageError, match="tokens are on the device meta, and LlamaForCausalLM takes them on cpu: move"),
        ModelAdapterHF(llama, {"maskers": NARROW}).enable_sparse_mode(),
    ):
        llama(input_ids=ids)


def test_layers_are_looked_for_again(adapt: MakeAdapter, tokens: Any) -> None:
    """A layer taken out, put in, or left out by the config: the next request, and the next mode, know."""
    model = build_model("llama", num_hidden_layers=3)
    adapter = adapt(model, *NARROW)
    layers = model.model.layers
    for found in ([0, 1], [0, 1, 2], [0]):
        if len(found) == 1:
            model.config.num_hidden_layers = 1
        else:
            model.model.layers = layers[: len(found)]
            model.config.num_hidden_layers = len(found)
        fresh = adapt(model, *NARROW).process_request(REQUEST)
        response = adapter.process_request(REQUEST)
        assert response.responses == fresh.responses
        assert [layer.layer for layer in response.report.layers] == found
        with torch.no_grad(), adapter.enable_sparse_mode(sparse_from=0) as mode:
            model(input_ids=tokens(6))
        assert mode.sparse_layers == dict.fromkeys(found, 1)


def test_a_layer_that_the_config_names_and_that_is_gone(adapt: MakeAdapter) -> None:
    """What the config could not ask of this model at first, it cannot later."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW, attention={"dense_layers": [1]})
    adapter.process_request(REQUEST)
    model.config.num_hidden_layers = 1
    with pytest.raises(ConfigError, match="dense_layers: 1 is no layer of this model, which has 0 to 0"):
        adapter.process_request(REQUEST)


def test_another_implementation_between_requests(adapt: MakeAdapter) -> None:
    """The context is read by whichever implementation the model has by then, and that is left."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW)
    for name in ("sdpa", "eager"):
        model.set_attn_implementation(name)
        assert adapter.process_request(REQUEST).report.context_attention == name
        assert model.config._attn_implementation == name


def scale(model: Any) -> None:
    """As merging what was trained beside the model would."""
    model.model.layers[0].self_attn.q_proj.weight.data.mul_(3.0)


def resize(model: Any) -> None:
    model.resize_token_embeddings(300, mean_resizing=False)


def cast(model: Any) -> None:
    model.to(torch.float64)


def shorten(model: Any) -> None:
    model.model.layers = model.model.layers[:1]


@pytest.mark.parametrize("edit", [scale, resize, cast, shorten])
def test_a_context_of_other_weights(adapt: MakeAdapter, edit: Callable[[Any], None]) -> None:
    """What a model read before it was edited is not what it would read now; a request that reads anew goes on."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW)
    read = adapter.read_context(REQUEST)
    assert adapter.process_request(REQUEST, context=read).responses == adapter.process_request(REQUEST).responses
    edit(model)
    with pytest.raises(RequestError, match="weights of the LlamaForCausalLM are no longer those that read the context"):
        adapter.process_request(REQUEST, context=read)
    again = adapter.read_context(REQUEST)
    fresh = adapt(model, *NARROW).process_request(REQUEST).responses
    assert adapter.process_request(REQUEST, context=again).responses == fresh
