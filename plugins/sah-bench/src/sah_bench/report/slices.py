"""What belongs into one table or plot: the configs that answered the same questions under the same protocol."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from .groups import Group

__all__ = ["Slice", "slices"]


@frozen
class Slice:
    """Groups of one model, task, length and protocol; dense attention comes first, whatever the protocol."""

    model: str
    task: str
    length: int | None
    protocol: str
    groups: tuple[Group, ...]
    title: str
    """Names the slice, and leaves out what all slices have in common."""


def slices(groups: Iterable[Group]) -> list[Slice]:
    """Groups by model, task, length and protocol, each in the order of its first group."""
    groups = list(groups)
    dense: dict[tuple[str, str, int | None], list[Group]] = {}
    found: dict[tuple[str, str, int | None], dict[str, list[Group]]] = {}
    for group in groups:
        key = (group.model, group.task, group.length)
        protocols = found.setdefault(key, {})
        if group.protocol == "dense":
            dense.setdefault(key, []).append(group)
        else:
            protocols.setdefault(group.protocol, []).append(group)
    models = {group.model for group in groups}
    parts = []
    for key, protocols in found.items():
        for protocol, sparse in (protocols or {"dense": []}).items():
            title = _title(*key, protocol, named=len(models) > 1)
            parts.append(Slice(*key, protocol, (*dense.get(key, []), *sparse), title))
    return parts


def _title(model: str, task: str, length: int | None, protocol: str, *, named: bool) -> str:
    where = f"{model}: {task}" if named else task
    where = where if length is None else f"{where} at {length} tokens"
    return where if protocol == "dense" else f"{where}, sparse from {protocol}"
