"""The rules by which one mask follows another, and the fold that checks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from .chain import check_chain
from .errors import CompositionError
from .inputs import AttentionInputs
from .mask import Mask
from .masker_config import MaskerConfig

__all__ = ["Masker", "apply_maskers", "fold_maskers", "residual_keys", "uncertain_keys"]


@runtime_checkable
class Masker(Protocol):
    """Turns the mask so far into the next one.

    * A deterministic masker ranks over the visible keys that are not yet certain and makes what it selects certain;
      other entries stay.
    * A sampling masker draws only from each row's residual (visible and unattended) and makes what was there certain:
      ``previous.promote() | draw``.
    * A refining masker may remove entries; what it removes is residual again.
    """

    @property
    def config(self) -> Any:
        """The masker's parameters, a MaskerConfig."""
        ...

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The mask after this masker; neither argument is changed."""
        ...


def uncertain_keys(inputs: AttentionInputs, previous: Mask) -> Tensor:
    """Visible keys that are not certain yet, bool (b, hq, q, k): what a deterministic masker ranks over."""
    return inputs.visible & (previous.to_dense(inputs.device) < 1)


def residual_keys(inputs: AttentionInputs, previous: Mask) -> Tensor:
    """Visible keys that are not attended at all, bool (b, hq, q, k): what a sampling masker draws from."""
    return inputs.visible & (previous.to_dense(inputs.device) == 0)


def apply_maskers(maskers: Sequence[Masker], inputs: AttentionInputs, previous: Mask | None = None) -> Mask:
    """Fold the maskers over the mask so far (empty if None), checking every rule of composition.

    Raises CompositionError when the list itself, or what a masker returned, breaks a rule.
    """
    check_chain([masker.config for masker in maskers])
    mask = Mask.empty(inputs.shape) if previous is None else previous
    if mask.shape != inputs.shape:
        raise CompositionError(f"the previous mask has shape {mask.shape}; these inputs need {inputs.shape}")
    for position, masker in enumerate(maskers):
        mask = _checked(masker.config, mask, masker.add_mask(inputs.at_masker(position), mask), position)
    return mask


def fold_maskers(maskers: Sequence[Masker], inputs: AttentionInputs) -> Mask:
    """The mask of `apply_maskers` from an empty one, without its checks: for a list that was checked, in a hot path."""
    mask = Mask.empty(inputs.shape)
    for position, masker in enumerate(maskers):
        mask = masker.add_mask(inputs.at_masker(position), mask)
    return mask


def _checked(config: MaskerConfig, before: Mask, after: Mask, position: int) -> Mask:
    where = f"masker {position} ({config.kind})"
    if not isinstance(after, Mask):
        raise CompositionError(f"{where} returned {type(after).__name__}; expected a Mask")
    if after.shape != before.shape:
        raise CompositionError(f"{where} returned a mask of shape {after.shape}; expected {before.shape}")
    if not config.refines and not before <= after:
        raise CompositionError(f"{where} removed entries or lowered a probability; only a refining masker may")
    return after
