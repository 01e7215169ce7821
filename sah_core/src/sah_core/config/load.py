"""From a file or a mapping to a checked config, with every problem told in a line of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from sah_core.errors import ConfigError
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry

from .attention import AnyMasker, AttentionConfig
from .files import read_config_file
from .problems import config_error
from .run import RunConfig

__all__ = ["load_config", "parse_attention", "parse_masker"]

Model = TypeVar("Model", bound=BaseModel)

_MASKER: TypeAdapter[MaskerConfig] = TypeAdapter(AnyMasker)


def load_config(source: str | os.PathLike[str] | Mapping[str, Any], registry: Registry | None = None) -> RunConfig:
    """Read and check a run's config: a YAML or JSON file, or a mapping of the same form.

    Maskers are looked up in ``registry`` (default: what is installed). torch is not imported.
    Raises ``ConfigError`` with a line for each problem, such as ``run.yaml:6:7 attention.maskers[1].window: ...``
    (for a mapping the path alone), and ``UnknownMaskerError`` if unknown maskers are all that is wrong.
    """
    if isinstance(source, str | os.PathLike):
        file = read_config_file(source)
        try:
            return RunConfig.model_validate(file.value, context={"registry": registry})
        except ValidationError as error:
            raise config_error(error, file.value, file.where) from error
    return _checked(RunConfig, source, registry)


def parse_attention(source: Mapping[str, Any], registry: Registry | None = None) -> AttentionConfig:
    """Check an ``attention`` section alone; raises as ``load_config`` does."""
    return _checked(AttentionConfig, source, registry)


def parse_masker(source: Mapping[str, Any], registry: Registry | None = None) -> MaskerConfig:
    """Check one entry of ``maskers`` alone; raises as ``load_config`` does."""
    return _checked(_MASKER, source, registry)


def _checked(model: type[Model] | TypeAdapter[Model], source: object, registry: Registry | None) -> Model:
    validate = model.validate_python if isinstance(model, TypeAdapter) else model.model_validate
    if not isinstance(source, Mapping | BaseModel):
        raise ConfigError(f"a config is a mapping, not {source!r}")
    try:
        return validate(source, context={"registry": registry})
    except ValidationError as error:
        raise config_error(error, source) from error
