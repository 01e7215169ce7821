"""`kind: efficient` in a model: the masks, the answers and, but for rounding, the outputs of `kind: research`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import DynamicCache, StaticCache

from sah_core import AttentionInputs, AttentionOutput, EfficientAttention, Masker, ResearchAttention, UsageError
from sah_hf import ModelAdapterHF, Request
from sah_hf.reports.report import RequestReport

from .conftest import SLIDING, MakeAdapter, build_model

WINDOW = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}]
CONFIGS: dict[str, list[dict[str, Any]]] = {
    "window": WINDOW,
    "quest": [*WINDOW, {"kind": "quest", "page_size": 4, "budget": 8}],
    "quest shared": [*WINDOW, {"kind": "quest", "page_size": 4, "budget": 0.2, "share_kv_group": True}],
    "random": [*WINDOW, {"kind": "random", "rate": 0.3}],
    "vattention": [*WINDOW, {"kind": "vattention", "epsilon": 0.3, "delta": 0.2}],
    "magicpig": [*WINDOW, {"kind": "magicpig", "tables": 12, "bits": 3}],
    "pqcache": [*WINDOW, {"kind": "pqcache", "budget": 5, "bits": 2}],
    "double_sparsity": [*WINDOW, {"kind": "double_sparsity", "budget": 5, "group_factor": 4}],
}
BACKENDS = ("research", "efficient")
CONTEXT = "A mole lives at 7 Elm Row. " * 4
QUESTIONS = ["Who lives there?", "Where is it, exactly, that the mole in question has made its home?"]
KEYS = 4096
GAPS = [0, 9, 20]  # columns of padding on the left of a batch's rows


@pytest.fixture(params=CONFIGS)
def maskers(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The maskers of one shared config."""
    return CONFIGS[request.param]


@pytest.fixture
def padded(tokens: Any) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Three rows of so many columns, and their attention mask, the last rows padded on the left."""

    def make(length: int) -> tuple[Tensor, Tensor]:
        ids = tokens(length, batch=len(GAPS))
        mask = torch.ones_like(ids)
        for row, gap in enumerate(GAPS):
            ids[row, :gap], mask[row, :gap] = 258, 0
        return ids, mask

    return make


def paths_of(mode: Any, layers: tuple[int, ...]) -> set[str]:
    return {path for layer in layers for path in mode.meter.layer(layer).paths}


@torch.no_grad()
def test_outputs_in_a_left_padded_batch(
    model: Any, maskers: list[dict[str, Any]], padded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question of several tokens and two single ones: logits within 1e-5, and as many keys attended to.

    As torch reads keys: a loop's other rounding, no larger, grows to 1e-5 on its way through these models.
    """
    monkeypatch.setenv("SAH_COMPILED", "0")
    ids, mask = padded(46)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    found = {}
    for backend in BACKENDS:
        adapter = ModelAdapterHF(model, {"kind": backend, "maskers": maskers})
        cache, logits = None, []
        with adapter.enable_sparse_mode() as mode:
            for start, end in [(0, 38), (38, 44), (44, 45), (45, 46)]:
                output = model(
                    input_ids=ids[:, start:end],
                    attention_mask=mask[:, :end],
                    position_ids=positions[:, start:end],
                    past_key_values=cache,
                )
                cache = output.past_key_values
                logits.append(output.logits)
        layers = [mode.meter.layer(layer) for layer in adapter.layers]
        found[backend] = torch.cat(logits[1:], 1), [layer.density for layer in layers]
        assert paths_of(mode, adapter.layers) <= ({"product"} if backend == "research" else {"gathered", "dense"})
        assert [layer.sparse_calls for layer in layers] == [3] * len(layers)
    torch.testing.assert_close(found["efficient"][0], found["research"][0], atol=1e-5, rtol=0)
    assert found["efficient"][1] == found["research"][1]


class Compared(ResearchAttention):
    """The research backend, which compares each call's output with the efficient backend's of the same tensors."""

    def __init__(self, maskers: Sequence[Masker]) -> None:
        super().__init__(maskers)
        self.efficient = EfficientAttention(maskers)
        self.paths: list[str] = []

    def __call__(self, inputs: AttentionInputs, *, need_weights: bool = False) -> AttentionOutput:
        expected = super().__call__(inputs, need_weights=need_weights)
        found = self.efficient(attrs.evolve(inputs, shared={}))
        self.paths.append(found.path)
        assert found.mask == expected.mask
        torch.testing.assert_close(found.output, expected.output, atol=1e-5, rtol=0)
        return expected


@torch.no_grad()
def test_every_call_in_a_left_padded_batch(model: Any, maskers: list[dict[str, Any]], padded: Any, reader: str) -> None:
    """The same mask, and an attention output within 1e-5, of the tensors of every layer, whatever reads the keys."""
    ids, mask = padded(46)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    adapter = ModelAdapterHF(model, {"kind": "research", "maskers": maskers})
    assert adapter.attention is not None
    adapter.attention = compared = Compared(adapter.attention.maskers)
    cache = None
    with adapter.enable_sparse_mode():
        for start, end in [(0, 38), (38, 44), (44, 45), (45, 46)]:
            cache = model(
                input_ids=ids[:, start:end],
                attention_mask=mask[:, :end],
                position_ids=positions[:, start:end],
                past_key_values=cache,
            ).past_key_values
    assert len(compared.paths) == 3 * len(adapter.layers)
    assert set(compared.paths) <= {reader, "dense"}


def test_answers(model: Any, maskers: list[dict[str, Any]], adapt: MakeAdapter) -> None:
    """Several questions get, token for token, what the research backend answers, each what it gets alone."""
    request = Request(CONTEXT, QUESTIONS)
    research = adapt(model, *maskers).process_request(request)
    adapter = adapt(model, *maskers, attention={"kind": "efficient"})
    efficient = adapter.process_request(request)
    assert efficient.responses == research.responses
    assert efficient.report.density == research.report.density
    assert efficient.responses == [adapter.process_request(Request(CONTEXT, q)).responses for q in QUESTIONS]


@pytest.mark.parametrize("family", ["llama", *SLIDING])
def test_caches(family: str, maskers: list[dict[str, Any]], padded: Any) -> None:
    """On a preallocated cache, whose keys lie apart, as on one that grows, `generate` gives the research tokens."""
    model = build_model(family)
    ids, mask = padded(30)
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "pad_token_id": 258}
    found = []
    for backend in BACKENDS:
        adapter = ModelAdapterHF(model, {"kind": backend, "maskers": maskers})
        for cache in (DynamicCache(config=model.config), StaticCache(config=model.config, max_cache_len=40)):
            with adapter.enable_sparse_mode() as mode:
                new = model.generate(ids, attention_mask=mask, past_key_values=cache, no_repeat_ngram_size=1, **options)
            found.append((new.tolist(), mode.meter.density))
    assert found == [found[0]] * 4


class Made(TorchDispatchMode):
    """Watches what is computed, and notes how many entries each new tensor has."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.entries: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage()._cdata not in given:
                self.entries.append(leaf.numel())
        return result


def made_in_a_decode_step(backend: str, maskers: list[dict[str, Any]], layers: int) -> list[int]:
    """Sizes of the tensors made in the second step on a preallocated cache: the first makes the indexes."""
    model = build_model("llama", num_hidden_layers=layers, max_position_embeddings=2 * KEYS)
    cache: Any = StaticCache(config=model.config, max_cache_len=KEYS)
    filled = KEYS - 10
    torch.manual_seed(1)
    for layer in range(layers):
        keys, values = torch.randn(2, 1, 2, filled, 8)
        cache.update(keys, values, layer, {"cache_position": torch.arange(filled)})
    with torch.no_grad(), ModelAdapterHF(model, {"kind": backend, "maskers": maskers}).enable_sparse_mode():
        for step in range(2):
            place = torch.tensor([filled + step])
            made = Made()
            with made:
                model(torch.tensor([[5]]), past_key_values=cache, position_ids=place[None], cache_position=place)
    return made.entries


@pytest.mark.parametrize("content", [[], [{"kind": "quest", "budget": 16}]], ids=["window", "quest"])
def test_a_decode_step_makes_nothing_as_large_as_the_keys(content: list[dict[str, Any]]) -> None:
    """No copy of keys or values, nothing with an entry a key and head; what has one a key is made once a forward."""
    maskers = [*WINDOW, *content]
    two, four = (made_in_a_decode_step("efficient", maskers, layers) for layers in (2, 4))
    assert max(two) == KEYS, "the mask that transformers makes"
    assert sum(size >= KEYS // 2 for size in four) == sum(size >= KEYS // 2 for size in two)
    assert max(made_in_a_decode_step("research", maskers, 2)) >= 4 * (KEYS - 10), "this would have caught the logits"


def test_the_error_is_measured_densely_beside_it(model: Any, adapt: MakeAdapter) -> None:
    """`measure_error` compares with dense attention whatever the backend: the same errors, the same answers."""
    reports: dict[str, RequestReport] = {}
    for backend in BACKENDS:
        adapter = adapt(model, *CONFIGS["quest"], attention={"kind": backend})
        reports[backend] = adapter.process_request(Request(CONTEXT, QUESTIONS), measure_error=True).report
    errors = [
        [layer.output_error for layer in reports[backend].layers if layer.mode == "sparse"] for backend in BACKENDS
    ]
    assert len(errors[1]) == len(adapt(model, *CONFIGS["quest"]).layers)
    assert errors[1] == pytest.approx(errors[0], abs=1e-5)
    assert all(error is not None and error > 0.01 for error in errors[1])


def test_the_report_says_what_ran(llama: Any, adapt: MakeAdapter) -> None:
    """Which backend the config asked for, and how each layer's sparse calls were computed; they add up to all calls."""
    for backend, allowed in (("research", {"product"}), ("efficient", {"compiled", "gathered", "dense"})):
        adapter = adapt(llama, *WINDOW, attention={"kind": backend, "dense_layers": [0]})
        report = adapter.process_request(Request(CONTEXT, "Who?")).report
        assert report.backend == backend
        assert report.layers[0].paths == {}
        assert report.paths == report.to_dict()["paths"] == report.layers[1].paths
        assert set(report.paths) <= allowed
        assert sum(report.paths.values()) == report.sparse_calls == report.answer_tokens
    dense = adapt(llama).process_request(Request(CONTEXT, "Who?")).report
    assert (dense.backend, dense.paths) == (None, {})


@torch.no_grad()
def test_attentions_are_refused_before_the_cache_changes(llama: Any, tokens: Any) -> None:
    """No weights over all keys exist: one sentence, and model and cache go on as if nothing had been asked."""
    ids = tokens(20)
    before = llama.config._attn_implementation
    adapter = ModelAdapterHF(llama, {"kind": "efficient", "maskers": WINDOW})
    with adapter.enable_sparse_mode() as mode:
        cache = llama(input_ids=ids[:, :18]).past_key_values
        with pytest.raises(UsageError, match=r"output_attentions .* use kind: research"):
            llama(input_ids=ids[:, 18:], past_key_values=cache, output_attentions=True)
        assert [layer.keys.shape[2] for layer in cache.layers] == [18, 18]
        assert mode.meter.calls == 0
        after = llama(input_ids=ids[:, 18:], past_key_values=cache).logits
    assert llama.config._attn_implementation == before
    with adapter.enable_sparse_mode():
        fresh = llama(input_ids=ids[:, :18]).past_key_values
        assert torch.equal(llama(input_ids=ids[:, 18:], past_key_values=fresh).logits, after)


def test_the_attention_function_has_no_weights_to_give(llama: Any) -> None:
    """Alone, the efficient function gives the research function's output, and None in place of the weights."""
    torch.manual_seed(1)
    query, key, value = torch.randn(1, 4, 1, 8), torch.randn(1, 2, 30, 8), torch.randn(1, 2, 30, 8)
    module = llama.model.layers[1].self_attn
    outputs = {}
    for backend in BACKENDS:
        attend = ModelAdapterHF(llama, {"kind": backend, "maskers": WINDOW}).get_custom_attention_function()
        outputs[backend], weights = attend(module, query, key, value, None, scaling=0.5)
        assert (weights is None) == (backend == "efficient")
    torch.testing.assert_close(outputs["efficient"], outputs["research"], atol=1e-6, rtol=0)
