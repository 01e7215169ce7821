"""From the ``attention`` section of a config to the backend that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sah_core.config import AttentionConfig, parse_attention
from sah_core.plugins import Registry

from .backend import SparseAttention
from .efficient import EfficientAttention
from .research import ResearchAttention

__all__ = ["create_attention"]


def create_attention(config: AttentionConfig | Mapping[str, Any], registry: Registry | None = None) -> SparseAttention:
    """The backend that ``config.kind`` names, with the config's maskers and seed; errors as `load_config`'s."""
    parsed = config if isinstance(config, AttentionConfig) else parse_attention(config, registry)
    backend = EfficientAttention if parsed.kind == "efficient" else ResearchAttention
    return backend.from_config(parsed, registry)
