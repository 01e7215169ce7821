"""`SahOptions`: what ``--model_args`` of ``lm_eval --model sah`` may hold, checked before a model is loaded."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from attrs import frozen

from sah_core import ConfigError, ModelConfig, RunConfig, load_config

from .split import SplitRule

__all__ = ["SahOptions"]

_PASSED_ON = (
    "add_bos_token",
    "batch_size",
    "chat_template_args",
    "enable_thinking",
    "logits_cache",
    "max_batch_size",
    "max_length",
    "mixed_precision_dtype",
    "prefix_token_id",
    "softmax_dtype",
    "think_end_token",
    "truncation",
    "use_fast_tokenizer",
)
"""lm_eval's own model takes them, and they mean something for a model that is loaded already."""
_IN_THE_CONFIG = ("pretrained", "dtype", "revision")
_OURS = ("config", "context_field", "device", "split", "trust_remote_code")


@frozen
class SahOptions:
    """The run config, the model that it names, how prompts are split, and what lm_eval's own model is told."""

    run: RunConfig
    model: ModelConfig
    split: SplitRule
    passed_on: dict[str, Any]

    @classmethod
    def read(cls, given: Mapping[str, Any], parent: Callable[..., Any]) -> SahOptions:
        """From the options by name; ``parent`` is the constructor of lm_eval's own model.

        Raises ConfigError for an unknown option, no config, a config that is wrong or names no model.
        """
        known = set(inspect.signature(parent).parameters)
        passed_on = tuple(name for name in _PASSED_ON if name in known)
        for name in given:
            _check_name(name, (*_OURS, *passed_on), known)
        if not isinstance(given.get("config"), str):
            raise ConfigError("--model sah needs a run config: --model_args config=run.yaml")
        run = load_config(given["config"])
        if run.model is None:
            raise ConfigError(
                f"{given['config']} names no model: add  model: needle  or another name or directory to it"
            )
        return cls(
            run,
            _placed(run.model, given),
            SplitRule.parse(given.get("split", "auto"), given.get("context_field", "context")),
            {name: given[name] for name in passed_on if name in given},
        )


def _check_name(name: str, taken: tuple[str, ...], parents: set[str]) -> None:
    if name in taken:
        return
    if name in _IN_THE_CONFIG:
        raise ConfigError(f"{name} is the run config's to say, in its model section: leave it out of --model_args")
    if name in parents:
        raise ConfigError(
            f"{name} is for a model that lm_eval loads itself; --model sah loads the run config's: leave it out"
        )
    near = difflib.get_close_matches(name, taken, n=1)
    meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(taken))}"
    raise ConfigError(f"--model sah has no option {name!r}: {meant}")


def _placed(model: ModelConfig, given: Mapping[str, Any]) -> ModelConfig:
    """On lm_eval's --device where the config leaves it open; cuda:0 is also what it says where nobody asked."""
    device = str(given.get("device") or "auto")
    leave = model.device != "auto" or (device.startswith("cuda") and not torch.cuda.is_available())
    return ModelConfig(
        **{
            **model.model_dump(),
            "device": model.device if leave else device,
            "trust_remote_code": model.trust_remote_code or given.get("trust_remote_code") is True,
        }
    )
