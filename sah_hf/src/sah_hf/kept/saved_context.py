"""Save a kept context, and make one again of what was saved: of the same model, without reading a token anew."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sah_hf.contexts.cache import held_bytes
from sah_hf.contexts.read_context import ReadContext, Reading, read_context
from sah_hf.errors import SavedContextError
from sah_hf.models.fingerprint import model_fingerprint
from sah_hf.modes.call_states import CallStates
from sah_hf.modes.mode import DenseMode
from sah_hf.requests.room import check_context_room

from .kept_context import KeptContext
from .saved_cache import CacheWriter, rebuilt
from .saved_folder import read_record, read_tensors, write_folder
from .saved_indexes import attention_identity, described_states, expected_states

if TYPE_CHECKING:
    from sah_hf.adapter import ModelAdapterHF

__all__ = ["load_context", "save_context"]

_PLACING = ("rope_parameters", "rope_scaling", "rope_theta", "sliding_window", "layer_types")


def save_context(context: KeptContext, folder: str | os.PathLike[str]) -> None:
    """Write a context to a folder, as `KeptContext.save` says; the caller holds its turn."""
    adapter, read = context.adapter, context.read
    writer = CacheWriter()
    cache = writer.described(read.cache, "cache")
    identity = None
    if adapter.attention is not None and adapter.attention_config is not None:
        identity = attention_identity(adapter.attention_config, adapter.attention)
    record = {
        "model": {"name": adapter.name, "class": type(read.model).__name__, "fingerprint": _fingerprint(read.model)},
        "dtype": _dtype(read.model),
        "positions": _positions(read.model),
        "tokens": read.tokens,
        "chat": context.chat,
        "seconds": read.seconds,
        "peak_bytes": read.peak_bytes,
        "read_by": read.attention,
        "reading": _described(read.reading),
        "cache": cache,
        "attention": identity,
        "indexes": described_states(context.states, writer.tensors),
        "versions": {name: version(name) for name in ("sah-core", "sah-hf", "torch", "transformers")},
    }
    write_folder(folder, record, writer.tensors)


def load_context(adapter: ModelAdapterHF, folder: str | os.PathLike[str]) -> KeptContext:
    """The context that a folder holds, for questions to this adapter, as `ModelAdapterHF.load_context` says."""
    record = read_record(folder)
    model, tokens = adapter.model, record["tokens"]
    _check_model(model, record, str(folder))
    check_context_room(model, len(tokens))
    reading = adapter.reading
    if record["reading"] != _described(reading):
        raise SavedContextError(_another_reading(record["reading"], reading, str(folder)))
    tensors = read_tensors(folder, record)
    # One token shows the form of the model's own cache, whichever class makes it.
    empty = read_context(DenseMode(model), tokens[:1]).cache
    cache = rebuilt(record["cache"], tensors, empty)
    read = ReadContext(
        tokens,
        cache,
        record["seconds"],
        held_bytes(cache),
        model,
        reading,
        attention=record["read_by"],
        peak_bytes=record["peak_bytes"],
    )
    return KeptContext(adapter, read, chat=record["chat"], states=_states(adapter, record, tensors))


def _check_model(model: Any, record: dict[str, Any], folder: str) -> None:
    saved, fingerprint, dtype = record["model"], _fingerprint(model), _dtype(model)
    if saved["fingerprint"] != fingerprint:
        raise SavedContextError(
            f"the context in {folder!r} was read by {saved['name']}, a {saved['class']} (fingerprint "
            f"{saved['fingerprint']}), and this model is another one, a {type(model).__name__} ({fingerprint}): "
            "read it with this model"
        )
    if record["dtype"] != dtype:
        raise SavedContextError(
            f"the context in {folder!r} was read in {record['dtype']}, and this model computes in {dtype}: "
            f"load the model in {record['dtype']}, or read the context again"
        )
    if record["versions"]["transformers"] != version("transformers"):
        return  # which may say the same in other words
    now = _positions(model)
    for name, then in record["positions"].items():
        if now.get(name) != then:
            raise SavedContextError(
                f"the context in {folder!r} was read with {name} {then}, and this model's config has {now.get(name)}: "
                "its keys would stand elsewhere; read it again with this model"
            )


def _states(adapter: ModelAdapterHF, record: dict[str, Any], tensors: Any) -> CallStates:
    """With the saved indexes where they are what the adapter's maskers would fit, else without any."""
    attention, config, context = adapter.attention, adapter.attention_config, len(record["tokens"])
    if attention is None or config is None or record["attention"] != attention_identity(config, attention):
        return CallStates(context)
    return expected_states(record["indexes"], tensors, config, context)


def _another_reading(saved: Any, reading: Reading | None, folder: str) -> str:
    then, now = ("densely" if each is None else "sparsely" for each in (saved, reading))
    how = "with another attention config" if then == now else f"{then}, and this adapter's protocol reads {now}"
    return f"the context in {folder!r} was read {how}: load it with an adapter like the one that read it"


def _positions(model: Any) -> dict[str, str]:
    """What decides, beside the weights, how keys know their places and which of them a layer keeps."""
    config = model.config.get_text_config()
    found = {name: getattr(config, name, None) for name in _PLACING}
    return {name: json.dumps(value, sort_keys=True, default=str) for name, value in found.items()}


def _described(reading: Reading | None) -> Any:
    """As it is in a file, so that two of them compare as files do: 1 is not 1.0."""
    if reading is None:
        return None
    config, first_tokens_dense = reading
    return json.dumps({"attention": config.model_dump(mode="json"), "first_tokens_dense": first_tokens_dense})


def _fingerprint(model: Any) -> str:
    if any(parameter.is_meta for parameter in model.parameters()):
        raise SavedContextError(
            f"the weights of this {type(model).__name__} are offloaded in part, and cannot be told from "
            "others: a context is saved and loaded with a model that is wholly in memory"
        )
    return model_fingerprint(model)


def _dtype(model: Any) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")
