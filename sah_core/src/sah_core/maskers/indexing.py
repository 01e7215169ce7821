"""How a masker finds its index in the request's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sah_core.inputs import AttentionInputs
from sah_core.masker_config import MaskerConfig
from sah_core.state import AttentionState, KeyIndex

__all__ = ["IndexName", "index_of"]


class IndexName(NamedTuple):
    """What an index is kept under: its masker, as it stands in the layer's list, and the layer."""

    masker_position: int
    kind: str
    config: MaskerConfig
    layer: int


def index_of(
    config: MaskerConfig, inputs: AttentionInputs, create: Callable[[AttentionInputs], KeyIndex | None]
) -> KeyIndex | None:
    """The masker's index over all keys up to the last query's, made and brought up to date as needed.

    It lives in the request's state under its `IndexName`. None where ``create`` makes none.
    """
    state = AttentionState() if inputs.state is None else inputs.state
    count = inputs.key_count
    return state.index(
        IndexName(inputs.masker_position, config.kind, config, inputs.layer_idx),
        lambda: create(inputs),
        inputs.keys[:, :, :count],
        new=min(inputs.shape[2], count),
        key_offset=inputs.key_offset,
    )
