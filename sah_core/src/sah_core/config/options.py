"""Options handed on to another library: a mapping of JSON values that cannot be changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Options"]


class Options(Mapping[str, Any]):
    """An immutable, hashable mapping of names to JSON values.

    Reading gives plain lists and dicts, each time a copy, so ``dict(options)`` is what other libraries expect.
    Two are equal where their JSON is: 1, 1.0 and true differ. Raises ``ValueError`` for what JSON cannot hold.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        try:
            self._text = json.dumps(dict(values or {}), sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "Input should hold strings, finite numbers, true, false, null, lists and mappings, as JSON does"
            ) from error
        self._values: dict[str, Any] = json.loads(self._text)

    def __getitem__(self, name: str) -> Any:
        return copy.deepcopy(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        try:
            return self._text == (other if isinstance(other, Options) else Options(other))._text
        except ValueError:
            return False

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Options({self._values!r})"
