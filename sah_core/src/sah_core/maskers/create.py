"""From a config, or the mapping that one would write in a file, to a masker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sah_core.composition import Masker
from sah_core.config import parse_masker
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry, default_registry

__all__ = ["create_masker", "create_maskers"]


def create_masker(config: MaskerConfig | Mapping[str, Any], registry: Registry | None = None) -> Masker:
    """The masker that a config describes, from the plugin that offers its kind.

    Raises UnknownMaskerError for a kind nobody offers, ConfigError for fields that do not fit, PluginError for a plugin
    that names a class it does not have.
    """
    registry = default_registry() if registry is None else registry
    parsed = config if isinstance(config, MaskerConfig) else parse_masker(config, registry)
    masker: Masker = registry.masker_class(parsed.kind)(parsed)
    return masker


def create_maskers(
    configs: Iterable[MaskerConfig | Mapping[str, Any]], registry: Registry | None = None
) -> tuple[Masker, ...]:
    """One masker a config, in order."""
    return tuple(create_masker(config, registry) for config in configs)
