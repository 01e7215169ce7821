"""Sparse Attention Hub's core: masks, their composition, attention from a mask, maskers, plugins and configs.

Importing this package does not import torch; the names that need it are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    CalibrationError,
    CompositionError,
    ConfigError,
    EmptyRowError,
    InputsError,
    MaskError,
    NumericalError,
    PluginError,
    SahError,
    StateError,
    UnknownMaskerError,
    UsageError,
)
from .masker_config import MaskerConfig, Size, StrictFraction, keys_of_size
from .tunable import NotTunable, Tunable

if TYPE_CHECKING:
    from .attention.backend import AttentionOutput, SparseAttention
    from .attention.create import create_attention
    from .attention.efficient import EfficientAttention
    from .attention.maths import attention_denominator, attention_numerator, masked_attention
    from .attention.research import ResearchAttention
    from .calibration.calibrator import Calibrator
    from .calibration.folder import Calibration, load_calibration
    from .calibration.settings import CalibrationSettings
    from .composition import Masker, apply_maskers
    from .config import AttentionConfig, ModelConfig, ProtocolConfig, RunConfig, load_config
    from .growing import GrowingTensor
    from .inputs import AttentionInputs
    from .mask import Mask
    from .maskers import (
        OpenUnits,
        PageIndex,
        PositionalMasker,
        Residual,
        SamplingMasker,
        TopKMasker,
        TopPMasker,
        Units,
        create_masker,
        create_maskers,
    )
    from .plugins import PluginRecord, Registry, default_registry, hookimpl
    from .state import AttentionState, KeyIndex

_LAZY = {
    "AttentionConfig": "config",
    "AttentionInputs": "inputs",
    "AttentionOutput": "attention.backend",
    "AttentionState": "state",
    "Calibration": "calibration.folder",
    "CalibrationSettings": "calibration.settings",
    "Calibrator": "calibration.calibrator",
    "EfficientAttention": "attention.efficient",
    "GrowingTensor": "growing",
    "KeyIndex": "state",
    "Mask": "mask",
    "Masker": "composition",
    "ModelConfig": "config",
    "OpenUnits": "maskers",
    "PageIndex": "maskers",
    "PluginRecord": "plugins",
    "PositionalMasker": "maskers",
    "ProtocolConfig": "config",
    "Registry": "plugins",
    "ResearchAttention": "attention.research",
    "Residual": "maskers",
    "RunConfig": "config",
    "SamplingMasker": "maskers",
    "SparseAttention": "attention.backend",
    "TopKMasker": "maskers",
    "TopPMasker": "maskers",
    "Units": "maskers",
    "apply_maskers": "composition",
    "attention_denominator": "attention.maths",
    "attention_numerator": "attention.maths",
    "create_attention": "attention.create",
    "create_masker": "maskers",
    "create_maskers": "maskers",
    "default_registry": "plugins",
    "hookimpl": "plugins",
    "load_calibration": "calibration.folder",
    "load_config": "config",
    "masked_attention": "attention.maths",
}

__all__ = [
    "AttentionConfig",
    "AttentionInputs",
    "AttentionOutput",
    "AttentionState",
    "Calibration",
    "CalibrationError",
    "CalibrationSettings",
    "Calibrator",
    "CompositionError",
    "ConfigError",
    "EfficientAttention",
    "EmptyRowError",
    "GrowingTensor",
    "InputsError",
    "KeyIndex",
    "Mask",
    "MaskError",
    "Masker",
    "MaskerConfig",
    "ModelConfig",
    "NotTunable",
    "NumericalError",
    "OpenUnits",
    "PageIndex",
    "PluginError",
    "PluginRecord",
    "PositionalMasker",
    "ProtocolConfig",
    "Registry",
    "ResearchAttention",
    "Residual",
    "RunConfig",
    "SahError",
    "SamplingMasker",
    "Size",
    "SparseAttention",
    "StateError",
    "StrictFraction",
    "TopKMasker",
    "TopPMasker",
    "Tunable",
    "Units",
    "UnknownMaskerError",
    "UsageError",
    "apply_maskers",
    "attention_denominator",
    "attention_numerator",
    "create_attention",
    "create_masker",
    "create_maskers",
    "default_registry",
    "hookimpl",
    "keys_of_size",
    "load_calibration",
    "load_config",
    "masked_attention",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
