"""The probe: find out, on two tokens, which layers of a model sparse attention can take over, before relying on it.

A model whose attention does not come through transformers' interface would silently stay dense; one that computes more
than softmax attention there would silently answer wrongly. Both are refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sah_core import Mask, masked_attention

from .attention_call import AttentionCall, AttentionResult
from .attention_function import register
from .errors import UnsupportedModelError
from .modes import Mode, opened

__all__ = ["routed_layers"]

_OWN_SPARSITY = ("indices", "block_indices")
_RELATIVE_TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-3}  # half precision: 5e-2


def routed_layers(model: Any) -> tuple[int, ...]:
    """The layers whose attention calls reach us, in order: those that can be sparse.

    Runs the model once on two tokens. Raises UnsupportedModelError where no call does, or where dense attention from
    the tensors of a call is not what the model's family computes.
    """
    name = _name(model)
    if not callable(getattr(model, "generate", None)) or getattr(model.config, "is_encoder_decoder", False):
        raise UnsupportedModelError(f"{name} is not a decoder-only language model that can generate text")
    register()
    mode = _ProbeMode(model)
    embedding = model.get_input_embeddings().weight
    tokens = torch.arange(2, device=embedding.device).remainder(embedding.shape[0]).unsqueeze(0)
    with torch.no_grad(), opened(mode):
        model(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False)
    if not mode.layers:
        raise UnsupportedModelError(
            f"{name} does not route its attention through transformers' AttentionInterface: on a two-token probe no "
            "causal attention call reached us, so nothing in it could be sparse"
        )
    return tuple(sorted(mode.layers))


class _ProbeMode(Mode):
    """Answers every call densely and looks at what it was."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.layers: set[int] = set()

    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> _ProbeMode:
        return self

    def attend(self, call: AttentionCall) -> AttentionResult:
        name = _name(self.model)
        for keyword in _OWN_SPARSITY:
            if call.keywords.get(keyword) is not None:
                raise UnsupportedModelError(
                    f"{name} has a sparse attention of its own (it passes {keyword}), which ours would undo"
                )
        answer = call.eager()
        if not call.is_causal:
            return answer
        if not isinstance(getattr(call.module, "layer_idx", None), int):
            raise UnsupportedModelError(f"the attention layers of {name} have no layer_idx to tell them apart")
        if call.layer in self.layers:
            raise UnsupportedModelError(
                f"layer {call.layer} of {name} attends more than once in a forward: its indexes would mix"
            )
        self.layers.add(call.layer)
        inputs = call.inputs(first=0)
        output = masked_attention(inputs, Mask.full(inputs.shape)).transpose(1, 2)
        if not _agree(output, answer[0]):
            known = ", ".join(sorted(keyword for keyword, value in call.keywords.items() if value is not None))
            raise UnsupportedModelError(
                f"layer {call.layer} of {name} computes something else than softmax attention from its queries, keys "
                f"and values (it was given {known or 'no further arguments'}); sparse attention would be wrong"
            )
        return answer


def _agree(output: Tensor, expected: Tensor) -> bool:
    if output.shape != expected.shape:
        return False
    tolerance = _RELATIVE_TOLERANCE.get(expected.dtype, 5e-2)
    return bool((output - expected).abs().max() <= tolerance * expected.abs().max())


def _name(model: Any) -> str:
    return f"{type(model).__name__} (model type {getattr(model.config, 'model_type', 'unknown')!r})"
