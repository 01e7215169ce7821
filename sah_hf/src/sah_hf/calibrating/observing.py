"""A mode in which the model attends as it was found, and somebody looks at every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from sah_core import AttentionInputs
from sah_hf.attention.attention_call import AttentionCall, AttentionResult
from sah_hf.modes.attention_function import register
from sah_hf.modes.mode import Mode

__all__ = ["ObservingMode"]


class ObservingMode(Mode):
    """Hands the inputs of every causal attention call, beginning at an empty cache, to ``observe``."""

    def __init__(self, model: nn.Module, observe: Callable[[AttentionInputs], None]) -> None:
        register()
        super().__init__(model)
        self.observe = observe

    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> ObservingMode:
        return self

    def attend(self, call: AttentionCall) -> AttentionResult:
        """Answer as the model would, and show what was asked."""
        if call.is_causal:
            self.observe(call.inputs(first=0))
        return call.dense()
