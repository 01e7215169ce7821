"""Build a tiny random model of a model type that transformers maps to a causal language model."""

from __future__ import annotations

import difflib
from copy import deepcopy
from typing import Any

import torch
from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from sah_core import UsageError

from .families import DEFAULTS
from .shrinking import shrunk
from .weights import randomise

__all__ = ["build_tiny_model", "class_of", "model_types"]


def model_types() -> tuple[str, ...]:
    """Every model type that the installed transformers maps to a causal language model, sorted."""
    return tuple(sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))


def class_of(model_type: str) -> str:
    """The name of the class that it maps a model type to; UsageError where there is no such type."""
    name = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
    if name is None:
        near = difflib.get_close_matches(model_type, model_types(), n=1)
        raise UsageError(
            f"{model_type!r} is no model type that transformers maps to a causal language model"
            f"{f': did you mean {near[0]!r}?' if near else ''}"
        )
    return str(name)


def build_tiny_model(model_type: str) -> Any:
    """A tiny random model of a type, in float32, the same every time; raises whatever building it raises."""
    default: PretrainedConfig = CONFIG_MAPPING[model_type](**deepcopy(DEFAULTS.get(model_type, {})))
    model_class: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(default)]
    if model_class.config_class is not type(default):
        default = default.get_text_config(decoder=True)  # the class is that of the text part alone
    config = shrunk(default)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class._from_config(config, attn_implementation="eager", dtype=torch.float32)
    randomise(model)
    return model.eval()
