"""The indexes of a kept context as plain values and named tensors, and back under the names that maskers ask for."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from torch import Tensor

from sah_core import AttentionConfig, SparseAttention, default_registry
from sah_core.index_content import SavedIndex
from sah_core.maskers import IndexName
from sah_hf.modes.call_states import CallStates

__all__ = ["SavedStates", "attention_identity", "described_states", "expected_states"]

SavedStates = list[dict[str, Any]]
"""One mapping an index: where it belongs, its plain values, and the names of its tensors."""


def attention_identity(config: AttentionConfig, attention: SparseAttention) -> str:
    """All that indexes depend on beside the keys: config, the maskers' versions, the contents of calibrations."""
    learned = {}
    for maskers in (attention.maskers, *attention.overrides.values()):
        for masker in maskers:
            record = default_registry().masker_record(masker.config.kind)
            calibration = getattr(masker, "calibration", None)
            sha256 = None if calibration is None else calibration.provenance.sha256
            learned[repr(masker.config)] = [record.distribution, record.version, sha256]
    shown = config.model_dump(mode="json", exclude={"kind", "dense_layers"})
    return json.dumps({"config": shown, "maskers": learned}, sort_keys=True)  # as text, where 1 is not 1.0


def described_states(states: CallStates, tensors: dict[str, Tensor]) -> SavedStates:
    """The indexes that can be saved; their tensors are added to ``tensors``."""
    found: SavedStates = []
    for call, contents in enumerate(states.contents()):
        for name, saved in contents.items():
            if not isinstance(name, IndexName):
                continue
            place = f"indexes.{len(found)}"
            parts = {key: value for key, value in saved.content.items() if isinstance(value, Tensor)}
            tensors |= {f"{place}.{key}": value.detach().cpu().contiguous().clone() for key, value in parts.items()}
            found.append(
                {
                    "call": call,
                    "layer": name.layer,
                    "masker": name.masker_position,
                    "rows": list(saved.rows),
                    "fitted": saved.fitted,
                    "values": {key: value for key, value in saved.content.items() if key not in parts},
                    "tensors": {key: f"{place}.{key}" for key in parts},
                }
            )
    return found


def expected_states(
    described: Sequence[Mapping[str, Any]], tensors: Mapping[str, Tensor], config: AttentionConfig, context: int
) -> CallStates:
    """States of a context of so many tokens that use these indexes, of the same `attention_identity`."""
    states = CallStates(context)
    for saved in described:
        masker = config.maskers_of(saved["layer"])[saved["masker"]]
        name: Hashable = IndexName(saved["masker"], masker.kind, masker, saved["layer"])
        content = {**saved["values"], **{key: tensors[place] for key, place in saved["tensors"].items()}}
        batch, heads = saved["rows"]
        states.of(saved["call"]).expect({name: SavedIndex((batch, heads), saved["fitted"], content)})
    return states
