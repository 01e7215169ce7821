"""A model by its name: a directory, an embedded one, a hub id; and what is said when there is none."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch

from sah_core import ConfigError, ModelConfig, Registry, load_config
from sah_hf import ModelAdapterHF, Request, UnknownModelError, UnsupportedModelError
from sah_hf.models.loading import load_model, load_model_config

from .conftest import MakeAdapter

REQUEST = Request("A mole lives at 7 Elm Row. " * 4, "Who lives there?")
RUN = {"version": 1, "attention": {"maskers": [{"kind": "sink"}, {"kind": "local", "window": 8}]}}


@pytest.fixture
def directory(llama: Any, tokenizer: Any, tmp_path: Path) -> Path:
    """The tiny Llama and its tokenizer, saved."""
    place = tmp_path / "tiny"
    llama.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if HF_HUB_OFFLINE=1 had been set when the hub's client was imported."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_a_directory(llama: Any, adapt: MakeAdapter, directory: Path) -> None:
    """Named in a config or handed to the adapter, a saved model answers as the one it was saved from."""
    expected = adapt(llama, *RUN["attention"]["maskers"], generation={}).process_request(REQUEST)  # type: ignore[index]
    by_config = ModelAdapterHF.from_config({**RUN, "model": str(directory)}).process_request(REQUEST)
    by_name = ModelAdapterHF(str(directory), RUN["attention"]).process_request(REQUEST)  # type: ignore[arg-type]
    assert by_config.responses == by_name.responses == expected.responses
    assert by_config.report.model == by_name.report.model == str(directory)


def test_a_config_file_is_enough(directory: Path, tmp_path: Path) -> None:
    """`from_config` takes a file, a mapping or what `load_config` made of it."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps({**RUN, "model": {"name": str(directory), "dtype": "bfloat16"}}))
    adapters = [ModelAdapterHF.from_config(source) for source in (file, str(file), load_config(file))]
    assert {adapter.model.dtype for adapter in adapters} == {torch.bfloat16}
    assert len({str(adapter.process_request(REQUEST).responses) for adapter in adapters}) == 1


def test_loading_options(directory: Path) -> None:
    """Options for `from_pretrained` reach it; dtype and device come from the config."""
    loaded = load_model(
        ModelConfig(name=str(directory), dtype="float16", device="cpu"), {"attn_implementation": "eager"}
    )
    assert loaded.model.config._attn_implementation == "eager"
    assert loaded.model.dtype == torch.float16
    assert not loaded.model.training


def test_an_embedded_model(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that a plugin offers comes from its directory, without the network."""
    plugin = directory.parent / "tiny_plugin.py"
    plugin.write_text(
        "from sah_core import hookimpl\n"
        "SAH_API_VERSION = 1\n"
        f"def place():\n    return {str(directory)!r}\n"
        "@hookimpl\n"
        "def sah_register_models(register):\n    register('tiny', 'tiny_plugin:place')\n"
    )
    monkeypatch.syspath_prepend(str(directory.parent))
    registry = Registry([EntryPoint("tiny", "tiny_plugin", "sah")])
    assert registry.model_names == ("tiny",)
    assert load_model_config(ModelConfig(name="tiny"), registry).model_type == "llama"
    assert load_model(ModelConfig(name="tiny"), registry=registry).tokenizer.bos_token == "<bos>"
    with pytest.raises(UnknownModelError, match=r"unknown model 'tinny': did you mean 'tiny'\? embedded models: tiny"):
        load_model_config(ModelConfig(name="tinny"), registry)


@pytest.mark.usefixtures("offline")
def test_an_unknown_model(tmp_path: Path) -> None:
    """Where a name was looked for, in one sentence; a directory that holds no model is no model either."""
    with pytest.raises(
        UnknownModelError, match=r"unknown model 'nobody/nothing': .*no directory of that name"
    ) as caught:
        ModelAdapterHF.from_config({**RUN, "model": "nobody/nothing"})
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownModelError, match="the directory of that name"):
        load_model(ModelConfig(name=str(tmp_path)))


def test_a_directory_without_weights(directory: Path) -> None:
    """A model whose files are not all there is told by its name."""
    (directory / "model.safetensors").unlink()
    with pytest.raises(UnsupportedModelError, match=r"model '.*tiny' cannot be loaded: .*model.safetensors"):
        load_model(ModelConfig(name=str(directory)))


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there(directory: Path, device: str) -> None:
    """A device that torch does not know, or this machine does not have: one line, with what to write instead."""
    with pytest.raises(
        UnknownModelError, match=rf"model\.device '{device}' cannot be used here: .* use cpu, or auto"
    ) as caught:
        load_model(ModelConfig(name=str(directory), device=device))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_no_model_in_the_config() -> None:
    """A run needs one."""
    with pytest.raises(ConfigError, match="the config names no model"):
        ModelAdapterHF.from_config(RUN)


def test_options_are_checked_before_weights(directory: Path) -> None:
    """A misspelt generation option is found before anything is loaded."""
    (directory / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="did you mean 'max_new_tokens'"):
        ModelAdapterHF.from_config({**RUN, "model": str(directory), "generation": {"max_new_token": 4}})
