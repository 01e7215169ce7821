"""`SparseMode`: from some column of the KV cache on, every query attends sparsely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from sah_core import AttentionInputs, AttentionOutput, SparseAttention, UsageError
from sah_hf.attention.attention_call import AttentionCall, AttentionResult
from sah_hf.attention.forward_facts import ForwardFacts
from sah_hf.models.model_input import check_beside

from .call_states import CallStates
from .generating import current_generation
from .known_caches import KnownCaches
from .meter import Meter
from .mode import Mode

__all__ = ["OnCall", "SparseMode"]

OnCall = Callable[[AttentionInputs, AttentionOutput], None]
"""Called with each sparse attention call, after its output was computed."""


class SparseMode(Mode):
    """Queries from column ``sparse_from`` of the cache on are sparse; those before it are the model's own.

    Without ``sparse_from`` that is, for each cache, where its prompt ends: what fills it in one forward, or what it
    holds when it is first seen. ``first_tokens_dense`` moves that place on. A forward that lies on both sides of it is
    split, layer by layer.

    Each KV cache has its own attention states, which begin with the first sparse forward on it: what the cache holds by
    then is the context. A cache that is filled anew starts new ones.

    A sparse forward that is asked for attention weights raises UsageError where the backend has none to give, before it
    has changed the cache.
    """

    def __init__(
        self,
        model: nn.Module,
        attention: SparseAttention,
        dense_layers: Collection[int] = (),
        *,
        sparse_from: int | None = None,
        first_tokens_dense: int = 0,
        meter: Meter | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        super().__init__(model)
        self.attention = attention
        self.dense_layers = frozenset(dense_layers)
        self.sparse_from = sparse_from
        self.first_tokens_dense = first_tokens_dense
        self.meter = Meter() if meter is None else meter
        self.on_call = on_call
        self.sparse_forwards = 0  # of ``forwards``: those that were to be sparse, all of them or their last queries
        self.sparse_layers: Counter[int] = Counter()  # in how many of them each layer made a sparse call
        self.held_dense = False  # whether ``first_tokens_dense`` kept a forward dense that would have been sparse
        self._caches = KnownCaches(self.model)

    def keep_states(self, cache: Any, states: CallStates) -> None:
        """Use these states with this cache, instead of new ones."""
        self._caches.keep(cache, states)

    def _begun(self) -> None:
        self.at_work.wanted = False
        self.at_work.reached.clear()

    def _finished(self) -> None:
        if self.at_work.wanted:
            self.sparse_forwards += 1
            self.sparse_layers.update(self.at_work.reached)

    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> _SparseForward | None:
        check_beside(self.model, given.get("input_ids"))
        end = filled + _queries(given)
        known = self._caches.meet(cache, filled, end)
        begin = known.prompt if self.sparse_from is None else self.sparse_from
        begin += self.first_tokens_dense
        if end <= begin:
            self.held_dense |= end > begin - self.first_tokens_dense
            return None
        need_weights = self._need_weights(given)
        self.at_work.wanted = True
        # A prompt that is sparse itself is the context as well.
        states = known.states_from((filled or known.prompt) if self.sparse_from == 0 else max(filled, begin))
        generation = current_generation(self.model)
        beams = generation.beams if generation is not None and generation.cache is cache else 1
        dense_rows = max(0, begin - filled)
        return _SparseForward(self, states, filled, dense_rows, given, need_weights=need_weights, beams=beams)

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

    def close(self) -> None:
        """Leave the caches as they were."""
        self._caches.close()


def _queries(given: Mapping[str, Any]) -> int:
    """How many tokens a forward is given."""
    tokens = given.get("input_ids")
    tokens = given.get("inputs_embeds") if tokens is None else tokens
    return int(tokens.shape[1]) if isinstance(tokens, Tensor) else 1


class _SparseForward:
    """One sparse forward with its arguments.

    ``first`` is the absolute position of its first query; the first ``dense_rows`` of its queries stay dense. So many
    batch rows as there are ``beams`` belong to one prompt.
    """

    def __init__(
        self,
        mode: SparseMode,
        states: CallStates,
        first: int,
        dense_rows: int,
        given: Mapping[str, Any],
        *,
        need_weights: bool,
        beams: int,
    ) -> None:
        self.mode = mode
        self.states = states
        self.first = first
        self.dense_rows = dense_rows
        self.attention_mask = given.get("attention_mask")
        self.position_ids = given.get("position_ids")
        self.facts = ForwardFacts()
        self.need_weights = need_weights
        self.beams = beams
        self._calls: Counter[int] = Counter()  # of each layer so far

    def owns(self, part: object) -> bool:
        return self.mode.owns(part)

    def attend(self, call: AttentionCall) -> AttentionResult:
        if call.layer in self.mode.dense_layers or not call.is_causal:
            self.mode.meter.record_dense(call.layer)
            return call.dense()
        if not self.dense_rows:
            return self._sparse(call)
        dense, dense_weights = call.dense_rows(self.dense_rows, self.first)
        sparse, weights = self._sparse(call.rows_from(self.dense_rows))
        both = None if dense_weights is None or weights is None else torch.cat([dense_weights, weights], 2)
        return torch.cat([dense, sparse], 1), both

    def _sparse(self, call: AttentionCall) -> AttentionResult:
        state = self.states.of(self._calls[call.layer])
        self._calls[call.layer] += 1
        inputs = call.inputs(self.first + self.dense_rows, self._padding(call.query), state, self.facts)
        if self.beams > 1:  # beams of one prompt draw alike: chance prefers none, and each scores as it does alone
            inputs = attrs.evolve(inputs, row_ids=[row // self.beams for row in range(inputs.shape[0])])
        output = self.mode.attention(inputs, need_weights=self.need_weights)
        self.mode.meter.record(inputs, output)
        self.mode.at_work.reached.add(call.layer)
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
