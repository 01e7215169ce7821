"""`AttentionCall`: one attention layer's call as transformers makes it, answered densely or turned into our inputs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import attrs
import torch
from attrs import frozen
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from sah_core import AttentionInputs, AttentionState, Mask, masked_attention
from sah_hf.errors import UnsupportedModelError

from . import own_selection
from .forward_facts import ForwardFacts
from .switch import original_implementation

__all__ = ["AttentionCall", "AttentionResult"]

AttentionResult = tuple[Tensor, Tensor | None]
"""The output (b, q, hq, dv), contiguous, and the weights (b, hq, q, k) where there are any."""

_TAKES_ADDITIVE_MASKS = frozenset({"eager", "sdpa"})
_OF_EACH_QUERY = {"position_bias": 2, "indices": 1, "block_indices": 2}
"""What families pass for each query, and in which dimension."""


@frozen(eq=False)
class AttentionCall:
    """What transformers hands to an attention function.

    ``query`` (b, hq, q, d), ``key`` (b, hkv, k, d) and ``value`` (b, hkv, k, dv), KV heads not repeated; in a
    sliding-window layer the k keys are the window. ``keywords``: whatever else the family passes.
    """

    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    attention_mask: Any  # additive or bool (b, 1, q, k), None, or a form of the original implementation's own
    scaling: float | None
    dropout: float
    keywords: dict[str, Any]

    @property
    def layer(self) -> int:
        """The layer's number in the model; 0 for attention that several layers share and that has none of its own."""
        number = getattr(self.module, "layer_idx", None)
        return max(0, number) if isinstance(number, int) else 0

    @property
    def is_causal(self) -> bool:
        """Whether tokens see only what came before them; cross-attention and encoders are not."""
        given = self.keywords.get("is_causal")
        return bool(getattr(self.module, "is_causal", True) if given is None else given)

    def dense(self) -> AttentionResult:
        """What the model's own implementation makes of it.

        An implementation that cannot read an additive mask, should it be given one, is replaced by the family's eager
        function, which computes the same.
        """
        name = original_implementation(self.module.config)  # type: ignore[arg-type]  # a module's attributes are untyped
        additive = isinstance(self.attention_mask, Tensor) and self.attention_mask.dim() == 4
        if name == "eager" or (additive and name not in _TAKES_ADDITIVE_MASKS):
            return self.eager()
        functions = getattr(_family(self.module), "ALL_ATTENTION_FUNCTIONS", ALL_ATTENTION_FUNCTIONS)
        # An implementation that reads neither form of mask takes the model's own selection as it comes.
        return self._call(functions[name], whole=name in _TAKES_ADDITIVE_MASKS)

    def eager(self) -> AttentionResult:
        """What the eager attention of the model's family makes of it."""
        function = getattr(_family(self.module), "eager_attention_forward", None)
        if function is None:
            raise UnsupportedModelError(
                f"the modelling file of {type(self.module).__name__} has no eager_attention_forward, which dense "
                "layers and the check of the model need"
            )
        return self._call(function, whole=True)

    def rows_from(self, start: int) -> AttentionCall:
        """The same call for its queries from number ``start`` on."""
        return self._rows(slice(start, None))

    def dense_rows(self, stop: int, first: int) -> AttentionResult:
        """`dense` for the queries before number ``stop`` alone; ``first`` is the first one's absolute position."""
        if _of_each_query(self.attention_mask):
            return self._rows(slice(stop)).dense()
        # What an implementation makes of no mask depends on how many queries it is given.
        inputs = self.inputs(first)
        inputs = attrs.evolve(
            inputs,
            queries=inputs.queries[:, :, :stop],
            query_positions=torch.arange(first, first + stop, device=self.query.device),
            attention_mask=inputs.visible[:, :, :stop],
        )
        return masked_attention(inputs, Mask.full(inputs.shape)).transpose(1, 2).contiguous(), None

    def inputs(
        self,
        first: int,
        padding: Tensor | None = None,
        state: AttentionState | None = None,
        facts: ForwardFacts | None = None,
    ) -> AttentionInputs:
        """The same call for our attention.

        ``first`` is the absolute position of the first query, padding columns counted; ``padding`` (b,) int64 how many
        of those columns each row has; ``state`` the request's; ``facts`` what the forward's other layers found out.
        """
        q, k = self.query.shape[2], self.key.shape[2]
        # Keys end with the last query's: a sliding layer holds fewer than there were, a static cache empty ones after.
        key_offset = max(0, first + q - k)
        length = first + q - key_offset
        facts = ForwardFacts() if facts is None else facts
        positions = facts.positions(first, q, self.query.device)
        return AttentionInputs(
            self.query,
            self.key if length == k else self.key[:, :, :length],
            self.value if length == k else self.value[:, :, :length],
            attention_mask=self._mask(positions, key_offset, length, padding, facts),
            scaling=self.scaling,
            softcap=self.keywords.get("softcap"),
            sinks=self.keywords.get("s_aux"),
            dropout=self.dropout,
            layer_idx=self.layer,
            query_positions=positions,
            key_offset=key_offset,
            padding=padding,
            state=state,
        )

    def _rows(self, rows: slice) -> AttentionCall:
        mask, keywords = self.attention_mask, dict(self.keywords)
        if _of_each_query(mask):
            mask = mask[:, :, rows]
        for name, dimension in _OF_EACH_QUERY.items():
            if keywords.get(name) is not None:
                keywords[name] = keywords[name][(*[slice(None)] * dimension, rows)]
        return attrs.evolve(self, query=self.query[:, :, rows], attention_mask=mask, keywords=keywords)

    def _mask(
        self, positions: Tensor, key_offset: int, length: int, padding: Tensor | None, facts: ForwardFacts
    ) -> Tensor | None:
        """What is visible, and what is added to its logits: bool or additive (b or 1, 1 or hq, q, k), or None."""
        visible = self._visible(positions, key_offset, length, padding, facts)
        passed_over = own_selection.passed_over(self.module, self.query, self.key, self.keywords)
        if passed_over is not None:
            visible = own_selection.masked(visible, passed_over[..., :length])
        bias: Tensor | None = self.keywords.get("position_bias")
        if bias is None:
            return visible
        bias = bias[..., :length]
        if visible is None:
            return bias
        if visible.dtype == torch.bool:
            return bias.masked_fill(~visible, torch.finfo(bias.dtype).min)
        return bias + visible

    def _visible(
        self, positions: Tensor, key_offset: int, length: int, padding: Tensor | None, facts: ForwardFacts
    ) -> Tensor | None:
        """What the mask handed in says, or where there was none the causal one; bool (b or 1, 1, q, k)."""
        mask = self.attention_mask
        if isinstance(mask, Tensor) and mask.dim() == 4:
            return facts.mask(mask, length)
        window = self.keywords.get("sliding_window")
        if window is not None and length <= window:
            window = None
        if padding is None and window is None and len(positions) == 1:
            return None
        columns = torch.arange(key_offset, key_offset + length, device=positions.device)
        seen = columns <= positions.unsqueeze(-1)
        if window is not None:
            seen = seen & (columns > positions.unsqueeze(-1) - window)
        seen = seen[None, None]
        return seen if padding is None else seen & (columns >= padding.reshape(-1, 1, 1, 1))

    def _call(self, function: Callable[..., AttentionResult], *, whole: bool) -> AttentionResult:
        """Call it, with a mask that says ``whole`` what is hidden: also what the model's own selection passes over."""
        mask = self.attention_mask
        passed_over = own_selection.passed_over(self.module, self.query, self.key, self.keywords) if whole else None
        if passed_over is not None:
            q, k = self.query.shape[2], self.key.shape[2]
            if mask is None:
                hidden = torch.ones(q, k, dtype=torch.bool, device=self.query.device).triu(k - q + 1)
                passed_over = passed_over | hidden
                mask = self.query.new_zeros(1, 1, q, k)
            mask = own_selection.masked(mask, passed_over)
        return function(
            self.module,
            self.query,
            self.key,
            self.value,
            mask,
            scaling=self.scaling,
            dropout=self.dropout,
            **self.keywords,
        )


def _of_each_query(mask: Any) -> bool:
    return isinstance(mask, Tensor) and mask.dim() == 4 and mask.shape[2] > 1


def _family(module: nn.Module) -> ModuleType | None:
    """The modelling file that this attention module, or the class it derives from, was written in."""
    for origin in type(module).__mro__:
        file = sys.modules.get(origin.__module__)
        if hasattr(file, "eager_attention_forward"):
            return file
    return None
