"""Whatever happens in a mode, and whoever copies a model in one, the model is as it was found, and so is the copy."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model
from torch import Tensor

from sah_core import AttentionInputs, Mask, MaskerConfig, ResearchAttention, create_masker
from sah_hf import ModelAdapterHF, NotSparseError, Request
from sah_hf.attention import switch
from sah_hf.attention.switch import IMPLEMENTATION

NARROW = {"maskers": [{"kind": "local", "window": 1}]}
CONTEXT = "A mole lives at 7 Elm Row. "


def found(model: Any) -> dict[str, Any]:
    """All of a model that could be changed by a mode: its config byte for byte, its hooks, attributes and weights."""
    return {
        "config": model.config.to_json_string(use_diff=False),
        "fields": copy.deepcopy(vars(model.config)),
        "implementation": (model.config._attn_implementation, type(model.config._attn_implementation)),
        "hooks": [
            (name, *map(len, (part._forward_pre_hooks, part._forward_pre_hooks_with_kwargs, part._forward_hooks)))
            for name, part in model.named_modules()
        ],
        "attributes": {name: sorted(vars(part)) for name, part in model.named_modules()},
        "weights": {name: (id(weight), weight._version) for name, weight in model.named_parameters()},
    }


def held() -> tuple[int, ...]:
    """How much the switch holds."""
    return len(switch._configs), len(switch._modules), len(switch._generators)


class FailingConfig(MaskerConfig):
    kind: Literal["failing"] = "failing"


class Failing:
    """A masker that keeps what there is, so many times, and then raises an error."""

    def __init__(self, calls: int, error: BaseException) -> None:
        self.config = FailingConfig()
        self.calls = calls
        self.error = error

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        self.calls -= 1
        if self.calls < 0:
            raise self.error
        return previous


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no")], ids=["interrupt", "error"])
@pytest.mark.parametrize("stage", ["reading", "first call", "amid an answer", "on_text", "on_answer", "on_call"])
def test_an_end_at_any_stage(stage: str, error: BaseException, llama: Any, adapt: MakeAdapter) -> None:
    """An error or Ctrl-C while reading, in a masker, in a callback: it comes out, and nothing of the request stays."""

    def fail(*given: Any) -> None:
        raise error

    adapter = adapt(llama, {"kind": "sink"})
    failing = Failing({"first call": 0, "amid an answer": 5}.get(stage, 1000), error)
    adapter.attention = ResearchAttention([create_masker({"kind": "sink"}), failing])
    callbacks: dict[str, Any] = {stage: fail} if stage.startswith("on_") else {}
    before = found(llama)
    reading = llama.model.layers[1].register_forward_pre_hook(fail) if stage == "reading" else None
    try:
        with pytest.raises(type(error)):
            adapter.process_request(Request(CONTEXT, ["Who?", "Where?"]), **callbacks)
    finally:
        if reading is not None:
            reading.remove()
    assert found(llama) == before
    assert held() == (0, 0, 0)


def test_the_user_sets_another_implementation(llama: Any, logits: Any) -> None:
    """Set while a sparse mode is open, it is the dense layers' from then on, and the model's when the mode ends."""
    adapter = ModelAdapterHF(llama, NARROW)
    try:
        with adapter.enable_sparse_mode() as mode:
            sparse = logits(llama)
            llama.set_attn_implementation("eager")
            assert torch.equal(logits(llama), sparse)
            assert switch.original_implementation(llama.config) == "eager"
        assert mode.meter.calls == 4
        assert llama.config._attn_implementation == "eager"
        with adapter.enable_sparse_mode():
            llama.set_attn_implementation("sdpa")
        assert llama.config._attn_implementation == "sdpa", "with no forward after it, it is not lost either"
    finally:
        llama.set_attn_implementation("sdpa")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_made_in_a_mode(copied: Callable[[Any], Any], logits: Any) -> None:
    """It is a plain model: dense inside the mode and after it, with the original's implementation and its own weights.

    Hooks that it was copied with take themselves out at its first forward.
    """
    model = build_model("llama", num_hidden_layers=1)
    adapter = ModelAdapterHF(model, NARROW)
    dense = logits(model)
    plain = found(copied(model))
    with adapter.enable_sparse_mode() as mode:
        twin = copied(model)
        assert type(twin.config._attn_implementation) is str
        assert twin.config._attn_implementation == "sdpa"
        twin.lm_head.weight.data.zero_()
        ids = torch.tensor([[1, 2, 3]])
        made = twin.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=2, do_sample=False)
        assert made[0, 3:].tolist() == [0, 0], "its generate is its own"
        assert torch.equal(logits(twin), torch.zeros_like(dense))
        assert mode.meter.calls == 0
        assert not torch.equal(logits(model), dense)
    after = found(twin)
    assert {name: after[name] for name in plain if name != "weights"} == {
        name: plain[name] for name in plain if name != "weights"
    }


def test_saved_in_a_mode(tmp_path: Any, llama: Any) -> None:
    """What save_pretrained writes knows nothing of the mode."""
    adapter = ModelAdapterHF(llama, NARROW)
    with adapter.enable_sparse_mode():
        text = llama.config.to_json_string(use_diff=False)
        llama.config.save_pretrained(tmp_path)
        llama(input_ids=torch.tensor([[1]]))
        llama(input_ids=torch.tensor([[1]]), past_key_values=llama(input_ids=torch.tensor([[1]])).past_key_values)
    assert text == llama.config.to_json_string(use_diff=False)
    assert IMPLEMENTATION not in (tmp_path / "config.json").read_text()


def test_modes_that_end_in_any_order(llama: Any, logits: Any) -> None:
    """The outer of two may end first: the inner goes on, and afterwards none is left in the context."""
    adapter = ModelAdapterHF(llama, NARROW)
    dense, before = logits(llama), found(llama)
    outer, inner = adapter.enable_sparse_mode(), adapter.enable_dense_mode()
    outer.__enter__()
    sparse = logits(llama)
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert torch.equal(logits(llama), dense)
    inner.__exit__(None, None, None)
    assert torch.equal(logits(llama), dense)
    assert found(llama) == before
    assert held() == (0, 0, 0)
    with adapter.enable_sparse_mode():
        assert torch.equal(logits(llama), sparse)


def test_a_suspended_generator(llama: Any, logits: Any) -> None:
    """A mode opened in a generator is its caller's until the generator ends, is closed, or is forgotten."""
    adapter = ModelAdapterHF(llama, NARROW)
    dense = logits(llama)

    def answers() -> Iterator[Tensor]:
        with adapter.enable_sparse_mode():
            yield logits(llama)
            yield logits(llama)

    for end in (Iterator.__next__, lambda each: each.close(), lambda each: None):
        each = answers()
        sparse = next(each)
        assert torch.equal(logits(llama), sparse)
        next(each)
        next(each, None) if end is Iterator.__next__ else end(each)
        del each
        gc.collect()
        assert torch.equal(logits(llama), dense)
        assert held() == (0, 0, 0)


def test_a_task_that_outlives_the_mode(llama: Any, logits: Any) -> None:
    """A task started in a mode has it as long as it is open; when it ends, it ends for the task as well."""
    adapter = ModelAdapterHF(llama, NARROW)
    dense = logits(llama)

    async def child(ended: asyncio.Event) -> tuple[Tensor, Tensor]:
        inside = logits(llama)
        await ended.wait()
        return inside, logits(llama)

    async def parent() -> tuple[Tensor, Tensor]:
        ended = asyncio.Event()
        with adapter.enable_sparse_mode():
            task = asyncio.create_task(child(ended))
            await asyncio.sleep(0)
        with adapter.enable_sparse_mode():  # one of its own, which the task has not
            logits(llama)
            ended.set()
            return await task

    inside, after = asyncio.run(parent())
    assert not torch.equal(inside, dense)
    assert torch.equal(after, dense)


def test_nothing_is_kept(logits: Any) -> None:
    """An adapter and its model are forgotten with their last user: during a mode, after it, in a copied context too."""
    contexts: list[contextvars.Context] = []

    def use(*, leave: bool) -> list[weakref.ref[Any]]:
        model = build_model("llama", num_hidden_layers=1)
        adapter = ModelAdapterHF(model, NARROW)
        opened = adapter.enable_sparse_mode()
        mode = opened.__enter__()
        logits(model)
        contexts.append(contextvars.copy_context())
        references = [weakref.ref(each) for each in (model, adapter, adapter.attention, mode, mode.meter, model.config)]
        if leave:
            opened.__exit__(None, None, None)
        return references

    for leave in (True, False):
        references = use(leave=leave)
        gc.collect()
        assert [each() for each in references] == [None] * len(references)
        assert held() == (0, 0, 0)
    assert len(contexts) == 2, "which still live"


def test_a_layer_called_alone_in_a_sparse_mode(llama: Any) -> None:
    """Nobody has seen its forward begin: an error, not a dense answer in silence. Outside the mode it works."""
    adapter = ModelAdapterHF(llama, NARROW)
    hidden = torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(0))
    places = torch.arange(3)[None]

    @torch.no_grad()
    def layer() -> None:
        embedded = llama.model.rotary_emb(hidden, places)
        llama.model.layers[0](hidden, position_ids=places, position_embeddings=embedded)

    @contextmanager
    def that_ran() -> Iterator[None]:
        with adapter.enable_sparse_mode():
            yield
            cache = llama(input_ids=torch.tensor([[1, 2]])).past_key_values
            llama(input_ids=torch.tensor([[3]]), past_key_values=cache)

    with that_ran(), pytest.raises(NotSparseError, match=r"LlamaAttention.*but no forward of its model"):
        layer()
    with adapter.enable_dense_mode():
        layer()
    layer()
