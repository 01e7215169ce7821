"""The weights that the heads of a group give a key together, from logits that joint codes have."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_masker_pqcache.group_weights import group_weights

pytestmark = pytest.mark.usefixtures("reader")
SCALES = st.sampled_from([1.0, 30.0, 1e3, 1e5])
"""Of logits: float64 takes the exponential of differences up to 708."""


def by_logarithms(logits: Tensor, counts: Tensor) -> Tensor:
    """The same without a sum of weights: nothing of it can underflow."""
    held = counts.unsqueeze(2)
    opened = logits.double().masked_fill(held == 0, -torch.inf)
    weights = opened - (opened + held.double().log()).logsumexp(-1, keepdim=True)
    return weights.nan_to_num(nan=-torch.inf).logsumexp(2).float()


def drawn(seed: int, scale: float, shape: tuple[int, int, int], dtype: torch.dtype, rows: int) -> tuple[Tensor, Tensor]:
    """Logits (2, 2, g, q, codes) of these g, q and codes, and how many keys have a code, often none."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn((2, 2, *shape), generator=random).to(dtype) * scale
    return logits, torch.randint(-2, 4, (2, 2, rows, shape[2]), generator=random, dtype=torch.int32).clamp(min=0)


@given(
    st.integers(0, 2**16),
    SCALES,
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 40)),
    st.sampled_from([torch.float32, torch.float64]),
    st.booleans(),
)
def test_it_is_the_logarithm_of_the_summed_softmax(
    seed: int, scale: float, shape: tuple[int, int, int], dtype: torch.dtype, alike: bool
) -> None:
    """For any heads and queries, with counts of their own or not, however far apart logits are."""
    logits, counts = drawn(seed, scale, shape, dtype, 1 if alike else shape[1])
    # Float64 rounds a sum near 1e5 to about 1e-11.
    torch.testing.assert_close(group_weights(logits, counts), by_logarithms(logits, counts), rtol=3e-7, atol=1e-10)


@given(st.integers(0, 2**16), SCALES, st.integers(1, 4), st.integers(1, 300))
def test_codes_of_equal_logits_have_equal_weights(seed: int, scale: float, g: int, codes: int) -> None:
    """To the last bit, whatever their place and the others, if any key has them."""
    logits, counts = drawn(seed, scale, (g, 1, codes), torch.float32, 1)
    found = group_weights(torch.cat([logits, logits], -1), torch.cat([counts + 1, counts + 2], -1))
    assert torch.equal(found[..., :codes], found[..., codes:])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_head_with_a_logit_that_is_no_number(number: float) -> None:
    """NaN and infinity silence the head; where no key has the code, they do not matter; -inf is a weight of 0."""
    logits = torch.tensor([[0.0, 1.0, 2.0], [3.0, 2.0, 4.0]]).reshape(1, 1, 2, 1, 3)
    broken = logits.clone()
    broken[0, 0, 1, 0, 1] = number
    everywhere, elsewhere = (
        torch.tensor(counts, dtype=torch.int32).reshape(1, 1, 1, 3) for counts in ([1] * 3, [1, 0, 1])
    )
    others = logits[:, :, :1] if number != -math.inf else broken
    torch.testing.assert_close(group_weights(broken, everywhere), by_logarithms(others, everywhere))
    assert torch.equal(group_weights(broken, elsewhere), group_weights(logits, elsewhere))


def test_weights_by_hand() -> None:
    """Weights 3 and 1 where two keys have the second: 3/5 and 1/5; of 8 and 1: 8/10 and 1/10; together 1.4 and .3."""
    logits = torch.tensor([[3.0, 1.0, 9.0], [8.0, 1.0, 9.0]]).log().reshape(1, 1, 2, 1, 3)
    found = group_weights(logits, torch.tensor([1, 2, 0], dtype=torch.int32).reshape(1, 1, 1, 3))
    assert found.exp().flatten().tolist() == pytest.approx([1.4, 0.3, 0.0], abs=1e-6)


def test_weights_too_small_for_a_float_by_hand() -> None:
    """Logits 0, -2000 and -3000 of one head: their logarithms are just these, for the rest weighs nothing."""
    logits = torch.tensor([0.0, -2000.0, -3000.0]).reshape(1, 1, 1, 1, 3)
    assert group_weights(logits, torch.ones(1, 1, 1, 3, dtype=torch.int32)).flatten().tolist() == [
        0.0,
        -2000.0,
        -3000.0,
    ]
