"""From a file or a mapping to a checked benchmark or search, with every problem told in a line of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sah_core.config.files import read_config_file
from sah_core.config.problems import config_error
from sah_core.errors import ConfigError
from sah_core.plugins import Registry

from .bench import BenchConfig
from .tune import TuneConfig

__all__ = ["load_bench", "load_tune"]

Model = TypeVar("Model", bound=BaseModel)


def load_bench(
    source: str | os.PathLike[str] | Mapping[str, Any],
    registry: Registry | None = None,
    changes: Mapping[str, Any] | None = None,
) -> BenchConfig:
    """Read and check a benchmark's config: a YAML or JSON file, or a mapping of the same form.

    ``changes`` replace whole fields of it. Maskers, tasks, scorers and metrics are looked up in ``registry`` (default:
    what is installed). Raises ConfigError with a line for each problem, as `load_config` does.
    """
    return _loaded(BenchConfig, "a benchmark", source, registry, changes)


def load_tune(
    source: str | os.PathLike[str] | Mapping[str, Any],
    registry: Registry | None = None,
    changes: Mapping[str, Any] | None = None,
) -> TuneConfig:
    """Read and check a search's config; all is as in `load_bench`."""
    return _loaded(TuneConfig, "a search", source, registry, changes)


def _loaded(
    model: type[Model],
    what: str,
    source: str | os.PathLike[str] | Mapping[str, Any],
    registry: Registry | None,
    changes: Mapping[str, Any] | None,
) -> Model:
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
            raise ConfigError(f"{what} is a mapping, not {value!r}")
    value = {name: given for name, given in value.items() if name != "$schema"} | dict(changes or {})
    try:
        return model.model_validate(value, context={"registry": registry})
    except ValidationError as error:
        raise config_error(error, value, where) from error
