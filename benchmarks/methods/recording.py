"""`RecordingAttention`: the research backend, with each call timed and held against dense attention."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import attrs
import torch
from torch import Tensor

from sah_core import AttentionInputs, AttentionOutput, AttentionState, Mask, Masker, ResearchAttention
from sah_core.attention.maths import apply_weights, attention_weights

__all__ = ["RecordingAttention", "Totals"]


@attrs.define
class Totals:
    """Sums: times are over ``first_calls`` and ``calls``, mass and recall over ``rows``, the error over ``queries``."""

    first_calls: int = 0  # of a layer in a request: they make the indexes
    first_seconds: float = 0.0
    calls: int = 0  # the others
    rows: int = 0  # queries x heads
    attended: int = 0
    visible: int = 0
    mass: float = 0.0
    recall: float = 0.0
    error: float = 0.0
    queries: int = 0
    select_seconds: float = 0.0
    attend_seconds: float = 0.0

    @property
    def density(self) -> float:
        """Attended over visible keys."""
        return self.attended / self.visible


class RecordingAttention(ResearchAttention):
    """Answers as the research backend does, and keeps `totals`.

    * select seconds: making the mask, new keys indexed; attend seconds: the output from it. By the clock.
      A layer's first call in a request makes the indexes of the context, too: its selection is counted apart.
    * mass: of dense attention's weights, the part on attended keys; a key that was drawn counts whole.
    * recall: of a row's n keys with the largest logits, n being as many as it attends to, the part that it attends to.
    * error: |sparse - dense| / |dense| of a query's output vector, all heads together.
    """

    def __init__(
        self, maskers: Sequence[Masker], seed: int = 0, overrides: Mapping[int, Sequence[Masker]] | None = None
    ) -> None:
        super().__init__(maskers, seed, overrides)
        self.totals = Totals()
        self.measuring = False
        """Whether calls are compared with dense attention, which costs more than they do; times are always taken."""
        self._begun: WeakKeyDictionary[AttentionState, set[int]] = WeakKeyDictionary()

    def __call__(self, inputs: AttentionInputs, *, need_weights: bool = False) -> AttentionOutput:
        """Attention output and mask."""
        start = time.perf_counter()
        mask = self.mask(inputs)
        chosen = time.perf_counter()
        weights = attention_weights(inputs, mask)
        output = apply_weights(inputs, mask, weights)
        end = time.perf_counter()
        if self._is_first(inputs):
            self.totals.first_calls += 1
            self.totals.first_seconds += chosen - start
        else:
            self.totals.calls += 1
            self.totals.select_seconds += chosen - start
            self.totals.attend_seconds += end - chosen
        if self.measuring:
            self._compare(inputs, mask, output)
        return AttentionOutput(output, mask, weights if need_weights else None)

    def _is_first(self, inputs: AttentionInputs) -> bool:
        if inputs.state is None:
            return False
        layers = self._begun.setdefault(inputs.state, set())
        first = inputs.layer_idx not in layers
        layers.add(inputs.layer_idx)
        return first

    def _compare(self, inputs: AttentionInputs, mask: Mask, output: Tensor) -> None:
        totals, full = self.totals, Mask.full(inputs.shape)
        attended = mask.to_dense(inputs.device) > 0  # (b, hq, q, k)
        dense = attention_weights(inputs, full)
        counts = attended.sum(-1)
        totals.rows += counts.numel()
        totals.attended += int(counts.sum())
        totals.visible += int(inputs.visible_counts.expand(counts.shape).sum())
        totals.mass += float((dense * attended).sum())
        ranks = inputs.logits.argsort(dim=-1, descending=True).argsort(dim=-1)
        totals.recall += float((((ranks < counts.unsqueeze(-1)) & attended).sum(-1) / counts).sum())
        exact = apply_weights(inputs, full, dense)
        one, other = (each.double().transpose(1, 2).flatten(2) for each in (output, exact))  # (b, q, hq * dv)
        norm = torch.linalg.vector_norm
        totals.error += float((norm(one - other, dim=-1) / norm(other, dim=-1)).sum())
        totals.queries += one.shape[0] * one.shape[1]
