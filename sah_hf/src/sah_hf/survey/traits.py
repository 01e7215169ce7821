"""What a model's attention has, told by the calls that reached us."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from transformers import PretrainedConfig

from sah_core import AttentionInputs, AttentionOutput

__all__ = ["Traits"]


@define
class Traits:
    """Looks at sparse attention calls, and says in a few words what the model's attention is like."""

    config: PretrainedConfig
    _groups: dict[tuple[int, int], None] = field(factory=dict, init=False)
    _found: set[str] = field(factory=set, init=False)

    @property
    def _fields(self) -> dict[str, Any]:
        # A field that differs from layer to layer cannot be read from the config itself.
        return self.config.to_dict()

    def look(self, inputs: AttentionInputs, output: AttentionOutput) -> None:
        """Take one call into account; it should be one whose maskers keep all that is visible."""
        self._groups[inputs.queries.shape[1], inputs.keys.shape[1]] = None
        seen = inputs.visible[0, 0, -1].nonzero().flatten()
        if len(seen) <= int(seen[-1] - seen[0]):
            self._found.add("own selection")
        elif len(seen) < inputs.key_offset + inputs.keys.shape[2]:
            self._found.add("window" if self._fields.get("attention_chunk_size") is None else "chunks")
        if inputs.sinks is not None:
            self._found.add("sinks")
        if inputs.softcap is not None:
            self._found.add("softcap")
        if inputs.attention_mask is not None and inputs.attention_mask.dtype.is_floating_point:
            self._found.add("position bias")

    def said(self, calls: int, layers: int) -> str:
        """For instance ``GQA 4:1, window, sinks``, of a model that makes so many attention calls in a forward."""
        heads = dict.fromkeys(_heads(queries, keys) for queries, keys in self._groups)
        latent = ["MLA"] if self._fields.get("kv_lora_rank") is not None else list(heads)
        order = ("window", "chunks", "own selection", "sinks", "softcap", "position bias")
        rest = ["hybrid"] if calls < layers else [f"{calls // layers} calls a layer"] if calls > layers else []
        return ", ".join([*latent, *(trait for trait in order if trait in self._found), *rest])


def _heads(queries: int, keys: int) -> str:
    if queries == keys:
        return "MHA"
    return f"MQA {queries}:1" if keys == 1 else f"GQA {queries // keys}:1"
