"""A KV cache as plain values and named tensors, and back into a cache of the model's own making.

Nothing that was saved is ever imported or called: the objects of a rebuilt cache are copies of those that the model
made, whose classes must have the names that were saved.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from attrs import define, field
from torch import Tensor

from sah_hf.contexts.cache import is_cache_part
from sah_hf.errors import SavedContextError

__all__ = ["CacheWriter", "rebuilt"]

_LEFT_TO_THE_MODEL = (torch.dtype, torch.device, type)


@define
class CacheWriter:
    """Takes a cache apart. ``tensors`` are contiguous and share no memory; one that several places hold is there once.

    A view is saved as what it shows: of a sliding window not the longer tensor that it may be the end of.
    """

    tensors: dict[str, Tensor] = field(factory=dict)
    _known: dict[tuple[Any, ...], tuple[str, Tensor]] = field(factory=dict)

    def described(self, value: Any, place: str) -> Any:
        """The value as JSON takes it; SavedContextError for what is neither plain nor a part of a cache."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Tensor):
            return {"tensor": self._named(value, place)}
        if isinstance(value, list | tuple):
            return {"list": [self.described(item, f"{place}.{at}") for at, item in enumerate(value)]}
        if isinstance(value, dict) and all(isinstance(key, int | str) for key in value):
            return {"dict": [[key, self.described(item, f"{place}.{key}")] for key, item in value.items()]}
        if isinstance(value, _LEFT_TO_THE_MODEL):
            return {"own": type(value).__name__}
        if is_cache_part(value):
            fields = {name: self.described(item, f"{place}.{name}") for name, item in vars(value).items()}
            return {"object": type(value).__name__, "fields": fields}
        raise SavedContextError(f"{place} is a {type(value).__name__}, which cannot be saved: keep the context open")

    def _named(self, tensor: Tensor, place: str) -> str:
        view = (tensor.device, tensor.dtype, tensor.data_ptr(), tuple(tensor.shape), tensor.stride())
        known = self._known.get(view)
        if known is None or not tensor.numel():
            whole = tensor.detach().cpu().contiguous()
            if whole.untyped_storage().nbytes() != whole.nbytes:
                whole = whole.clone()
            self.tensors[place] = whole
            known = self._known[view] = (place, tensor)  # kept, so that its memory is not another's meanwhile
        return known[0]


def rebuilt(description: Any, tensors: Mapping[str, Tensor], empty: Any, place: str = "cache") -> Any:
    """What was described, in the form of ``empty``: the same part of a cache that the model has made.

    Raises SavedContextError where the model's cache has another form, as that of another version may.
    """
    if not isinstance(description, dict):
        return description
    if "tensor" in description:
        return _placed(tensors[description["tensor"]], empty, place)
    if "list" in description:
        parts = empty if isinstance(empty, list | tuple) else ()
        items = [
            rebuilt(item, tensors, parts[at] if at < len(parts) else None, f"{place}.{at}")
            for at, item in enumerate(description["list"])
        ]
        return tuple(items) if isinstance(empty, tuple) else items
    if "dict" in description:
        held = empty if isinstance(empty, dict) else {}
        return {key: rebuilt(item, tensors, held.get(key), f"{place}.{key}") for key, item in description["dict"]}
    if "own" in description:
        return empty
    if type(empty).__name__ != description["object"]:
        raise SavedContextError(
            f"{place} was a {description['object']} and is a {type(empty).__name__} in a cache that this model makes: "
            "the context was saved with another version of transformers; read it again"
        )
    found = copy.copy(empty)
    for name, item in description["fields"].items():
        setattr(found, name, rebuilt(item, tensors, vars(empty).get(name), f"{place}.{name}"))
    return found


def _placed(tensor: Tensor, empty: Any, place: str) -> Tensor:
    """The tensor where the model has its like, which differs at most in how many tokens it holds."""
    if not isinstance(empty, Tensor):
        return tensor
    same = sum(a != b for a, b in zip(tensor.shape, empty.shape, strict=False)) <= 1
    if tensor.dtype != empty.dtype or tensor.dim() != empty.dim() or not same:
        raise SavedContextError(
            f"{place} has {tensor.dtype} of shape {tuple(tensor.shape)}, and this model keeps {empty.dtype} of shape "
            f"{tuple(empty.shape)} there for one token: the context was saved with another version of transformers; "
            "read it again"
        )
    return tensor.to(empty.device)
