"""Rules of the state: a request's keys may come in pieces, be cropped and asked about again."""

from __future__ import annotations

import torch

from sah_core.composition import Masker
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask

from .same import require_same
from .variations import changed, first_keys, from_position_zero, last_queries

__all__ = [
    "check_decoding_gives_the_last_row",
    "check_drafts_may_be_rejected",
    "check_keys_in_pieces_are_keys_at_once",
    "check_question_again_same_mask",
    "check_truncated_is_never_seen",
]


def check_decoding_gives_the_last_row(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The last of several queries gets the mask that it gets when it comes alone, after the others."""
    context = max(1, inputs.shape[3] - inputs.shape[2])
    together = masker.add_mask(from_position_zero(inputs, context), previous)
    alone = last_queries(from_position_zero(inputs, context), 1)
    found = masker.add_mask(alone, previous[:, :, -1])
    require_same(found, together[:, :, -1], "the last query got another mask alone than behind the others")


def check_keys_in_pieces_are_keys_at_once(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Keys that came in several calls give the mask that they give in one, after the same context."""
    k = inputs.shape[3]
    context = max(1, (k - inputs.shape[2]) // 2)
    request = from_position_zero(inputs, context)
    for n in sorted({context, min(context + 1, k), (context + k) // 2}):
        piece = first_keys(request, n)
        masker.add_mask(piece, Mask.empty(piece.shape))
    expected = masker.add_mask(from_position_zero(inputs, context), previous)
    require_same(masker.add_mask(request, previous), expected, f"keys after a context of {context} came in pieces")


def check_question_again_same_mask(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The same call again on the same state gives exactly the same mask."""
    request = from_position_zero(inputs, max(1, inputs.shape[3] - inputs.shape[2]))
    first = masker.add_mask(request, previous)
    assert masker.add_mask(request, previous) == first, "the same call on the same state gave another mask"


def check_truncated_is_never_seen(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """After an answer, a state truncated to its context is as it was: another question gets a fresh state's mask."""
    k, q = inputs.shape[3], inputs.shape[2]
    context = max(1, k - q)
    request = from_position_zero(inputs, context)
    assert request.state is not None
    masker.add_mask(_with_other_keys(request, context), previous)
    request.state.truncate(context)
    expected = masker.add_mask(from_position_zero(inputs, context), previous)
    require_same(masker.add_mask(request, previous), expected, "a question before it changed the mask of this one")


def check_drafts_may_be_rejected(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Keys of a call that are replaced by the next call's, as in speculative decoding, leave no trace."""
    k, q = inputs.shape[3], inputs.shape[2]
    context = max(1, k - q)
    request = from_position_zero(inputs, context)
    masker.add_mask(_with_other_keys(request, k - 1), previous)
    last = last_queries(request, 1)
    found = masker.add_mask(last, previous[:, :, -1])
    expected = masker.add_mask(last_queries(from_position_zero(inputs, context), 1), previous[:, :, -1])
    require_same(found, expected, "a rejected key left a trace in the mask")


def _with_other_keys(inputs: AttentionInputs, start: int) -> AttentionInputs:
    """The call with the keys from ``start`` on larger and turned round."""
    keys = torch.cat([inputs.keys[:, :, :start], -3 * inputs.keys[:, :, start:] - 1], 2)
    return changed(inputs, keys=keys)
