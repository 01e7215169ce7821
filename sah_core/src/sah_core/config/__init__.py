"""Configs: what a run is, read from YAML, JSON or a mapping and checked against what is installed, without torch."""

from __future__ import annotations

from sah_core.chain import CompositionWarning

from .attention import AttentionConfig
from .load import load_config, parse_attention, parse_masker
from .run import ModelConfig, ProtocolConfig, RunConfig
from .schema import json_schema

__all__ = [
    "AttentionConfig",
    "CompositionWarning",
    "ModelConfig",
    "ProtocolConfig",
    "RunConfig",
    "json_schema",
    "load_config",
    "parse_attention",
    "parse_masker",
]
