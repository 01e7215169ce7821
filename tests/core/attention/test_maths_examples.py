"""Attention by hand, and what else must hold of it: dtypes, gradients, dropout, errors with names."""

import math
from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from sah_core import (
    AttentionInputs,
    EmptyRowError,
    InputsError,
    Mask,
    NumericalError,
    attention_denominator,
    attention_numerator,
    masked_attention,
)


def three(tensors: Iterable[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values."""
    queries, keys, values = tensors
    return queries, keys, values


def tiny(logits: list[float], values: list[float], **options: object) -> AttentionInputs:
    """One query whose logits are these, over keys of width 1 with these values."""
    keys = torch.tensor(logits).reshape(1, 1, -1, 1)
    return AttentionInputs(torch.ones(1, 1, 1, 1), keys, torch.tensor(values).reshape(1, 1, -1, 1), **options)  # type: ignore[arg-type]  # options of any type


def test_weights_by_hand() -> None:
    """Logits 0 and log 3, the second drawn with pi = .5: N = (1*10 + 3*20/.5)/3, D = (1 + 3/.5)/3, N/D = 130/7."""
    inputs = tiny([0.0, math.log(3), 99.0], [10.0, 20.0, 1e6])
    mask = Mask.from_indices(inputs.shape, torch.tensor([[[[0, 1]]]]), torch.tensor([[[[1.0, 0.5]]]]))
    assert attention_numerator(inputs, mask).item() == pytest.approx(130 / 3)
    assert attention_denominator(inputs, mask).item() == pytest.approx(7 / 3)
    assert masked_attention(inputs, mask).item() == pytest.approx(130 / 7)


def test_a_sink_takes_its_share_and_gives_nothing() -> None:
    """One key with logit 0 and value 6, sink with logit log 2: 6 / (1 + 2)."""
    inputs = tiny([0.0], [6.0], sinks=torch.tensor([math.log(2)]))
    assert masked_attention(inputs, Mask.full(inputs.shape)).item() == pytest.approx(2.0)
    zero = torch.zeros(1, 1, 1, 1)
    assert attention_denominator(inputs, Mask.full(inputs.shape), zero).item() == pytest.approx(3.0)


def test_small_probabilities_are_not_softened() -> None:
    """A key drawn with pi = 1e-6 weighs exactly a million: nothing is added to pi."""
    inputs = tiny([0.0], [1.0])
    mask = Mask.from_dense(torch.full(inputs.shape, 1e-6))
    assert attention_denominator(inputs, mask).item() == pytest.approx(1e6, rel=1e-6)


def test_expectation_over_every_draw_is_dense() -> None:
    """Each of 4 keys drawn with its own pi: over the 16 draws, weighed by probability, E[N] = N and E[D] = D."""
    torch.manual_seed(0)
    inputs = AttentionInputs(*three(torch.randn(1, 1, n, 4, dtype=torch.float64) for n in (1, 4, 4)))
    pi = torch.tensor([0.9, 0.5, 0.25, 0.05]).double()  # as stored: in float32
    shift = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    numerator, denominator = torch.zeros(1, 1, 1, 4).double(), torch.zeros(1, 1, 1, 1).double()
    for bits in range(16):
        drawn = torch.tensor([bool(bits >> key & 1) for key in range(4)])
        chance = torch.where(drawn, pi, 1 - pi).prod()
        mask = Mask.from_dense((drawn * pi).reshape(1, 1, 1, 4))
        numerator += chance * attention_numerator(inputs, mask, shift)
        denominator += chance * attention_denominator(inputs, mask, shift)
    full = Mask.full(inputs.shape)
    torch.testing.assert_close(numerator, attention_numerator(inputs, full, shift), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(denominator, attention_denominator(inputs, full, shift), rtol=1e-9, atol=1e-9)


def test_a_dominating_key_outside_the_mask_does_not_underflow_the_others() -> None:
    """A logit of 1e4 that is not attended to leaves the rest as they are."""
    inputs = tiny([1e4, 0.0, 0.0], [7.0, 1.0, 3.0])
    mask = Mask.from_indices(inputs.shape, torch.tensor([[[[1, 2]]]]))
    assert masked_attention(inputs, mask).item() == pytest.approx(2.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_output_has_the_queries_dtype_and_the_sums_at_least_float32(dtype: torch.dtype) -> None:
    """Inside, float32 or better; outside, what came in."""
    inputs = AttentionInputs(*three(torch.ones(1, 2, 3, 4, dtype=dtype) for _ in range(3)))
    mask = Mask.full(inputs.shape)
    assert masked_attention(inputs, mask).dtype == dtype
    inside = torch.float64 if dtype == torch.float64 else torch.float32
    assert attention_numerator(inputs, mask).dtype == attention_denominator(inputs, mask).dtype == inside


def test_gradients_are_those_of_dense_attention_at_the_full_mask() -> None:
    """Autograd through masked attention equals autograd through softmax(q k) v."""
    torch.manual_seed(0)
    parts = [torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    q, k, v = parts
    inputs = AttentionInputs(q, k, v)
    ours = torch.autograd.grad(masked_attention(inputs, Mask.full(inputs.shape)).square().sum(), parts)
    dense = torch.autograd.grad(((q @ k.mT / 2).softmax(-1) @ v).square().sum(), parts)
    for one, two in zip(ours, dense, strict=True):
        torch.testing.assert_close(one, two)


def test_dropout_falls_as_in_eager_attention() -> None:
    """With one global seed the result is that of dropout on the softmax weights."""
    torch.manual_seed(3)
    q, k, v = (torch.randn(2, 4, 6, 8) for _ in range(3))
    inputs = AttentionInputs(q, k, v, dropout=0.5)
    torch.manual_seed(11)
    ours = masked_attention(inputs, Mask.full(inputs.shape))
    torch.manual_seed(11)
    weights = torch.nn.functional.dropout((q @ k.mT * 8**-0.5).softmax(-1), 0.5, training=True)
    torch.testing.assert_close(ours, weights @ v)


def test_an_empty_row_is_named() -> None:
    """Layer, batch row, head and query stand in the message, and what to do."""
    inputs = AttentionInputs(*three(torch.ones(2, 2, 3, 4) for _ in range(3)), layer_idx=5)
    probs = torch.ones(inputs.shape)
    probs[1, 0, 2] = 0
    with pytest.raises(EmptyRowError, match=r"layer 5, batch row 1, query head 0, query 2: .* add a sink or local"):
        masked_attention(inputs, Mask.from_dense(probs))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_inf_are_found_where_they_matter(bad: float) -> None:
    """In an attended logit or in the output they are an error that names the row; elsewhere they are not looked for."""
    keys, values = torch.ones(1, 1, 3, 2), torch.ones(1, 1, 3, 2)
    queries = torch.ones(1, 1, 1, 2)
    mask = Mask.from_indices((1, 1, 1, 3), torch.tensor([[[[0, 1]]]]))

    def replaced(tensor: Tensor, key: int) -> Tensor:
        return tensor.index_fill(2, torch.tensor([key]), bad)

    with pytest.raises(NumericalError, match="layer 0, batch row 0, query head 0, query 0: the logit of an attended"):
        masked_attention(AttentionInputs(queries, replaced(keys, 1), values), mask)
    with pytest.raises(NumericalError, match="query 0: the attention output is NaN or infinite"):
        masked_attention(AttentionInputs(queries, keys, replaced(values, 1)), mask)
    fine = masked_attention(AttentionInputs(queries, replaced(keys, 2), replaced(values, 2)), mask)
    assert fine.tolist() == [[[[1.0, 1.0]]]]


def test_attention_masks_longer_than_the_keys_are_cut() -> None:
    """A static cache's mask has columns past the keys; they are ignored."""
    q, k, v = (torch.randn(1, 1, n, 4) for n in (1, 3, 3))
    longer = torch.tensor([[[[True, False, True, True, True]]]])
    assert AttentionInputs(q, k, v, longer).visible.tolist() == [[[[True, False, True]]]]


def test_what_counts_as_hidden() -> None:
    """-inf and the dtype's minimum hide a key; a large negative bias does not."""
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        q, k, v = (torch.ones(1, 1, n, 4, dtype=dtype) for n in (1, 4, 4))
        bias = torch.tensor([[[[0.0, -30000.0, torch.finfo(dtype).min, -math.inf]]]]).to(dtype)
        assert AttentionInputs(q, k, v, bias).visible.tolist() == [[[[True, True, False, False]]]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"queries": torch.ones(2, 2, 4)}, r"queries should be a floating tensor .* not shape \(2, 2, 4\)"),
        ({"keys": [1.0]}, "keys should be a floating tensor .* not list"),
        ({"keys": torch.ones(1, 3, 5, 4), "values": torch.ones(1, 3, 5, 4)}, "4 query heads cannot share 3 KV heads"),
        ({"keys": torch.ones(1, 2, 5, 3)}, "the same batch and head width"),
        ({"values": torch.ones(1, 2, 6, 4)}, "the same batch, heads and length"),
        ({"keys": torch.ones(1, 2, 0, 4), "values": torch.ones(1, 2, 0, 4)}, "no empty dimension"),
        ({"attention_mask": torch.ones(1, 5)}, r"attention_mask has shape \(1, 5\)"),
        ({"attention_mask": torch.ones(1, 1, 2, 4)}, "broadcastable to"),
        ({"attention_mask": torch.ones(1, 1, 2, 5).long()}, "attention_mask has dtype torch.int64"),
        ({"sinks": torch.ones(2)}, r"sinks has shape \(2,\); expected \(4,\)"),
        ({"dropout": 1.0}, r"dropout should be a probability in \[0, 1\), not 1.0"),
        ({"query_positions": torch.arange(3)}, r"query_positions has shape \(3,\)"),
        ({"key_offset": -1}, "key_offset should be 0 or more"),
        ({"row_ids": [1, 2]}, "row_ids has 2 entries; expected 1"),
        ({"padding": torch.zeros(2)}, r"padding has shape \(2,\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change: dict[str, object], sentence: str) -> None:
    """Each mistake names what was given and what was expected."""
    fitting: dict[str, object] = {
        "queries": torch.ones(1, 4, 2, 4),
        "keys": torch.ones(1, 2, 5, 4),
        "values": torch.ones(1, 2, 5, 4),
    }
    with pytest.raises(InputsError, match=sentence):
        AttentionInputs(**(fitting | change))  # type: ignore[arg-type]  # mistakes of any type
    with pytest.raises(InputsError, match="the mask has shape"):
        masked_attention(AttentionInputs(**fitting), Mask.full((1, 4, 2, 6)))  # type: ignore[arg-type]  # as above
