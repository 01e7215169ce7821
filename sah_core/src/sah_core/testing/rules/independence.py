"""Rules of independence: what must make no difference to a mask."""

from __future__ import annotations

import random

import attrs
import torch
from torch import Tensor

from sah_core.composition import Masker
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig
from sah_core.randomness import generator
from sah_core.testing.calibrations import calibration_folder

from .same import require_same
from .variations import batch_row, changed, from_position_zero, left_padded, right_padded

__all__ = [
    "check_batch_rows_are_independent",
    "check_global_generators_are_left_alone",
    "check_inputs_are_not_written",
    "check_kv_heads_are_independent_of_their_group",
    "check_left_padding_changes_nothing",
    "check_no_state_in_the_masker",
    "check_permuted_keys_permute_the_mask",
    "check_representation_does_not_matter",
    "check_same_call_same_mask",
    "check_tensors_stay_on_the_device",
    "check_unwritten_cache_changes_nothing",
    "shares_nothing",
]

JUNK = 1e4


def check_inputs_are_not_written(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Nothing that is given is written to: no tensor of the inputs, and not the previous mask."""
    given = {name: value for name, value in attrs.asdict(inputs, recurse=False).items() if isinstance(value, Tensor)}
    copies = {name: value.clone() for name, value in given.items()}
    before = previous.to_dense(inputs.device)
    masker.add_mask(inputs, previous)
    for name, value in given.items():
        assert torch.equal(value, copies[name]), f"the masker wrote to inputs.{name}"
    assert torch.equal(previous.to_dense(inputs.device), before), "the masker wrote to the previous mask"


def check_representation_does_not_matter(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A previous mask gives the same result dense and as index rows."""
    dense = Mask.from_dense(previous.to_dense(inputs.device))
    index = Mask.from_indices(previous.shape, *previous.to_indices(inputs.device))
    after = masker.add_mask(inputs, previous)
    require_same(masker.add_mask(inputs, dense), after, "a dense previous mask gave another result")
    require_same(masker.add_mask(inputs, index), after, "a previous mask of index rows gave another result")


def check_same_call_same_mask(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The same call again, with the same seed, gives exactly the same mask."""
    again = masker.add_mask(changed(inputs, padding=inputs.padding), previous)
    assert masker.add_mask(inputs, previous) == again, "the same call gave another mask the second time"


def check_no_state_in_the_masker(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A masker that has served other requests, layers and seeds gives what a fresh one gives."""
    fresh = type(masker)(masker.config)  # type: ignore[call-arg]  # as create_masker makes it
    expected = fresh.add_mask(inputs, previous)
    used = type(masker)(masker.config)  # type: ignore[call-arg]  # as create_masker makes it
    other_request = changed(inputs, keys=-inputs.keys, queries=inputs.queries.flip(1), seed=inputs.seed + 1)
    for other in (other_request, batch_row(inputs, 0)):
        used.add_mask(other, Mask.empty(other.shape))
    require_same(used.add_mask(inputs, previous), expected, "a masker that was used before gave another mask")


def check_batch_rows_are_independent(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Each row of a batch gets the mask that it gets alone."""
    together = masker.add_mask(inputs, previous)
    for row in range(inputs.shape[0]):
        alone = masker.add_mask(batch_row(inputs, row), previous[row])
        require_same(together[row], alone, f"row {row} of the batch got another mask than alone")


def check_left_padding_changes_nothing(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """More left padding, hidden and declared, moves the mask and changes nothing in it, whatever the padding holds."""
    request = from_position_zero(inputs)
    expected = masker.add_mask(request, previous)
    for n in (1, 3):
        behind = left_padded(request, n, JUNK)
        found = masker.add_mask(behind, moved(previous, n, 0))
        require_same(found, moved(expected, n, 0), f"{n} more columns of left padding changed the mask")


def check_unwritten_cache_changes_nothing(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The columns of a static cache after the last query's own, NaN here, change nothing."""
    expected = masker.add_mask(inputs, previous)
    found = masker.add_mask(right_padded(inputs, 3, float("nan")), moved(previous, 0, 3))
    require_same(found, moved(expected, 0, 3), "3 unwritten columns after the last key changed the mask")


def moved(mask: Mask, left: int, right: int) -> Mask:
    """The mask with so many unattended columns before and after."""
    return Mask.from_dense(torch.nn.functional.pad(mask.to_dense("cpu"), (left, right)))


def check_permuted_keys_permute_the_mask(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The same keys in another order give the same choice. (Where the config says ``by_content``.)"""
    order = torch.randperm(inputs.shape[3], generator=generator("conformance", "order"), device="cpu").to(inputs.device)
    mask = inputs.attention_mask
    moved_inputs = changed(
        inputs,
        keys=inputs.keys[:, :, order],
        values=inputs.values[:, :, order],
        attention_mask=None if mask is None else mask[..., order],
        query_positions=inputs.positions,
        state=None,
    )
    before = Mask.from_dense(previous.to_dense(inputs.device)[..., order])
    expected = Mask.from_dense(masker.add_mask(inputs, previous).to_dense(inputs.device)[..., order])
    require_same(masker.add_mask(moved_inputs, before), expected, "keys in another order gave another choice")


def shares_nothing(config: MaskerConfig) -> bool:
    """Whether each query head chooses by itself, with nothing drawn or learned for a given number of KV heads."""
    shares = config.sampling or getattr(config, "share_kv_group", False)
    return not shares and calibration_folder(config) is None


def check_kv_heads_are_independent_of_their_group(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Where query heads share nothing but the KV head they read, a KV head of each one's own changes nothing."""
    g = inputs.group_size
    own = changed(inputs, keys=inputs.keys.repeat_interleave(g, 1), values=inputs.values.repeat_interleave(g, 1))
    expected = masker.add_mask(inputs, previous)
    require_same(masker.add_mask(own, previous), expected, "a KV head of its own gave a query head another mask")


def check_tensors_stay_on_the_device(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Every tensor is made where the inputs are, not on torch's default device (which is `meta` here)."""
    expected = masker.add_mask(inputs, previous)
    with torch.device("meta"):
        anew: Masker = type(masker)(masker.config)  # type: ignore[call-arg]  # as create_masker makes it
        found = anew.add_mask(changed(inputs, padding=inputs.padding), previous)
        where = found.device
    assert where in (None, inputs.device), f"the mask is on {where}; the inputs are on {inputs.device}"
    require_same(found, expected, "another default device gave another mask")


def check_global_generators_are_left_alone(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """No number is drawn from a global generator, torch's or Python's."""
    torch_before, python_before = torch.get_rng_state(), random.getstate()
    masker.add_mask(inputs, previous)
    assert torch.equal(torch.get_rng_state(), torch_before), "the masker drew from torch's global generator"
    assert random.getstate() == python_before, "the masker drew from Python's global generator"
