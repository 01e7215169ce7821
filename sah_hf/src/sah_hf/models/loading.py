"""Find a model by its name: one that a plugin embeds, a local directory, or an id on the Hugging Face hub."""

from __future__ import annotations

import difflib
import socket
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from attrs import frozen
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PretrainedConfig

from sah_core import ModelConfig, Registry, default_registry
from sah_hf.errors import UnknownModelError, UnsupportedModelError

__all__ = ["LoadedModel", "load_model", "load_model_config", "load_tokenizer", "model_folder"]


@frozen
class LoadedModel:
    """A model ready to be asked, and its tokenizer."""

    model: Any
    tokenizer: Any


def load_model(
    config: ModelConfig, model_kwargs: Mapping[str, Any] | None = None, registry: Registry | None = None
) -> LoadedModel:
    """Load a model's weights and tokenizer, on its device, ready for inference.

    ``model_kwargs`` go to ``AutoModelForCausalLM.from_pretrained``. Raises UnknownModelError where there is no such
    model, UnsupportedModelError where it is no causal language model, and what from_pretrained raises for its weights.
    """
    source = _source(config, registry)
    settings = _read_config(config, source)
    device = _device(config.device)
    extra = dict(model_kwargs or {})
    placed = "device_map" in extra  # then transformers and accelerate place the weights
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.place, **source.keywords)
        model: Any = AutoModelForCausalLM.from_pretrained(
            source.place, **{"config": settings, "dtype": config.dtype, **source.keywords, **extra}
        )
    except (OSError, ValueError) as error:
        raise UnsupportedModelError(f"model {config.name!r} cannot be loaded: {_one_line(error)}") from error
    return LoadedModel(model if placed else model.to(device), tokenizer)


def load_model_config(config: ModelConfig, registry: Registry | None = None) -> PretrainedConfig:
    """A model's config alone, without its weights; raises UnknownModelError where there is no such model."""
    return _read_config(config, _source(config, registry))


def load_tokenizer(config: ModelConfig, registry: Registry | None = None) -> Any:
    """A model's tokenizer alone; raises UnknownModelError where there is no such model, or it comes without one."""
    source = _source(config, registry)
    _read_config(config, source)
    try:
        return AutoTokenizer.from_pretrained(source.place, **source.keywords)
    # ImportError: it needs a package to convert another kind; AttributeError: it looks for files that are not there
    except (OSError, ValueError, ImportError, AttributeError) as error:
        raise UnknownModelError(f"model {config.name!r} has no tokenizer that loads: {_one_line(error)}") from error


def model_folder(config: ModelConfig, registry: Registry | None = None) -> Path:
    """The directory of a model's files; those of a model on the hub are fetched first.

    Raises UnknownModelError where there is no such model, or its files cannot be had.
    """
    source = _source(config, registry)
    _read_config(config, source)
    if Path(source.place).is_dir():
        return Path(source.place)
    fetch = partial(
        snapshot_download,
        source.place,
        revision=config.revision,
        local_files_only=bool(source.keywords.get("local_files_only")),
    )
    try:
        folder = Path(fetch(allow_patterns=[*_FILES, _WEIGHTS]))
        # Older weights are fetched only where they are the only ones.
        return folder if any(folder.rglob(_WEIGHTS)) else Path(fetch(allow_patterns=[*_FILES, _OLDER_WEIGHTS]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnknownModelError(f"the files of model {config.name!r} cannot be had: {_one_line(error)}") from error


_FILES = ("*.json", "*.model", "*.txt", "*.jinja", "*.py")
_WEIGHTS, _OLDER_WEIGHTS = "*.safetensors", "*.bin"


@frozen
class _Source:
    place: str
    keywords: dict[str, Any]
    looked: str  # where it was looked for, for the error


def _source(config: ModelConfig, registry: Registry | None) -> _Source:
    known = default_registry() if registry is None else registry
    embedded = known.model_source(config.name)
    if embedded is not None:
        return _Source(embedded, {"local_files_only": True}, "the plugin that embeds it")
    remote = {"trust_remote_code": config.trust_remote_code, "revision": config.revision}
    if Path(config.name).is_dir():
        return _Source(config.name, {**remote, "local_files_only": True}, "the directory of that name")
    near = difflib.get_close_matches(config.name, known.model_names, n=1)
    looked = (
        f"{f'did you mean {near[0]!r}? ' if near else ''}embedded models: {', '.join(known.model_names) or 'none'}; "
        "there is no directory of that name"
    )
    if _hub_within_reach():
        return _Source(config.name, remote, f"{looked}, and the Hugging Face hub answered")
    return _Source(
        config.name,
        {**remote, "local_files_only": True},
        f"{looked}, and without a network only cached hub models load",
    )


def _hub_within_reach() -> bool:
    """Whether asking the hub is worth while: without a network it would retry for half a minute for each file."""
    if constants.HF_HUB_OFFLINE:
        return False
    endpoint = urlsplit(constants.ENDPOINT)
    if endpoint.scheme in urllib.request.getproxies():
        return True
    try:
        socket.getaddrinfo(endpoint.hostname, endpoint.port or endpoint.scheme)
    except OSError:
        return False
    return True


def _read_config(config: ModelConfig, source: _Source) -> PretrainedConfig:
    try:
        settings: PretrainedConfig = AutoConfig.from_pretrained(source.place, **source.keywords)
    except (OSError, ValueError) as error:
        raise UnknownModelError(f"unknown model {config.name!r}: {source.looked}: {_one_line(error)}") from error
    return settings


def _device(name: str) -> torch.device:
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return torch.device("cpu") if accelerator is None else accelerator
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UnknownModelError(
            f"model.device {name!r} cannot be used here: {_one_line(error)}; use cpu, or auto for an accelerator where "
            "there is one"
        ) from error
    return device


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
