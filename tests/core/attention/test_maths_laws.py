"""Laws of attention from a mask, against a reference written key by key in float64."""

import math

import attrs
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, EmptyRowError, Mask, attention_denominator, attention_numerator, masked_attention
from sah_core.testing import attention_inputs, masks


def reference(inputs: AttentionInputs, probs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Numerator, denominator and the shift they use, key by key as the definition says; float64."""
    b, hq, q, k = inputs.shape
    dv = inputs.values.shape[-1]
    numerator, denominator = torch.zeros(b, hq, q, dv).double(), torch.zeros(b, hq, q, 1).double()
    shift = torch.zeros(b, hq, q, 1).double()
    scaling = inputs.queries.shape[-1] ** -0.5
    bias = torch.zeros(b, hq, q, k).double()
    mask = inputs.attention_mask
    if mask is not None and mask.dtype != torch.bool:
        bias = mask.double().expand(b, hq, q, k)
    for row in ((i, h, j) for i in range(b) for h in range(hq) for j in range(q)):
        i, h, j = row
        kv = h // (hq // inputs.keys.shape[1])
        terms = []
        for key in range(k):
            if probs[i, h, j, key] > 0 and inputs.visible.expand(b, hq, q, k)[i, h, j, key]:
                s = float(inputs.queries[i, h, j].double() @ inputs.keys[i, kv, key].double()) * scaling
                if inputs.softcap is not None:
                    s = inputs.softcap * math.tanh(s / inputs.softcap)
                terms.append((s + float(bias[i, h, j, key]), float(probs[i, h, j, key]), key))
        sink = None if inputs.sinks is None else float(inputs.sinks[h])
        m = max([s for s, _, _ in terms] + ([] if sink is None else [sink]), default=0.0)
        shift[row] = m
        for s, pi, key in terms:
            numerator[row] += math.exp(s - m) / pi * inputs.values[i, kv, key].double()
            denominator[row] += math.exp(s - m) / pi
        if sink is not None:
            denominator[row] += math.exp(sink - m)
    return numerator, denominator, shift


@st.composite
def inputs_and_mask(draw: st.DrawFn, dtype: torch.dtype = torch.float64) -> tuple[AttentionInputs, Mask]:
    inputs = draw(attention_inputs(dtype=dtype))
    return inputs, draw(masks(inputs.shape, probabilities=(1.0, 0.5, 0.01)))


def somewhere(inputs: AttentionInputs, mask: Mask) -> Mask:
    """The mask, with every visible key added to the rows that would attend to none."""
    empty = mask.attended(inputs.visible) == 0
    return mask | Mask.from_dense((empty.unsqueeze(-1) & inputs.visible).float())


@given(inputs_and_mask())
def test_numerator_and_denominator_are_their_definitions(case: tuple[AttentionInputs, Mask]) -> None:
    """Both equal the sums written out in float64, with the row maximum over the attended keys and the sink."""
    inputs, mask = case
    numerator, denominator, shift = reference(inputs, mask.to_dense())
    torch.testing.assert_close(attention_numerator(inputs, mask, shift), numerator, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(attention_denominator(inputs, mask, shift), denominator, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(attention_denominator(inputs, mask), denominator, rtol=1e-9, atol=1e-9)


@given(inputs_and_mask(dtype=torch.float32))
def test_float32_is_as_exact_as_float32_can_be(case: tuple[AttentionInputs, Mask]) -> None:
    """The output of float32 tensors differs from that of the same in float64 by what rounding the logits costs."""
    inputs, mask = case[0], somewhere(*case)
    double = AttentionInputs(
        inputs.queries.double(),
        inputs.keys.double(),
        inputs.values.double(),
        inputs.visible,
        softcap=inputs.softcap,
        sinks=inputs.sinks,
    )
    single = attrs.evolve(double, queries=inputs.queries, keys=inputs.keys, values=inputs.values, shared={})
    largest = double.logits.masked_fill(~double.visible, 0.0).abs().max()
    tolerance = 1e-5 + 1e-6 * float(largest)
    error = (masked_attention(single, mask) - masked_attention(double, mask)).abs().max()
    assert float(error) <= tolerance * float(inputs.values.abs().max())


@given(inputs_and_mask())
def test_output_is_the_quotient(case: tuple[AttentionInputs, Mask]) -> None:
    """The output is numerator over denominator; a row that sees no key gives zeros."""
    inputs, mask = case[0], somewhere(*case)
    output = masked_attention(inputs, mask)
    sees = inputs.visible.any(-1, keepdim=True)
    quotient = attention_numerator(inputs, mask) / attention_denominator(inputs, mask)
    torch.testing.assert_close(output, torch.where(sees, quotient, 0.0), rtol=1e-9, atol=1e-9)


@given(inputs_and_mask(), st.floats(-3, 3))
def test_the_shift_only_scales(case: tuple[AttentionInputs, Mask], by: float) -> None:
    """A shift larger by c makes numerator and denominator exp(-c) times as large."""
    inputs, mask = case
    _, _, shift = reference(inputs, mask.to_dense())
    one, two = shift, shift + by
    for part in (attention_numerator, attention_denominator):
        scaled = part(inputs, mask, one) * math.exp(-by)
        torch.testing.assert_close(part(inputs, mask, two), scaled, rtol=1e-9, atol=1e-9)


@given(attention_inputs(dtype=torch.float64))
def test_full_mask_is_dense_attention(inputs: AttentionInputs) -> None:
    """Under the full mask the output is softmax(s) v over the visible keys, with keys repeated for the query heads."""
    b, hq, q, k = inputs.shape
    group = inputs.group_size
    keys, values = (t.repeat_interleave(group, 1).double() for t in (inputs.keys, inputs.values))
    logits = inputs.queries.double() @ keys.transpose(-1, -2) * inputs.queries.shape[-1] ** -0.5
    if inputs.softcap is not None:
        logits = torch.tanh(logits / inputs.softcap) * inputs.softcap
    mask = inputs.attention_mask
    if mask is not None and mask.dtype != torch.bool:
        logits = logits + mask.double()
    logits = logits.masked_fill(~inputs.visible, -torch.inf)
    if inputs.sinks is not None:
        logits = torch.cat([logits, inputs.sinks.double().reshape(1, hq, 1, 1).expand(b, hq, q, 1)], -1)
    expected = logits.softmax(-1)[..., :k] @ values
    expected = torch.where(inputs.visible.any(-1, keepdim=True), expected, 0.0)
    output = masked_attention(inputs, Mask.full(inputs.shape))
    torch.testing.assert_close(output, expected, rtol=1e-9, atol=1e-9)


@given(inputs_and_mask(), st.sampled_from([math.nan, math.inf, 1e30]))
def test_keys_that_nobody_attends_to_have_no_influence(case: tuple[AttentionInputs, Mask], junk: float) -> None:
    """Whatever stands in keys and values that no row attends to, the output is the same to the bit."""
    inputs, mask = case[0], somewhere(*case)
    attended = (mask.to_dense() > 0) & inputs.visible
    used = attended.reshape(inputs.shape[0], inputs.kv_heads, -1, inputs.shape[3]).any(2).unsqueeze(-1)
    changed = AttentionInputs(
        inputs.queries,
        torch.where(used, inputs.keys, junk),
        torch.where(used, inputs.values, junk),
        inputs.attention_mask,
        softcap=inputs.softcap,
        sinks=inputs.sinks,
    )
    assert torch.equal(masked_attention(changed, mask), masked_attention(inputs, mask))


@given(inputs_and_mask())
def test_the_representation_of_the_mask_does_not_matter(case: tuple[AttentionInputs, Mask]) -> None:
    """Dense and index form of one mask give the same output to the bit."""
    inputs, mask = case[0], somewhere(*case)
    dense = Mask.from_dense(mask.to_dense())
    index = Mask.from_indices(inputs.shape, *mask.to_indices())
    assert torch.equal(masked_attention(inputs, dense), masked_attention(inputs, index))


@given(inputs_and_mask())
def test_a_row_that_sees_keys_and_attends_to_none_is_an_error(case: tuple[AttentionInputs, Mask]) -> None:
    """masked_attention raises exactly where such a row exists; numerator and denominator give 0, or the sink's term."""
    inputs, mask = case
    empty = (mask.attended(inputs.visible) == 0) & inputs.visible.any(-1)
    assume(bool(empty.any()))
    with pytest.raises(EmptyRowError, match="none was selected"):
        masked_attention(inputs, mask)
    assert bool((attention_numerator(inputs, mask)[empty] == 0).all())
    sink = 0.0 if inputs.sinks is None else 1.0
    assert bool((attention_denominator(inputs, mask)[empty] == sink).all())


@given(attention_inputs(dtype=torch.float64), st.data())
def test_logits_at_a_few_keys_are_those_of_all(inputs: AttentionInputs, data: st.DataObject) -> None:
    """logits_at gathers from what logits computes."""
    b, hq, q, k = inputs.shape
    m = data.draw(st.integers(1, 3))
    seed = data.draw(st.integers(0, 99))
    indices = torch.randint(k, (b, hq, q, m), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(inputs.logits_at(indices), inputs.logits.gather(-1, indices), rtol=1e-9, atol=1e-9)
