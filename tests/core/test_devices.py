"""No tensor is made on a device of its own choosing.

Torch's default device is set to ``meta`` while the data is on the CPU: whatever forgets to say where it belongs lands
on ``meta``, and the first operation that mixes the two fails.
"""

import pytest
import torch
from hypothesis import given

from sah_core import AttentionInputs, Mask, attention_denominator, attention_numerator, masked_attention
from sah_core.randomness import row_uniforms
from sah_core.testing import attention_inputs, masks


@given(masks())
def test_masks_stay_where_they_are(mask: Mask) -> None:
    """Every operation of a mask works, and answers on the mask's device."""
    if mask.device is None:
        return
    visible = torch.ones(mask.shape, dtype=torch.bool)
    with torch.device("meta"):
        assert mask <= mask | mask.promote() | Mask.full(mask.shape)
        assert mask == Mask.empty(mask.shape) | mask.restrict(visible)
        assert mask.certain() <= mask[:, :, :] <= Mask.full(mask.shape)
        assert mask.density() == mask.density(visible)
        results = [mask.to_dense(), *mask.to_indices(), *mask.to_csr(), mask.attended(), mask.to_sparse_csr()]
    assert {result.device.type for result in results} == {"cpu"}


@given(attention_inputs())
def test_attention_stays_where_it_is(inputs: AttentionInputs) -> None:
    """So do visibility, logits, draws and the three sums, under the masks that have no device of their own too."""
    with torch.device("meta"):
        full = Mask.full(inputs.shape)
        results = [
            masked_attention(inputs, full),
            attention_numerator(inputs, full),
            attention_denominator(inputs, Mask.empty(inputs.shape)),
            row_uniforms(inputs, inputs.shape[1]),
            inputs.keys_of_size(0.3),
            inputs.first_tokens,
            inputs.start_of_last(inputs.keys_of_size(2)),
        ]
    assert {result.device.type for result in results} == {"cpu"}


def test_the_trap_catches_what_it_should() -> None:
    """A tensor made without a device, mixed with the data, is the error this module relies on."""
    data = torch.ones(3)
    with torch.device("meta"), pytest.raises(RuntimeError, match="device"):
        _ = (data + torch.arange(3)).tolist()
