"""`AttentionInputs`: everything one attention call knows, and what several maskers need of it, computed once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import attrs
import torch
from attrs import field, frozen
from torch import Tensor

from .grouped_heads import grouped_scores, grouped_scores_at
from .input_checks import check_inputs
from .masker_config import keys_of_size
from .state import AttentionState

__all__ = ["AttentionInputs"]

_T = TypeVar("_T")


@frozen(eq=False, repr=False)
class AttentionInputs:
    """One call of attention: queries, keys, values and what decides which keys a query may see.

    Shapes: ``queries`` (b, hq, q, d), ``keys`` (b, hkv, k, d), ``values`` (b, hkv, k, dv), hq a multiple of hkv;
    query head h reads KV head h // (hq / hkv). Nothing here is ever written to.

    * ``attention_mask``: None (every key is visible), bool (True: visible) or additive float, broadcastable to
      (b, hq, q, >= k); columns past k are ignored. An additive -inf, or at most half the dtype's minimum, hides.
    * ``scaling``: of the logits, default d ** -0.5; ``softcap``: logits become softcap * tanh(logits / softcap).
    * ``sinks`` (hq,): a logit a head that takes part in the denominator only.
    * ``dropout``: probability in [0, 1), applied to the weights with torch's global generator.
    * ``query_positions`` (q,) or (b or 1, q) int64: absolute positions; default the last q of the k columns.
    * ``key_offset``: column j is absolute position key_offset + j (sliding-window layers).
    * ``padding`` (b,): absolute positions before it are not tokens. By default the leading columns that no query of the
      batch row sees (none where key_offset > 0); where a sliding window hides leading columns too, give it.
    * ``row_ids``: one int a batch row, names its random draws; default 0 .. b - 1. ``seed``: of every draw.
    * ``state``: the request's indexes; without it each call starts afresh.
    * ``masker_position``: of the masker at work in its list, set by `apply_maskers`.

    Raises InputsError when they do not fit together.
    """

    queries: Tensor
    keys: Tensor
    values: Tensor
    attention_mask: Tensor | None = None
    scaling: float | None = None
    softcap: float | None = None
    sinks: Tensor | None = None
    dropout: float = 0.0
    layer_idx: int = 0
    query_positions: Tensor | None = None
    key_offset: int = 0
    row_ids: Sequence[int] | None = None
    seed: int = 0
    state: AttentionState | None = None
    padding: Tensor | None = None
    masker_position: int = 0
    _shared: dict[str, object] = field(factory=dict, alias="shared")

    def __attrs_post_init__(self) -> None:
        check_inputs(self)

    def __repr__(self) -> str:
        b, hq, q, k = self.shape
        return f"AttentionInputs(b={b}, hq={hq}, hkv={self.keys.shape[1]}, q={q}, k={k}, layer_idx={self.layer_idx})"

    # -- sizes -------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of this call's masks: batch, query heads, queries, keys."""
        b, hq, q, _ = self.queries.shape
        return b, hq, q, self.keys.shape[2]

    @property
    def kv_heads(self) -> int:
        """How many heads the keys have."""
        return self.keys.shape[1]

    @property
    def group_size(self) -> int:
        """How many query heads read one KV head."""
        return self.queries.shape[1] // self.keys.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.queries.device

    @property
    def compute_dtype(self) -> torch.dtype:
        """The precision of everything between the tensors and the output: float32, or float64 for float64 tensors."""
        return torch.promote_types(self.queries.dtype, torch.float32)

    @property
    def logit_scaling(self) -> float:
        """What inner products of queries and keys are multiplied by: ``scaling``, or d ** -0.5."""
        return self.queries.shape[3] ** -0.5 if self.scaling is None else self.scaling

    def at_masker(self, position: int) -> AttentionInputs:
        """The same call, seen by the masker at this position of the list; what was computed stays shared."""
        if position == self.masker_position:
            return self
        # What was checked once is not checked again: this is done for every masker of every layer, in every step.
        seen = object.__new__(AttentionInputs)
        for name in _FIELDS:
            object.__setattr__(seen, name, getattr(self, name))
        object.__setattr__(seen, "masker_position", position)
        return seen

    # -- positions and visibility ------------------------------------------------------------------------------------

    @property
    def positions(self) -> Tensor:
        """Absolute position of each query, int64 (b or 1, q)."""
        if self.query_positions is not None:
            given = self.query_positions.long()
            return given.unsqueeze(0) if given.dim() == 1 else given
        _, _, q, k = self.shape
        return torch.arange(self.key_offset + k - q, self.key_offset + k, device=self.device).unsqueeze(0)

    @property
    def key_count(self) -> int:
        """How many leading columns hold keys: up to the last query's (a static cache has empty columns after it)."""
        if self.query_positions is None:
            return self.shape[3]
        last = self._once("last_position", lambda: int(self.positions.max()))
        return min(max(last + 1 - self.key_offset, 0), self.shape[3])

    @property
    def unmasked(self) -> bool:
        """Whether the mask says nothing: every query sees every key and nothing is added to a logit.

        So it is without a mask, and for the one query of a decode step whose mask is all zeros, or all true.
        """
        mask = self.attention_mask
        if mask is None:
            return True
        return self.shape[2] == 1 and self._once("unmasked", lambda: _says_nothing(mask[..., : self.shape[3]]))

    @property
    def visible(self) -> Tensor:
        """Which keys each query may see, bool (b, 1 or hq, q, k); decided here and nowhere else."""
        return self._once("visible", self._decide_visible)

    @property
    def visible_counts(self) -> Tensor:
        """How many keys each query may see, int64 (b, 1 or hq, q)."""
        return self._once("visible_counts", self._count_visible)

    @property
    def first_tokens(self) -> Tensor:
        """Absolute position of each batch row's first real token, after left padding; int64 (b,)."""
        return self._once("first_tokens", self._find_first_tokens)

    @property
    def padding_columns(self) -> Tensor:
        """How many leading columns of each batch row hold no token, int64 (b,)."""
        return (self.first_tokens - self.key_offset).clamp(min=0)

    def keys_of_size(self, size: int | float) -> Tensor:
        """How many keys a size means in each row, int64 (b, 1 or hq, q): see `masker_config.keys_of_size`."""
        counts = self.visible_counts
        if isinstance(size, int):
            return counts.clamp(max=size)
        share = Fraction(str(size))
        if share.numerator * self.shape[3] + share.denominator < 2**63:
            wanted = (counts * share.numerator + share.denominator - 1) // share.denominator
            return torch.minimum(wanted.clamp(min=1), counts)
        table = torch.tensor([keys_of_size(size, n) for n in range(self.shape[3] + 1)], device=self.device)
        return table[counts]

    def start_of_last(self, n: Tensor) -> Tensor:
        """Absolute position from which on a query sees exactly n keys up to itself (all, if it sees fewer).

        ``n`` int64, broadcastable to (b, 1 or hq, q), at least 1; the result has the visible rows' shape.
        """
        position = self.positions.unsqueeze(1)  # (b | 1, 1, q)
        if self.unmasked:
            return position - n + 1
        column = torch.arange(self.shape[3], device=self.device)
        seen = self.visible & (column + self.key_offset <= position.unsqueeze(-1))
        ranks = seen.cumsum(-1)  # (b, 1 | hq, q, k): of each key, how many are seen up to it
        first = (ranks[..., -1] - n + 1).clamp(min=1)
        return torch.searchsorted(ranks, first.unsqueeze(-1)).squeeze(-1) + self.key_offset

    # -- logits ------------------------------------------------------------------------------------------------------

    @property
    def logits(self) -> Tensor:
        """Exact scaled, soft-capped logits plus the additive mask, (b, hq, q, k), -inf where not visible.

        Float32 (float64 for float64 tensors). Costs the full product: for oracles and the research backend.
        """
        return self._once("logits", self._compute_logits)

    def logits_at(self, indices: Tensor) -> Tensor:
        """Exact logits (b, hq, q, m) of the keys at ``indices`` (b, h, q, m) int64; -inf where not visible.

        h is a multiple of the KV heads that divides the query heads: heads that share a row read its keys once.
        """
        logits = self.scaled(grouped_scores_at(self.queries.to(self.compute_dtype), self.keys, indices))
        if self.unmasked:
            return logits
        wanted = indices.repeat_interleave(self.shape[1] // indices.shape[1], 1)
        bias = self.additive_mask
        if bias is not None:
            logits = logits + bias.expand(self.shape).gather(-1, wanted)
        return logits.masked_fill(~self.visible.expand(self.shape).gather(-1, wanted), -math.inf)

    def logits_from(self, products: Tensor) -> Tensor:
        """What inner products (b, hq, q, n) with the first n keys are as logits: scaled, soft-capped, masked.

        The scaling, soft cap and additive mask of exact logits; -inf where not visible.
        """
        n = products.shape[3]
        logits = self.scaled(products)
        bias = self.additive_mask
        if bias is not None:
            logits = logits + bias[..., :n]
        return logits if self.unmasked else logits.masked_fill(~self.visible[..., :n], -math.inf)

    def _compute_logits(self) -> Tensor:
        return self.logits_from(grouped_scores(self.queries.to(self.compute_dtype), self.keys))

    def scaled(self, products: Tensor) -> Tensor:
        """Inner products of queries and keys as logits, but for the mask: scaled and soft-capped, any shape."""
        logits = products * self.logit_scaling
        if self.softcap is None:
            return logits
        # In double precision: float32's tanh of one number may differ by its place in memory, and so undo a tie.
        return torch.tanh(logits.double() / self.softcap).to(logits.dtype) * self.softcap

    @property
    def additive_mask(self) -> Tensor | None:
        """What is added to logits, (b or 1, 1 or hq, q or 1, k) in the compute dtype; None where nothing is."""
        if self.attention_mask is None or self.attention_mask.dtype == torch.bool or self.unmasked:
            return None
        return self.attention_mask[..., : self.shape[3]].to(self.compute_dtype)

    # -- the rest ----------------------------------------------------------------------------------------------------

    def _decide_visible(self) -> Tensor:
        b, _, q, k = self.shape
        mask = self.attention_mask
        if mask is None or self.unmasked:
            return torch.ones((1, 1, 1, 1), dtype=torch.bool, device=self.device).expand(b, 1, q, k)
        mask = mask[..., :k]
        seen = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
        return seen.expand(b, seen.shape[1], q, k)

    def _count_visible(self) -> Tensor:
        b, _, q, k = self.shape
        if self.unmasked:
            return torch.full((1, 1, 1), k, dtype=torch.int64, device=self.device).expand(b, 1, q)
        return self.visible.sum(-1)

    def _find_first_tokens(self) -> Tensor:
        b, _, _, k = self.shape
        if self.padding is not None:
            return self.padding.to(self.device, torch.int64)
        if self.unmasked or self.key_offset > 0:
            return torch.zeros(b, dtype=torch.int64, device=self.device)
        seen = self.visible.flatten(1, 2).any(1)  # (b, k)
        return torch.where(seen.any(-1), seen.int().argmax(-1), k)

    def _once(self, name: str, compute: Callable[[], _T]) -> _T:
        if name not in self._shared:
            self._shared[name] = compute()
        value: _T = self._shared[name]  # type: ignore[assignment]  # each name is stored by one property only
        return value


_FIELDS = tuple(each.name for each in attrs.fields(AttentionInputs))


def _says_nothing(mask: Tensor) -> bool:
    """Whether a mask hides nothing and adds nothing."""
    return bool(mask.all() if mask.dtype == torch.bool else (mask == 0).all())
