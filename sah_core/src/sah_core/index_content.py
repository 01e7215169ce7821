"""What an index holds, taken out of it and put into another: tensors and plain values by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from torch import Tensor, device

from .errors import StateError
from .growing import GrowingTensor

__all__ = ["IndexContent", "SavedIndex", "content_of", "fill"]

IndexContent = Mapping[str, Tensor | int | float | None]
"""An attribute's value under its name; what a dict holds under ``attribute.key``."""


@frozen(eq=False)
class SavedIndex:
    """The content of an index of keys in ``rows``, batch and KV heads, that was fitted on the first ``fitted``."""

    rows: tuple[int, int]
    fitted: int
    content: IndexContent

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return sum(value.nbytes for value in self.content.values() if isinstance(value, Tensor))

    def on(self, device: device) -> IndexContent:
        """The content, its tensors on this device."""
        return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in self.content.items()}


def content_of(owner: object, names: Sequence[str]) -> IndexContent:
    """What the attributes of these names hold; a GrowingTensor's entries, None before it has any."""
    return {full: value for name in names for full, value in _flat(name, getattr(owner, name))}


def fill(owner: object, names: Sequence[str], content: IndexContent) -> None:
    """Set the attributes of these names to what they held when `content_of` took it.

    Raises StateError where the content lacks something that the owner, just made, has a place for.
    """
    for name in names:
        setattr(owner, name, _filled(name, getattr(owner, name, None), content))


def _flat(name: str, value: Any) -> Iterator[tuple[str, Tensor | int | float | None]]:
    if isinstance(value, GrowingTensor):
        yield name, value.entries if len(value) else None
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}", item)
    elif value is None or isinstance(value, Tensor | int | float):
        yield name, value
    else:
        raise StateError(f"an index cannot be saved with {name}, a {type(value).__name__}, in it")


def _filled(name: str, place: Any, content: IndexContent) -> Any:
    if isinstance(place, Mapping):
        return {key: _filled(f"{name}.{key}", item, content) for key, item in place.items()}
    if name not in content:
        raise StateError(f"the saved index has no {name}: it was saved by another version of its masker")
    value = content[name]
    if not isinstance(place, GrowingTensor):
        return value
    growing = GrowingTensor()
    if isinstance(value, Tensor):
        growing.append(value)
    return growing
