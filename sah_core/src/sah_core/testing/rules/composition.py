"""Rules of composition: what a masker may do to the mask before it."""

from __future__ import annotations

from sah_core.composition import Masker, uncertain_keys
from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig

from .same import require_none

__all__ = [
    "check_before_a_draw_all_is_certain",
    "check_full_stays_full",
    "check_nothing_is_lost",
    "check_only_visible_keys",
    "check_selected_keys_are_certain",
    "check_size_of_everything_selects_everything",
    "check_something_is_selected",
    "has_budget",
    "has_size",
]

SIZES = ("budget", "rate", "mass")


def has_budget(config: MaskerConfig) -> bool:
    """Whether the config has a budget of keys."""
    return "budget" in type(config).model_fields


def has_size(config: MaskerConfig) -> bool:
    """Whether the config has a field for how much to take: a budget, a rate or a mass."""
    return any(name in type(config).model_fields for name in SIZES)


def check_only_visible_keys(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The result is a mask of the inputs' shape, with probabilities in [0, 1]; what is new in it, the query can see."""
    after = masker.add_mask(inputs, previous)
    assert isinstance(after, Mask), f"add_mask returned {type(after).__name__}, not a Mask"
    assert after.shape == inputs.shape, f"the mask has shape {after.shape}; these inputs need {inputs.shape}"
    probs = after.to_dense(inputs.device)
    require_none(~((probs >= 0) & (probs <= 1)), "a probability is NaN or outside [0, 1]")
    new = (probs > 0) & (previous.to_dense(inputs.device) == 0)
    require_none(new & ~inputs.visible, "a key was selected that the query cannot see")


def check_nothing_is_lost(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """No key that was attended to is removed, and no probability falls. (Refining maskers may remove keys.)"""
    after = masker.add_mask(inputs, previous).to_dense(inputs.device)
    require_none(after < previous.to_dense(inputs.device), "a key was removed, or its probability fell")


def check_full_stays_full(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """After a full mask there is nothing to add: it stays full. (Refining maskers may remove keys.)"""
    full = Mask.full(inputs.shape)
    assert masker.add_mask(inputs, full) == full, "a full mask did not stay full"


def check_selected_keys_are_certain(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A deterministic masker gives probability 1 to what it selects and leaves the rest as it was."""
    before = previous.to_dense(inputs.device)
    after = masker.add_mask(inputs, previous).to_dense(inputs.device)
    wrong = (after != before) & (after > 0) & (after < 1)
    require_none(wrong, "a deterministic masker gave a probability below 1")


def check_something_is_selected(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A selector with a budget gives each row at least one more certain key, while there is a visible one to give.

    Where the heads of a KV group share a selection, the group gets one.
    """
    after = masker.add_mask(inputs, previous).certain().to_dense(inputs.device)
    open_keys = uncertain_keys(inputs, previous)
    gained, room = (after > 0) & open_keys, open_keys
    if getattr(masker.config, "share_kv_group", False):
        gained, room = (by_group(cells, inputs.kv_heads).any(2) for cells in (gained, room))
    require_none(room & ~gained.any(-1, keepdim=True), "nothing was selected, though there was something to select")


def check_size_of_everything_selects_everything(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A budget, rate or mass of 1.0 attends to every visible key for certain, so that attention is dense."""
    everything = {name: 1.0 for name in SIZES if name in type(masker.config).model_fields}
    whole: Masker = type(masker)(masker.config.model_copy(update=everything))  # type: ignore[call-arg]  # as create_masker
    after = whole.add_mask(inputs, previous).to_dense(inputs.device)
    require_none(inputs.visible & (after < 1), f"with {everything} a visible key is not attended to for certain")


def check_before_a_draw_all_is_certain(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A sampler makes every key that was attended to certain."""
    after = masker.add_mask(inputs, previous).to_dense(inputs.device)
    kept = previous.to_dense(inputs.device) > 0
    require_none(kept & (after != 1), "a key that was attended to before the draw did not become certain")
