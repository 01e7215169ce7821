"""`SparseMode`: every forward that continues a filled KV cache attends sparsely."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, NoReturn
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from sah_core import AttentionInputs, AttentionOutput, AttentionState, SparseAttention, UsageError

from .attention_call import AttentionCall, AttentionResult
from .errors import GenerationError
from .forward_facts import ForwardFacts
from .meter import Meter
from .modes import Mode

__all__ = ["OnCall", "SparseMode"]

OnCall = Callable[[AttentionInputs, AttentionOutput], None]
"""Called with each sparse attention call, after its output was computed."""


class SparseMode(Mode):
    """Forwards that begin at column ``sparse_from`` of the cache or later are sparse; the others are the model's own.

    Each KV cache has its own attention state, which begins with the first sparse forward on it: what the cache holds by
    then is the context. A cache that is filled anew starts a new one.

    A sparse forward that is asked for attention weights raises UsageError where the backend has none to give, before it
    has changed the cache.
    """

    def __init__(
        self,
        model: nn.Module,
        attention: SparseAttention,
        dense_layers: Collection[int] = (),
        *,
        sparse_from: int = 1,
        meter: Meter | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        super().__init__(model)
        self.attention = attention
        self.dense_layers = frozenset(dense_layers)
        self.sparse_from = sparse_from
        self.meter = Meter() if meter is None else meter
        self.on_call = on_call
        self.sparse_forwards = 0  # forwards, of the model or of its parts, that were to be sparse
        self._states: WeakKeyDictionary[Any, AttentionState] = WeakKeyDictionary()
        self._guarded: WeakSet[Any] = WeakSet()

    def keep_state(self, cache: Any, state: AttentionState) -> None:
        """Use this state with this cache, instead of a new one."""
        self._states[cache] = state

    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> _SparseForward | None:
        if cache is not None:
            self._guard(cache)
            if filled == 0:
                self._states.pop(cache, None)
        if filled < self.sparse_from:
            return None
        need_weights = self._need_weights(given)
        self.sparse_forwards += 1
        state = self._states.get(cache)
        if state is None:
            state = self._states[cache] = AttentionState(context_length=filled)
        return _SparseForward(self, state, filled, given, need_weights=need_weights)

    def _need_weights(self, given: Mapping[str, Any]) -> bool:
        """Whether the forward is asked for attention weights; refused before a layer has written to the cache."""
        asked = given.get("output_attentions")
        wanted = bool(getattr(self.model.config, "output_attentions", False) if asked is None else asked)
        if wanted and not self.attention.gives_weights:
            raise UsageError(
                "output_attentions was asked for, and the efficient backend has no attention weights over all keys to "
                "give: use kind: research"
            )
        return wanted

    def _guard(self, cache: Any) -> None:
        """Beam search reorders the rows of a cache between forwards; the state's rows would no longer be the same."""
        if "reorder_cache" not in vars(cache):
            cache.reorder_cache = _refuse_reordering
            self._guarded.add(cache)

    def close(self) -> None:
        """Leave the caches as they were."""
        for cache in self._guarded:
            vars(cache).pop("reorder_cache", None)
        self._guarded.clear()


class _SparseForward:
    """One sparse forward with its arguments; ``first`` is the absolute position of its first query."""

    def __init__(
        self, mode: SparseMode, state: AttentionState, first: int, given: Mapping[str, Any], *, need_weights: bool
    ) -> None:
        self.mode = mode
        self.state = state
        self.first = first
        self.attention_mask = given.get("attention_mask")
        self.position_ids = given.get("position_ids")
        self.facts = ForwardFacts()
        self.need_weights = need_weights

    def owns(self, part: object) -> bool:
        return self.mode.owns(part)

    def attend(self, call: AttentionCall) -> AttentionResult:
        if call.layer in self.mode.dense_layers or not call.is_causal:
            return call.dense()
        inputs = call.inputs(self.first, self._padding(call.query), self.state, self.facts)
        output = self.mode.attention(inputs, need_weights=self.need_weights)
        self.mode.meter.record(inputs, output)
        if self.mode.on_call is not None:
            self.mode.on_call(inputs, output)
        weights = None if output.weights is None else output.weights.to(call.query.dtype)
        return output.output.transpose(1, 2).contiguous(), weights

    def _padding(self, query: Tensor) -> Tensor | None:
        """Left-padding columns of each row, (b,), on the query's device; None where nothing tells."""
        if self.attention_mask is None:
            return torch.zeros(query.shape[0], dtype=torch.int64, device=query.device)
        gaps = self._leading_gaps
        return None if gaps is None or gaps.shape[0] != query.shape[0] else gaps.to(query.device)

    @cached_property
    def _leading_gaps(self) -> Tensor | None:
        mask, places = self.attention_mask, self.position_ids
        if isinstance(mask, Tensor) and mask.dim() == 2:
            return _leading_zeros(mask)
        # `generate` makes masks for a static cache beforehand; its positions count tokens, and ours columns.
        if isinstance(places, Tensor) and places.dim() == 2:
            return (self.first - places[:, 0]).clamp(0, self.first)
        return None


def _leading_zeros(mask: Tensor) -> Tensor:
    """How many columns of each row of a mask (b, k) come before its first token, int64 (b,)."""
    if bool((mask[:, 0] != 0).all()):  # no padding, as most often: no need to look through all columns
        return torch.zeros(mask.shape[0], dtype=torch.int64, device=mask.device)
    return (mask == 0).long().cumprod(-1).sum(-1)


def _refuse_reordering(*args: Any, **keywords: Any) -> NoReturn:
    raise GenerationError(
        "beam search reorders the KV cache, and the indexes of sparse attention cannot follow: "
        "use num_beams=1 (greedy or sampling) inside a sparse mode"
    )
