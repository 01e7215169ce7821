"""The probe: find out, on two tokens, which layers of a model sparse attention can take over, before relying on it.

A model whose attention does not come through transformers' interface would silently stay dense; one that computes more
than softmax attention there would silently answer wrongly. Both are refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from sah_core import Mask, masked_attention
from sah_hf.attention import own_selection
from sah_hf.attention.attention_call import AttentionCall, AttentionResult
from sah_hf.errors import UnsupportedModelError
from sah_hf.models.offloaded import computes_on

from .attention_function import register
from .mode import Mode, opened

__all__ = ["routed_layers"]

_COMPRESSED = ("compressed_sparse_attention", "heavily_compressed_attention")
_RELATIVE_TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-3}  # half precision: 5e-2


def routed_layers(model: Any) -> tuple[int, ...]:
    """The layers whose attention calls reach us, in order: those that can be sparse.

    Runs the model once on two tokens. Raises UnsupportedModelError where no call does, or where dense attention from
    the tensors of a call is not what the model's family computes.
    """
    name = _name(model)
    if not callable(getattr(model, "generate", None)) or getattr(model.config, "is_encoder_decoder", False):
        raise UnsupportedModelError(f"{name} is not a decoder-only language model that can generate text")
    compressed = set(_COMPRESSED) & set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    if compressed:
        raise UnsupportedModelError(
            f"{name} attends to keys that stand for several tokens each ({min(compressed)}), which have no position "
            "of their own"
        )
    embedding = getattr(model.get_input_embeddings(), "weight", None)
    if embedding is None:
        raise UnsupportedModelError(f"{name} does not read one token id a position: it embeds several, or none")
    register()
    mode = _ProbeMode(model, tokens=2)
    tokens = (
        torch.arange(mode.tokens, device=computes_on(model.get_input_embeddings()))
        .remainder(embedding.shape[0])
        .unsqueeze(0)
    )
    try:
        with torch.no_grad(), opened(mode):
            model(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UnsupportedModelError(f"{name} cannot read two tokens: {type(error).__name__}: {said}") from error
    if not mode.layers:
        raise UnsupportedModelError(
            f"{name} does not route its attention through transformers' AttentionInterface: on a two-token probe no "
            "causal attention call reached us, so nothing in it could be sparse"
        )
    return tuple(sorted(mode.layers))


class _ProbeMode(Mode):
    """Answers every call densely and looks at what it was."""

    def __init__(self, model: Any, tokens: int) -> None:
        super().__init__(model)
        self.tokens = tokens
        self.layers: set[int] = set()

    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> _ProbeMode:
        return self

    def attend(self, call: AttentionCall) -> AttentionResult:
        name = _name(self.model)
        if not own_selection.is_known(call.module, call.query, call.keywords):
            passed = ", ".join(name for name in own_selection.SELECTIONS if call.keywords.get(name) is not None)
            raise UnsupportedModelError(
                f"{name} has a sparse attention of its own (it passes {passed}) in a form that is not known here, so "
                "ours would undo it"
            )
        call = attrs.evolve(call, dropout=0.0)  # a model in training would be compared by chance
        answer = call.eager()
        if not call.is_causal:
            return answer
        if call.query.shape[2] != self.tokens or call.key.shape[2] != self.tokens:
            raise UnsupportedModelError(
                f"layer {call.layer} of {name} attends from {call.query.shape[2]} queries to {call.key.shape[2]} keys "
                f"where there are {self.tokens} tokens, so its keys have no token positions"
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
