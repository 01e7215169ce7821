"""What cannot be saved or loaded is refused in a sentence; folder, model and context are left as they were."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model

from sah_core import SahError
from sah_hf import ModelAdapterHF, RequestError, SavedContextError

from .counting import CONTEXT, NARROW, QUEST

Files = dict[str, bytes]


@pytest.fixture
def adapter(llama: Any, adapt: MakeAdapter) -> ModelAdapterHF:
    """Of the tiny Llama, with an index."""
    return adapt(llama, *NARROW, QUEST)


@pytest.fixture
def saved(adapter: ModelAdapterHF, tmp_path: Path) -> Path:
    """A context that it saved."""
    context = adapter.context(CONTEXT)
    context.ask("Who?")
    context.save(tmp_path / "saved")
    return tmp_path / "saved"


def held(folder: Path) -> Files:
    """Every file of a folder and below, by its place."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def refused(adapter: ModelAdapterHF, folder: Path, said: str) -> None:
    """Loading says this, in one line, and changes no file."""
    before = held(folder)
    with pytest.raises(SahError, match=said) as caught:
        adapter.load_context(folder)
    assert "\n" not in str(caught.value)
    assert held(folder) == before


def change(file: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit a JSON file."""
    record = json.loads(file.read_text())
    edit(record)
    file.write_text(json.dumps(record))


def flip(file: Path, place: int) -> None:
    """Change one bit of a file."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))


def test_nothing_there(adapter: ModelAdapterHF, tmp_path: Path) -> None:
    """A folder that does not exist, is empty, or is a file holds no context."""
    refused(adapter, tmp_path / "none", r"there is no saved context in .*none' \(context.json: No such file")
    refused(adapter, tmp_path, "there is no saved context in")
    (tmp_path / "file").write_text("text")
    refused(adapter, tmp_path / "file", "there is no saved context in .*Not a directory")


def test_not_a_context(adapter: ModelAdapterHF, tmp_path: Path) -> None:
    """A file of this name that something else wrote."""
    for text, said in (("[]", "is not of a saved context"), ("{}", "is not of a saved context"), ("{", "is damaged")):
        (tmp_path / "context.json").write_text(text)
        refused(adapter, tmp_path, said)


def test_damaged(adapter: ModelAdapterHF, saved: Path) -> None:
    """One bit of a tensor, one token id, half of a file, or a file that is gone."""
    record, tensors = saved / "context.json", saved / "context.safetensors"
    whole = held(saved)
    flip(tensors, -1)
    refused(adapter, saved, "context.safetensors: was damaged or cut off since it was written: save the context again")
    tensors.write_bytes(whole[tensors.name][: len(whole[tensors.name]) // 2])
    refused(adapter, saved, "context.safetensors: was damaged or cut off")
    tensors.unlink()
    refused(adapter, saved, "context.safetensors: cannot be read: No such file")
    tensors.write_bytes(whole[tensors.name])
    change(record, lambda written: written["tokens"].__setitem__(1, 7))
    refused(adapter, saved, "context.json: was damaged or changed since it was written")
    record.write_bytes(whole[record.name][:-40])
    refused(adapter, saved, "context.json: is damaged")
    record.write_bytes(whole[record.name])
    assert adapter.load_context(saved).ask("Who?").responses


def test_a_newer_format(adapter: ModelAdapterHF, saved: Path) -> None:
    """What a later version wrote is for that one to read."""
    change(saved / "context.json", lambda written: written.update(format=2, more=True))
    refused(adapter, saved, "has format 2, and this version of sah-hf reads format 1: update it")


def test_another_model(saved: Path, adapt: MakeAdapter) -> None:
    """One changed weight is another model, and so are other shapes."""
    model = build_model("llama")
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight[0, 0] += 1
    refused(adapt(model), saved, r"was read by LlamaForCausalLM, a LlamaForCausalLM \(fingerprint [0-9a-f]{16}\), and ")
    refused(adapt(build_model("qwen3")), saved, "this model is another one, a Qwen3ForCausalLM .*read it with this")


def test_another_dtype(saved: Path, adapt: MakeAdapter) -> None:
    """The same weights in another precision have keys of another precision."""
    model = build_model("llama").to(torch.bfloat16)
    refused(adapt(model), saved, "was read in float32, and this model computes in bfloat16: load the model in float32")


def test_the_other_way_round(adapter: ModelAdapterHF, adapt: MakeAdapter, tmp_path: Path) -> None:
    """A bfloat16 context, whose own model takes it, in a float32 model."""
    small = build_model("llama").to(torch.bfloat16)
    with torch.no_grad():
        for name, parameter in adapter.model.named_parameters():
            assert torch.equal(small.get_parameter(name), parameter.to(torch.bfloat16))
    adapt(small).context(CONTEXT).save(tmp_path)
    assert adapt(small).load_context(tmp_path).ask("Who?").responses
    refused(adapter, tmp_path, "was read in bfloat16, and this model computes in float32")


def test_another_place_for_every_token(saved: Path, adapt: MakeAdapter) -> None:
    """Equal weights with other rotary angles make other keys."""
    model = build_model("llama", rope_theta=500.0)
    refused(adapt(model), saved, r"was read with rope_\w+ .*10000.*, and this model's config has .*500")


def test_longer_than_the_models_positions(saved: Path, adapt: MakeAdapter) -> None:
    """The same weights with fewer positions than the context has tokens."""
    model = build_model("llama", max_position_embeddings=100)
    refused(adapt(model), saved, "the context does not fit: 109 tokens leave no position .* the model has 100")


def test_another_reading(saved: Path, llama: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """A densely read context is not what a protocol with sparse contexts reads; nor the other way round."""
    sparse = adapt(llama, *NARROW, protocol={"sparse_from": "context"})
    refused(sparse, saved, "was read densely, and this adapter's protocol reads sparsely: load it with an adapter like")
    sparse.context(CONTEXT).save(tmp_path / "sparse")
    refused(adapt(llama, *NARROW), tmp_path / "sparse", "was read sparsely, and this adapter's protocol reads densely")
    wider = adapt(llama, {"kind": "local", "window": 4}, protocol={"sparse_from": "context"})
    refused(wider, tmp_path / "sparse", "was read with another attention config")


def test_a_cache_of_another_form(saved: Path, adapter: ModelAdapterHF, adapt: MakeAdapter) -> None:
    """Layers of other classes than the model makes, as another version of transformers may, are not filled."""
    from sah_hf.kept.saved_cache import rebuilt
    from sah_hf.kept.saved_folder import read_record, read_tensors

    record = read_record(saved)
    tensors = read_tensors(saved, record)
    gemma2 = adapt(build_model("gemma2")).context(CONTEXT).read.cache
    with pytest.raises(
        SavedContextError, match=r"cache.layers.0 was a DynamicLayer and is a DynamicSlidingWindowLayer"
    ):
        rebuilt(record["cache"], tensors, gemma2)
    wider = adapt(build_model("llama", head_dim=16)).context(CONTEXT).read.cache
    wider.layers[0].keys = wider.layers[0].keys[:, :1]
    with pytest.raises(
        SavedContextError, match=r"cache.layers.0.keys has torch.float32 of shape \(1, 2, 109, 8\), and"
    ):
        rebuilt(record["cache"], tensors, wider)


def test_a_cache_that_cannot_be_saved(adapter: ModelAdapterHF, tmp_path: Path) -> None:
    """An object that is neither plain nor a part of a cache is not guessed at; no folder is made."""
    context = adapter.context(CONTEXT)
    context.read.cache.layers[0].notes = object()
    with pytest.raises(SavedContextError, match=r"cache.layers.0.notes is a object, which cannot be saved"):
        context.save(tmp_path / "saved")
    assert not held(tmp_path)


def test_folders_that_are_something_else(adapter: ModelAdapterHF, saved: Path, tmp_path: Path) -> None:
    """A folder with other files, a file, a damaged context: nothing of them is changed, and no rest is left."""
    context = adapter.context(CONTEXT)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    (saved / "mine.txt").write_text("1")
    (tmp_path / "file").write_text("text")
    before = held(tmp_path)
    for name, said in (
        ("thesis", "thesis' is not empty and no saved context: name a new folder"),
        ("saved", "saved' is not empty and no saved context"),
        ("file", "cannot be saved to .*file': Not a directory"),
        ("file/below", "cannot be saved to .*below': Not a directory"),
    ):
        with pytest.raises(SavedContextError, match=said):
            context.save(tmp_path / name)
    assert held(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "saved", "thesis"]


def test_a_failure_amid_saving(adapter: ModelAdapterHF, saved: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Where the disk does not take the second file, the context that was there is still there."""
    before = held(saved)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SavedContextError, match=r"cannot be saved to .*saved': No space left on device"):
        adapter.context("A vole.").save(saved)
    assert held(saved) == before
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_weights_that_changed(adapt: MakeAdapter, tmp_path: Path) -> None:
    """A context that other weights have read is no one's: it is neither asked nor saved, until they read it again."""
    model = build_model("llama")
    adapter = adapt(model)
    context = adapter.context(CONTEXT)
    with torch.no_grad():
        model.model.norm.weight.mul_(1.5)
    for use in (lambda: context.ask("Who?"), lambda: context.save(tmp_path / "saved")):
        with pytest.raises(RequestError, match="the weights of the LlamaForCausalLM are no longer those that read the"):
            use()
    assert not held(tmp_path)
    assert adapter.context(CONTEXT).ask("Who?").responses


def test_loading_needs_a_tokenizer(llama: Any, saved: Path) -> None:
    """As reading does: there would be no way to ask."""
    with pytest.raises(RequestError, match="no tokenizer"):
        ModelAdapterHF(llama).load_context(saved)


def test_offloaded_weights(saved: Path, llama: Any, adapt: MakeAdapter) -> None:
    """A model whose weights are not all there cannot be told from another."""
    adapter = adapt(llama)
    adapter.model = build_model("llama").to("meta")
    refused(adapter, saved, "the weights of this LlamaForCausalLM are offloaded in part")
