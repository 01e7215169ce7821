"""What is timed against dense attention: a chain of maskers on a call, whole and in parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch

from sah_core import AttentionInputs, AttentionState, EfficientAttention, Mask, ResearchAttention, masked_attention
from sah_core.attention.gathered import gathered_attention
from sah_core.grouped_heads import by_group
from sah_core.maskers import OpenUnits, TopKMasker, Units
from sah_core.maskers.indexing import index_of

from .call import Call
from .chains import Chain

__all__ = ["Subject", "attend_subject", "attended_bytes", "chain_subject", "random_mask"]


@attrs.frozen(eq=False)
class Subject:
    """Something to time, by its parts, and what can be said of it without a clock."""

    name: str
    setting: dict[str, Any]
    parts: Mapping[str, Callable[[], object]]
    """``step`` is the whole: masks and attention. ``select`` makes the mask, of which ``score`` is the last masker's
    scoring alone; ``attend`` computes the output from the mask."""
    mask: Mask
    nbytes: dict[str, int]
    """Attended keys and values, and the indexes."""
    config: dict[str, Any] | None = None
    path: str | None = None
    research: Mapping[str, Callable[[], object]] = attrs.field(factory=dict)
    """``step`` and ``attend`` of the research backend, with the same config."""
    reads_index: bool = False
    """Whether a step reads the whole of its indexes."""


def chain_subject(call: Call, chain: Chain, **setting: Any) -> Subject:
    """A chain on a call; its indexes are built here, from the context, and a step appends the call's own keys."""
    state = AttentionState(context_length=call.context)
    attention = EfficientAttention.from_config(chain.config)
    first = attention(call.inputs(state))
    parts: dict[str, Callable[[], object]] = {
        "step": lambda: attention(call.inputs(state)),
        "select": lambda: attention.mask(call.inputs(state)),
        "attend": lambda: gathered_attention(call.inputs(), first.mask)[0],
    }
    last = attention.maskers[-1]
    if isinstance(last, TopKMasker):
        parts["score"] = _scoring(last, attention, call, state)
    research = ResearchAttention.from_config({**chain.config, "kind": "research"})
    nbytes = {"attended": attended_bytes(call, first.mask), "index": state.nbytes}
    return Subject(
        name=chain.name,
        setting=setting,
        parts=parts,
        mask=first.mask,
        nbytes=nbytes,
        config=chain.config,
        path=first.path,
        research={
            "step": lambda: research(call.inputs(state)),
            "attend": lambda: masked_attention(call.inputs(), first.mask),
        },
        reads_index=isinstance(last, TopKMasker),
    )


def attend_subject(call: Call, name: str, mask: Mask, **setting: Any) -> Subject:
    """Attention under a mask that is there already."""
    nbytes = {"attended": attended_bytes(call, mask), "index": 0}
    return Subject(name, setting, {"attend": lambda: gathered_attention(call.inputs(), mask)[0]}, mask, nbytes)


def random_mask(call: Call, share: float, heads: int, seed: int = 0) -> Mask:
    """A share of the keys, drawn for each of ``heads`` rows."""
    keys = call.keys.shape[2]
    random = torch.Generator().manual_seed(seed)
    count = max(1, round(share * keys))
    rows = torch.stack([torch.randperm(keys, generator=random)[:count] for _ in range(heads)])
    return Mask.from_indices(call.inputs().shape, rows.reshape(1, heads, 1, count))


def attended_bytes(call: Call, mask: Mask) -> int:
    """Bytes of the keys and values that any query head of their KV head attends to: what has to be read, once."""
    attended = by_group(mask.to_dense() > 0, call.keys.shape[1]).flatten(2, 3).any(2)  # (1, hkv, k)
    widths = call.keys.shape[3] * call.keys.element_size() + call.values.shape[3] * call.values.element_size()
    return int(attended.sum()) * widths


def _scoring(
    masker: TopKMasker[Any], attention: EfficientAttention, call: Call, state: AttentionState
) -> Callable[[], object]:
    """The scores alone, with the index brought up to date as in a step; what is open is found beforehand."""
    position = len(attention.maskers) - 1
    before = Mask.empty(call.inputs().shape)
    for number, earlier in enumerate(attention.maskers[:-1]):
        before = earlier.add_mask(call.inputs(state).at_masker(number), before)
    at = call.inputs().at_masker(position)
    candidates = OpenUnits.of(at, Units.of(at, masker.unit_size), before.certain())

    def score() -> object:
        inputs: AttentionInputs = call.inputs(state).at_masker(position)
        index = index_of(masker.config, inputs, masker.create_index)
        if masker.share_kv_group:
            return masker.group_scores(inputs, index, candidates)
        return masker.scores(inputs, index)

    return score
