"""Uniform random sampling: how many keys, with what probability, and that every sum is estimated without bias."""

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    Mask,
    apply_maskers,
    attention_denominator,
    attention_numerator,
    create_masker,
    create_maskers,
    masked_attention,
)
from sah_core.grouped_heads import by_group
from sah_core.testing import attention_inputs, masks

RATES = (0.07, 0.1, 0.25, 0.5, 1.0)


def drawn(inputs: AttentionInputs, previous: Mask | None = None, **config: Any) -> Mask:
    previous = Mask.empty(inputs.shape) if previous is None else previous
    return create_masker({"kind": "random", **config}).add_mask(inputs, previous)


def of_logits(
    logits: Tensor,
    values: Tensor | None = None,
    *,
    rows: int = 1,
    first_row: int = 0,
    heads: int = 1,
    kv_heads: int = 1,
) -> AttentionInputs:
    """The same query and float64 keys with these logits (k) for every row and head: each row and head is a trial."""
    keys = logits.double().reshape(1, 1, -1, 1).expand(rows, kv_heads, -1, -1)
    values = torch.ones(len(logits), 1) if values is None else values
    return AttentionInputs(
        torch.ones(rows, heads, 1, 1, dtype=torch.float64),
        keys,
        values.double().reshape(1, 1, len(logits), -1).expand(rows, kv_heads, -1, -1),
        scaling=1.0,
        row_ids=range(first_row, first_row + rows),
    )


def sums(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """Denominator and numerator side by side, (b, hq, 1 + dv), no shift."""
    shift = torch.zeros((), dtype=torch.float64)
    return torch.cat([part(inputs, mask, shift) for part in (attention_denominator, attention_numerator)], -1)[:, :, 0]


def dense(logits: Tensor, values: Tensor) -> Tensor:
    """The sums over all keys, (1, 1, 1 + dv)."""
    inputs = of_logits(logits, values)
    return sums(inputs, Mask.full(inputs.shape))


def assert_unbiased(ratios: Tensor, *, within: float = 0.005) -> None:
    """Ratios (trials, n) of estimate and truth average to 1: within the bound, and within 4 standard errors."""
    error = ratios.std(0) / len(ratios) ** 0.5
    assert bool((error > 0).all())
    assert bool((error <= within).all())
    assert bool(((ratios.mean(0) - 1).abs() <= torch.minimum(4 * error, torch.tensor(within))).all()), ratios.mean(0)


# -- laws ----------------------------------------------------------------------------------------------------------


@given(attention_inputs(), st.data(), st.sampled_from(RATES), st.booleans())
def test_it_draws_the_share_of_the_residual_exactly(
    inputs: AttentionInputs, data: st.DataObject, rate: float, share: bool
) -> None:
    """ceil(rate n) of the n residual keys of a row, or of a group's union, each with pi = ceil(rate n) / n."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    after = drawn(inputs, previous, rate=rate, share_kv_group=share).to_dense()
    free = inputs.visible & (previous.to_dense() == 0)
    if share:
        free = by_group(free, inputs.kv_heads).any(2)
    group = inputs.shape[1] // free.shape[1]
    for place in [(b, h, q) for b in range(free.shape[0]) for h in range(free.shape[1]) for q in range(free.shape[2])]:
        n = int(free[place].sum())
        b = math.ceil(Fraction(str(rate)) * n)
        heads = slice(place[1] * group, (place[1] + 1) * group)
        before, new = previous.to_dense()[place[0], heads, place[2]], after[place[0], heads, place[2]]
        assert bool((new[before > 0] == 1).all())
        chosen = ((before == 0) & (new > 0)).any(0)  # by a head that did not have the key before
        assert bool((chosen <= free[place]).all())
        assert int(chosen.sum()) == b
        assert bool((new[(before == 0) & (new > 0)] == torch.tensor(b / max(n, 1))).all())


@given(attention_inputs(), st.data(), st.booleans(), st.sampled_from(["without_replacement", "bernoulli"]))
def test_rate_one_is_dense(inputs: AttentionInputs, data: st.DataObject, share: bool, mode: str) -> None:
    """Every visible key, for certain."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    after = drawn(inputs, previous, rate=1, mode=mode, share_kv_group=share)
    assert after == Mask.full(inputs.shape).restrict(inputs.visible)


@settings(max_examples=40)
@given(st.integers(1, 8), st.integers(0, 5), st.sampled_from(RATES), st.booleans(), st.integers(0, 99))
def test_a_row_draws_the_same_alone_in_a_batch_and_behind_padding(
    keys: int, pad: int, rate: float, share: bool, seed: int
) -> None:
    """The keys drawn depend on the row's id and its own tokens."""
    random = torch.Generator().manual_seed(seed)
    q, k = torch.randn(3, 4, 1, 2, generator=random), torch.randn(3, 2, keys + pad, 2, generator=random)
    pads = torch.tensor([pad, pad, 0]).reshape(3, 1, 1, 1)
    batch = AttentionInputs(q, k, k, torch.arange(keys + pad) >= pads, row_ids=[7, 8, 9], seed=seed)
    alone = AttentionInputs(q[1:2], k[1:2, :, pad:], k[1:2, :, pad:], row_ids=[8], seed=seed)
    together = drawn(batch, rate=rate, share_kv_group=share)[1].to_dense()[..., pad:]
    assert torch.equal(together, drawn(alone, rate=rate, share_kv_group=share).to_dense())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_draw_does_not_depend_on_the_dtype(dtype: torch.dtype) -> None:
    """Positions are drawn, not values."""
    keys = torch.randn(1, 1, 40, 4, generator=torch.Generator().manual_seed(0))
    double, other = (AttentionInputs(k[:, :, :1], k, k) for k in (keys.double(), keys.to(dtype)))
    assert drawn(double, rate=0.3) == drawn(other, rate=0.3)
    assert masked_attention(other, drawn(other, rate=0.3)).dtype == dtype


# -- examples ------------------------------------------------------------------------------------------------------


def test_the_six_draws_of_two_of_four_keys_average_to_the_dense_sums() -> None:
    """Weights 1 2 3 4, values 1 10 100 1000: all pairs turn up, equally often; their estimates average to 10, 4321."""
    rows = 6000
    inputs = of_logits(torch.tensor([1.0, 2, 3, 4]).log(), torch.tensor([1.0, 10, 100, 1000]), rows=rows)
    mask = drawn(inputs, rate=0.5)
    estimates: dict[tuple[int, ...], list[float]] = {}
    times: dict[tuple[int, ...], int] = {}
    for keys, both in zip(mask.to_indices()[0][:, 0, 0].tolist(), sums(inputs, mask)[:, 0].tolist(), strict=True):
        estimates[tuple(keys)] = both
        times[tuple(keys)] = times.get(tuple(keys), 0) + 1
    assert estimates[0, 1] == pytest.approx([6, 42])
    assert estimates[2, 3] == pytest.approx([14, 8600])
    assert len(estimates) == 6
    average = [sum(column) / 6 for column in zip(*estimates.values(), strict=True)]
    assert average == pytest.approx([10, 4321])
    error = (rows * (1 / 6) * (5 / 6)) ** 0.5
    assert all(abs(count - rows / 6) < 4 * error for count in times.values())


def test_a_rate_is_the_decimal_that_was_written() -> None:
    """0.1 of 30 keys is 3, although 0.1 * 30 > 3 in floating point; 0.1 of 31 is 4; 0.07 of 100 is 7."""
    for keys, rate, expected in ((30, 0.1, 3), (31, 0.1, 4), (100, 0.07, 7), (1, 0.01, 1)):
        mask = drawn(of_logits(torch.zeros(keys)), rate=rate)
        assert mask.to_indices()[2].item() == expected


def test_few_residual_keys() -> None:
    """Of 0 residual keys none is drawn, of 1 that one, of 2 one with pi = 1 / 2; what was kept is certain."""
    inputs = of_logits(torch.zeros(4))
    for kept in range(2, 5):
        previous = Mask.from_indices(inputs.shape, torch.arange(kept).reshape(1, 1, 1, -1))
        new = drawn(inputs, previous, rate=0.5).to_dense().flatten().tolist()
        assert new[:kept] == [1.0] * kept
        assert sorted(new[kept:]) == {2: [0.0, 0.5], 3: [1.0], 4: []}[kept]


def test_a_group_draws_once_from_the_union_of_its_residuals() -> None:
    """Head 0 keeps key 0, head 1 keeps key 1: two of all four keys are drawn, with pi = 1 / 2."""
    inputs = of_logits(torch.zeros(4), heads=2)
    previous = Mask.from_indices(inputs.shape, torch.tensor([[[[0]], [[1]]]]))
    seen = set()
    for seed in range(40):
        at = AttentionInputs(inputs.queries, inputs.keys, inputs.values, seed=seed)
        first, second = drawn(at, previous, rate=0.5, share_kv_group=True).to_dense()[0, :, 0].tolist()
        assert first[0] == second[1] == 1
        assert {first[1], *first[2:], second[0], *second[2:]} <= {0.0, 0.5}
        assert first[2:] == second[2:]
        seen.add((second[0], first[1], *first[2:]))
    assert len(seen) == 6


# -- estimates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["without_replacement", "bernoulli"])
@pytest.mark.parametrize(("rate", "trials"), [(0.1, 204_800), (0.25, 65_536), (0.5, 32_768)])
def test_numerator_and_denominator_are_unbiased(rate: float, trials: int, mode: str) -> None:
    """64 keys with logits of std 1: both sums are 1.000 of the dense ones, within 0.5 %."""
    random = torch.Generator().manual_seed(3)
    logits, values = torch.randn(64, generator=random), torch.rand(64, 1, generator=random)
    ratios = []
    for first in range(0, trials // 64, 512):
        inputs = of_logits(logits, values, rows=min(512, trials // 64 - first), first_row=first, heads=64)
        ratios.append((sums(inputs, drawn(inputs, rate=rate, mode=mode)) / dense(logits, values)).flatten(0, 1))
    assert len(torch.cat(ratios)) == trials
    assert_unbiased(torch.cat(ratios))


@pytest.mark.parametrize("mode", ["without_replacement", "bernoulli"])
def test_a_shared_draw_is_unbiased_for_every_head(mode: str) -> None:
    """Two heads of a group that keep different keys for certain: each estimates its own sums."""
    random = torch.Generator().manual_seed(4)
    logits, values, trials = torch.randn(64, generator=random), torch.rand(64, 1, generator=random), 65_536
    ratios = []
    for first in range(0, trials // 64, 256):
        inputs = of_logits(logits, values, rows=256, first_row=first, heads=128, kv_heads=64)
        kept = torch.tensor([[0, 1, 2], [2, 3, 4]]).repeat(64, 1).reshape(1, 128, 1, 3)
        previous = Mask.from_indices(inputs.shape, kept)
        estimates = sums(inputs, drawn(inputs, previous, rate=0.25, mode=mode, share_kv_group=True))
        ratios.append((estimates / dense(logits, values)).reshape(256 * 64, 2 * 2))
    assert_unbiased(torch.cat(ratios))


def test_the_variance_of_simple_random_sampling() -> None:
    """var(D^) = n^2 (1 - b / n) S^2 / b, S^2 with n - 1, within 4 standard errors of a variance."""
    logits, n, b = torch.randn(64, generator=torch.Generator().manual_seed(5)), 64, 16
    inputs = of_logits(logits, rows=512, heads=64)
    estimates = sums(inputs, drawn(inputs, rate=0.25))[..., 0].flatten()
    squares = (estimates - estimates.mean()) ** 2
    expected = n**2 * (1 - b / n) * logits.double().exp().var() / b
    assert abs(squares.mean() - expected) <= 4 * squares.std() / len(squares) ** 0.5


@pytest.mark.filterwarnings("ignore::sah_core.config.CompositionWarning")
@pytest.mark.parametrize(
    "kinds",
    [["sink", "local", "oracle_top_k", "random"], ["random", "random"], ["random", "oracle_top_k"]],
    ids="-".join,
)
def test_every_chain_is_unbiased(kinds: list[str]) -> None:
    """Whatever stands before or after the draw, both sums average to the dense ones."""
    options: dict[str, dict[str, Any]] = {
        "sink": {"size": 2},
        "local": {"window": 4},
        "oracle_top_k": {"budget": 4},
        "random": {"rate": 0.4},
    }
    maskers = create_maskers([{"kind": kind, **options[kind]} for kind in kinds])
    random = torch.Generator().manual_seed(6)
    logits, values = torch.randn(64, generator=random), torch.rand(64, 2, generator=random)
    inputs = of_logits(logits, values, rows=256, heads=64)
    ratios = sums(inputs, apply_maskers(maskers, inputs)) / dense(logits, values)
    assert_unbiased(ratios.flatten(0, 1))


def test_a_sampler_after_a_sampler_warns() -> None:
    """It discards the first one's weights."""
    inputs = of_logits(torch.zeros(8))
    with pytest.warns(UserWarning, match="discards its weights"):
        apply_maskers(create_maskers([{"kind": "random"}, {"kind": "random"}]), inputs)
