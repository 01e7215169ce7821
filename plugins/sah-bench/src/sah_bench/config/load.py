"""From a file or a mapping to a checked benchmark, with every problem told in a line of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sah_core.config.files import read_config_file
from sah_core.config.problems import config_error
from sah_core.errors import ConfigError
from sah_core.plugins import Registry

from .bench import BenchConfig

__all__ = ["load_bench"]


def load_bench(
    source: str | os.PathLike[str] | Mapping[str, Any],
    registry: Registry | None = None,
    changes: Mapping[str, Any] | None = None,
) -> BenchConfig:
    """Read and check a benchmark's config: a YAML or JSON file, or a mapping of the same form.

    ``changes`` replace whole fields of it. Maskers, tasks, scorers and metrics are looked up in ``registry`` (default:
    what is installed). Raises ConfigError with a line for each problem, as `load_config` does.
    """
    where: Callable[[Sequence[str | int]], str] | None = None
    if isinstance(source, str | os.PathLike):
        file = read_config_file(source)
        value: Any = file.value
        written = file.where

        def where(path: Sequence[str | int]) -> str:
            return "" if path and path[0] in (changes or {}) else written(path)

    else:
        value = source
        if not isinstance(value, Mapping):
            raise ConfigError(f"a benchmark is a mapping, not {value!r}")
    value = {name: given for name, given in value.items() if name != "$schema"} | dict(changes or {})
    try:
        return BenchConfig.model_validate(value, context={"registry": registry})
    except ValidationError as error:
        raise config_error(error, value, where) from error
