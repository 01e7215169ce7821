"""vAttention: how many keys it asks for, what it reads, that it is not biased, and that it holds its promise."""

import math
from statistics import NormalDist, mean, variance
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    ConfigError,
    Mask,
    NumericalError,
    apply_maskers,
    attention_denominator,
    attention_numerator,
    create_masker,
    create_maskers,
    masked_attention,
)
from sah_core.grouped_heads import by_group
from sah_core.testing import attention_inputs, masks

TOP_K = {"kind": "oracle_top_k", "budget": 0.02}


def sampled(inputs: AttentionInputs, previous: Mask | None = None, **config: Any) -> Mask:
    previous = Mask.empty(inputs.shape) if previous is None else previous
    return create_masker({"kind": "vattention", **config}).add_mask(inputs, previous)


def of_logits(logits: Tensor, values: Tensor | None = None, *, heads: int = 1, **options: Any) -> AttentionInputs:
    """One query a row, float64 keys of these logits (b, k), seen by every head: each row and head is a trial."""
    keys = logits.double()[:, None, :, None]
    values = torch.ones_like(keys) if values is None else values.double()[:, None]
    queries = torch.ones(len(logits), heads, 1, 1, dtype=torch.float64)
    return AttentionInputs(queries, keys, values, scaling=1.0, **options)


def gaussian(std: float, *, rows: int = 1, keys: int = 4096, seed: int = 0) -> Tensor:
    """Logits (rows, keys)."""
    return torch.randn(rows, keys, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * std


def relative_errors(inputs: AttentionInputs, mask: Mask) -> dict[str, Tensor]:
    """The relative error of denominator, numerator and output, (b, hq) each."""
    shift, full = inputs.logits.amax(-1, keepdim=True), Mask.full(inputs.shape)
    d, n = attention_denominator(inputs, mask, shift), attention_numerator(inputs, mask, shift)
    d_dense, n_dense = attention_denominator(inputs, full, shift), attention_numerator(inputs, full, shift)
    pairs = {"denominator": (d, d_dense), "numerator": (n, n_dense), "sdpa": (n / d, n_dense / d_dense)}
    return {name: ((one - two).norm(dim=-1) / two.norm(dim=-1)).flatten(1) for name, (one, two) in pairs.items()}


def signed_errors(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The signed relative errors of denominator and numerator, (b, hq, 2), for values of one coordinate."""
    shift, full = inputs.logits.amax(-1, keepdim=True), Mask.full(inputs.shape)
    parts = (attention_denominator, attention_numerator)
    return torch.cat([part(inputs, mask, shift) / part(inputs, full, shift) - 1 for part in parts], -1)[:, :, 0]


def assert_unbiased(errors: Tensor) -> None:
    """Signed relative errors (trials, n) average to 0 within 4 standard errors, which are at most 0.5 %."""
    error = errors.std(0) / len(errors) ** 0.5
    assert bool(((error > 0) & (error <= 0.005)).all())
    assert bool((errors.mean(0).abs() <= 4 * error).all()), (errors.mean(0), error)


def more_than_base(mask: Mask, base: int) -> Tensor:
    """b' of each row, from an empty mask before: the keys drawn beyond the base sample."""
    return mask.to_indices()[2] - base


# -- the promise ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("std", "epsilon"), [(0.5, 0.1), (1.0, 0.1), (2.0, 0.1), (1.0, 0.05), (0.5, 0.02)])
def test_the_denominator_keeps_its_promise(std: float, epsilon: float) -> None:
    """4096 keys, top 2 % kept: more than epsilon off in at most 10 % of 2048 trials (+ 3 standard errors), unbiased."""
    delta, errors = 0.1, []
    maskers = create_maskers([TOP_K, {"kind": "vattention", "epsilon": epsilon, "delta": delta}])
    for chunk in range(8):
        logits = gaussian(std, rows=4, seed=chunk)
        inputs = of_logits(logits, heads=64, row_ids=range(4 * chunk, 4 * chunk + 4))
        estimate = attention_denominator(inputs, apply_maskers(maskers, inputs), torch.zeros(()))[..., 0, 0]  # (b, hq)
        errors.append((estimate / logits.exp().sum(-1, keepdim=True) - 1).flatten())
    signed = torch.cat(errors)
    violated = (signed.abs() > epsilon).double().mean()
    assert violated <= delta + 3 * (delta * (1 - delta) / len(signed)) ** 0.5
    assert_unbiased(signed.unsqueeze(-1))


@pytest.mark.parametrize("target", ["denominator", "numerator", "sdpa"])
def test_what_each_target_promises(target: str) -> None:
    """Each bounds its own error; the denominator's bound is none of the output's, sdpa bounds all three."""
    errors: dict[str, list[Tensor]] = {"denominator": [], "numerator": [], "sdpa": []}
    maskers = create_maskers([TOP_K, {"kind": "vattention", "epsilon": 0.1, "delta": 0.1, "target": target}])
    for row in range(4):
        random = torch.Generator().manual_seed(row)
        values = 1 + torch.randn(1, 4096, 16, generator=random)
        inputs = of_logits(gaussian(0.5, seed=10 + row), values, heads=64, row_ids=[row])
        for name, error in relative_errors(inputs, apply_maskers(maskers, inputs)).items():
            errors[name].append(error)
    violated = {name: float((torch.cat(error) > 0.1).double().mean()) for name, error in errors.items()}
    allowed = 0.1 + 3 * (0.1 * 0.9 / 256) ** 0.5
    assert violated[target] <= allowed
    if target == "sdpa":
        assert max(violated.values()) <= allowed
    if target == "denominator":
        assert violated["sdpa"] > 0.5


def test_heads_that_share_a_draw_each_keep_the_promise() -> None:
    """Two heads of a group, one with a kept top 2 % and one without: both unbiased, both within the bound."""
    signed = []
    for chunk in range(4):
        keys = gaussian(1.0, rows=4, seed=chunk)[:, None, :, None].expand(-1, 32, -1, -1)
        queries = torch.ones(4, 64, 1, 1, dtype=torch.float64)
        inputs = AttentionInputs(queries, keys, keys.sigmoid(), scaling=1.0, row_ids=range(4 * chunk, 4 * chunk + 4))
        top = create_masker(TOP_K).add_mask(inputs, Mask.empty(inputs.shape)).to_dense()
        top[:, 1::2] = 0
        mask = sampled(inputs, Mask.from_dense(top), epsilon=0.1, delta=0.1, share_kv_group=True)
        signed.append(by_group(signed_errors(inputs, mask), 32).flatten(0, 1))
    errors = torch.cat(signed)  # (trials, 2 heads, 2 sums)
    assert len(errors) == 512
    assert_unbiased(errors.flatten(1))
    assert bool(((errors[..., 0].abs() > 0.1).double().mean(0) <= 0.1 + 3 * (0.1 * 0.9 / 512) ** 0.5).all())


@pytest.mark.filterwarnings("ignore::sah_core.config.CompositionWarning")
@pytest.mark.parametrize(
    "kinds",
    [["sink", "local", "oracle_top_k", "vattention"], ["random", "vattention"], ["vattention", "oracle_top_k"]],
    ids="-".join,
)
def test_every_chain_is_unbiased(kinds: list[str]) -> None:
    """Whatever stands before or after it, both sums average to the dense ones."""
    options: dict[str, dict[str, Any]] = {"vattention": {"epsilon": 0.3, "delta": 0.2, "base_rate": 0.1}}
    maskers = create_maskers([{"kind": kind, **options.get(kind, {})} for kind in kinds])
    signed = []
    for row in range(128):
        logits = gaussian(1.0, keys=200, seed=row)
        inputs = of_logits(logits, logits.sigmoid().unsqueeze(-1), heads=64, row_ids=[row])
        signed.append(signed_errors(inputs, apply_maskers(maskers, inputs)).flatten(0, 1))
    assert_unbiased(torch.cat(signed))


# -- how many keys -------------------------------------------------------------------------------------------------


def number_needed(
    e: list[float], v: list[list[float]] | None, fixed: list[int], base: list[int], n: int, z: float, extra: float
) -> float:
    """(z n sigma / |T|)^2 by the definition, for the summands e_j v_j (or e_j), before epsilon."""
    width = 1 if v is None else len(v[0])
    spread, target = 0.0, 0.0
    for c in range(width):
        y = [e[j] if v is None else e[j] * v[j][c] for j in range(len(e))]
        of_base = [0.0 if j in fixed else y[j] for j in base]
        spread += variance(of_base)
        target += (sum(y[j] for j in {*fixed, *base}) + n * mean(of_base) + extra) ** 2
    return z**2 * n**2 * spread / target


@settings(max_examples=60)
@given(
    st.integers(0, 9999),
    st.sampled_from([0.3, 0.5, 0.9]),
    st.sampled_from([0.05, 0.2]),
    st.sampled_from(["denominator", "numerator", "sdpa"]),
    st.booleans(),
    st.booleans(),
)
def test_the_number_of_keys_is_the_formula(
    seed: int, epsilon: float, delta: float, target: str, with_sinks: bool, share: bool
) -> None:
    """b' = ceil((z n' sigma / (epsilon T))^2) in [1, n'], pi = b' / n', computed again key by key in Python."""
    random = torch.Generator().manual_seed(seed)
    logits, values = gaussian(0.5, keys=60, seed=seed), 1 + torch.randn(1, 60, 2, generator=random)
    sinks = torch.randn(2, generator=random, dtype=torch.float64) + 2 if with_sinks else None
    inputs = of_logits(logits, values, heads=2, sinks=sinks, seed=seed)
    # Head 0 keeps three keys, head 1 none, so that with a shared draw head 1 shows the whole base sample.
    previous = Mask.from_indices(
        inputs.shape, torch.tensor([[[[3, 10, 50]], [[0, 0, 0]]]]), counts=torch.tensor([[[3], [0]]])
    )
    after = sampled(
        inputs, previous, epsilon=epsilon, delta=delta, base_rate=0.25, target=target, share_kv_group=share
    ).to_dense()[0, :, 0]
    fixed = [[3, 10, 50], []]
    needed = []
    for head in (0, 1):
        n_s = 60 if share else 60 - len(fixed[head])
        b0 = n_s // 4
        certain = (after[1 if share else head] == 1).nonzero().flatten().tolist()
        base = certain if share else [j for j in certain if j not in fixed[head]]
        assume(len(base) == b0)  # else everything was drawn, with pi = 1, and the base sample is hidden
        e, v = logits[0].exp().tolist(), values[0].tolist()
        sink = 0.0 if sinks is None else float(sinks[head].exp())
        eps, dlt = (epsilon / (2 + epsilon), delta / 2) if target == "sdpa" else (epsilon, delta)
        z = NormalDist().inv_cdf(1 - dlt / 2)
        of_sums = []
        if target != "numerator":
            of_sums.append(number_needed(e, None, fixed[head], base, n_s - b0, z, sink))
        if target != "denominator":
            of_sums.append(number_needed(e, v, fixed[head], base, n_s - b0, z, 0.0))
        needed.append((n_s - b0, max(of_sums) / eps**2))
    if share:
        needed = [(45, max(number for _, number in needed))] * 2
    for head, (rest, number) in enumerate(needed):
        expected = min(max(math.ceil(number), 1), rest)
        drawn = after[head][(after[head] > 0) & (after[head] < 1)]
        assert bool((drawn == torch.tensor(expected / rest)).all())
        hidden = len(set(fixed[head])) if share else 0
        assert expected - hidden <= len(drawn) <= expected


def test_by_hand() -> None:
    """Of 8 keys of weight 1 or 3, a base of two, delta .5 (z = .674), epsilon .2.

    A base (1, 3): sigma^2 = 2 and T = 4 + 6 * 2 = 16, so b' = ceil((.674 * 6 / (.2 * 16))^2 * 2) = ceil(3.2) = 4 of 6.
    A base (1, 1) or (3, 3) has no spread: b' = 1 of 6.
    """
    logits = torch.tensor([[1.0, 1, 1, 1, 3, 3, 3, 3]]).log()
    seen = set()
    for seed in range(30):
        mask = sampled(of_logits(logits, seed=seed), epsilon=0.2, delta=0.5, base_rate=0.25)
        probs = mask.to_dense().flatten()
        base = tuple(logits[0][probs == 1].exp().round().int().tolist())
        more = {(1, 3): 4, (1, 1): 1, (3, 3): 1}[base]
        assert probs[(probs > 0) & (probs < 1)].tolist() == [torch.tensor(more / 6).item()] * more
        seen.add(base)
    assert len(seen) == 3


@pytest.mark.parametrize("target", ["denominator", "numerator", "sdpa"])
def test_half_the_error_takes_four_times_the_keys(target: str) -> None:
    """b' goes with 1 / epsilon^2 before it is rounded up, and meets its limits; sdpa's epsilon is eps / (2 + eps)."""
    values = 1 + 0.1 * gaussian(1.0, keys=20_000, seed=1).unsqueeze(-1)
    inputs = of_logits(gaussian(0.3, keys=20_000), values, heads=4)
    coarse, fine = 0.2, 0.1
    if target == "sdpa":
        fine = 2 * (x := coarse / (2 + coarse) / 2) / (1 - x)
    few, many = (
        more_than_base(sampled(inputs, epsilon=epsilon, target=target), base=1000) for epsilon in (coarse, fine)
    )
    assert bool((many > 4).all() and (many < 19_000).all())
    assert bool(((4 * (few - 1) < many) & (many <= 4 * few)).all())


@settings(max_examples=50)
@given(attention_inputs(max_keys=40), st.data(), st.sampled_from(["denominator", "numerator", "sdpa"]), st.booleans())
def test_a_smaller_error_or_risk_never_takes_fewer_keys(
    inputs: AttentionInputs, data: st.DataObject, target: str, share: bool
) -> None:
    """With the same random order, the keys for a looser promise are among those for a stricter one."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    stricter, looser = sorted(data.draw(st.tuples(*[st.floats(0.01, 0.99)] * 2)))
    safer, riskier = sorted(data.draw(st.tuples(*[st.floats(0.01, 0.25)] * 2)))
    options: dict[str, Any] = {"target": target, "share_kv_group": share, "base_rate": 0.1}
    few = sampled(inputs, previous, epsilon=looser, delta=riskier, **options)
    assert few <= sampled(inputs, previous, epsilon=stricter, delta=riskier, **options)
    assert few <= sampled(inputs, previous, epsilon=looser, delta=safer, **options)


@pytest.mark.parametrize("target", ["denominator", "numerator", "sdpa"])
def test_equal_keys_take_one_more_key(target: str) -> None:
    """Without spread one key tells everything: b' = 1, and the estimate is exact; values of zero have none either."""
    for values in (torch.ones(1, 100, 2), torch.zeros(1, 100, 2)):
        inputs = of_logits(torch.full((1, 100), 0.7), values, heads=3)
        mask = sampled(inputs, target=target)
        assert more_than_base(mask, base=5).flatten().tolist() == [1, 1, 1]
        torch.testing.assert_close(masked_attention(inputs, mask), values[:, :1].double().expand(3, 1, 2)[None])


def test_a_tiny_error_takes_everything() -> None:
    """epsilon near 0 is dense attention."""
    inputs = of_logits(gaussian(1.0, keys=300), heads=2)
    assert sampled(inputs, epsilon=1e-9) == Mask.full(inputs.shape)


def test_few_residual_keys() -> None:
    """Up to b0 = 2 residual keys are all kept; of 3 two are, and the third is drawn, for n' = 1."""
    for residual in range(4):
        inputs = of_logits(gaussian(1.0, keys=5 + residual))
        previous = Mask.from_indices(inputs.shape, torch.arange(5).reshape(1, 1, 1, 5))
        assert sampled(inputs, previous) == Mask.full(inputs.shape)
        if residual:
            assert sampled(of_logits(gaussian(1.0, keys=residual))) == Mask.full((1, 1, 1, residual))


def test_the_base_sample_is_the_decimal_share() -> None:
    """0.29 of 100 keys is 29, although 0.29 * 100 < 29 in floating point."""
    mask = sampled(of_logits(torch.zeros(1, 100)), base_rate=0.29)
    assert more_than_base(mask, base=29).item() == 1


# -- what it reads, and what it bears ------------------------------------------------------------------------------


def test_only_the_kept_keys_and_the_base_sample_are_read() -> None:
    """Whatever stands at the other keys and values, NaN even, the same keys are drawn."""
    values = 1 + 0.1 * gaussian(1.0, keys=400, seed=1).unsqueeze(-1)
    inputs = of_logits(gaussian(0.3, keys=400), values, heads=2)
    previous = Mask.from_indices(inputs.shape, torch.tensor([[[[5, 9]], [[5, 0]]]]), counts=torch.tensor([[[2], [1]]]))
    for target in ("denominator", "sdpa"):
        mask = sampled(inputs, previous, epsilon=0.3, target=target)
        read = (mask.to_dense() == 1).any(1)  # (b, q, k)
        assert int(read.sum()) <= 2 + 2 * 19
        assert not bool(read[..., -1].any())  # where padding of a shorter row points
        keys, others = (torch.where(read.unsqueeze(-1), part, math.nan) for part in (inputs.keys, inputs.values))
        unread = AttentionInputs(inputs.queries, keys, others, scaling=1.0)
        assert sampled(unread, previous, epsilon=0.3, target=target) == mask


@pytest.mark.parametrize("target", ["denominator", "numerator", "sdpa"])
def test_what_is_not_a_number_is_refused(target: str) -> None:
    """A NaN or infinite key in the base sample gives no sample size, and says so."""
    for wrong in (math.nan, math.inf):
        inputs = of_logits(torch.full((1, 100), wrong))
        with pytest.raises(NumericalError, match="layer 0: a logit or value that vattention read is NaN or infinite"):
            sampled(inputs, target=target)


@settings(max_examples=50)
@given(attention_inputs(max_keys=40), st.data(), st.sampled_from(["denominator", "numerator", "sdpa"]), st.booleans())
def test_any_finite_inputs_give_a_mask(inputs: AttentionInputs, data: st.DataObject, target: str, share: bool) -> None:
    """Huge logits, ties, sinks, hidden keys, any mask before: probabilities in (0, 1], every row served, all seen."""
    previous = data.draw(masks(inputs.shape)).restrict(inputs.visible)
    after = sampled(inputs, previous, epsilon=0.5, target=target, share_kv_group=share)
    probs = after.to_dense()
    assert bool(((probs >= 0) & (probs <= 1)).all())
    assert after == after.restrict(inputs.visible)
    assert torch.equal(probs.sum(-1) > 0, inputs.visible.any(-1).expand(inputs.shape[:3]))
    assert bool(masked_attention(inputs, after).isfinite().all())


def test_the_largest_numbers_of_a_dtype() -> None:
    """Logits of 1e30 and values of 1e30 in float32, and a sink far above every key, overflow nowhere."""
    random = torch.Generator().manual_seed(0)
    keys = torch.randn(1, 1, 200, 1, generator=random) * 1e30
    huge = AttentionInputs(torch.ones(1, 1, 1, 1), keys, keys, scaling=1.0)
    assert sampled(huge, target="sdpa").to_dense().isfinite().all()
    sunk = of_logits(gaussian(1.0, keys=200), sinks=torch.tensor([2000.0]))
    assert more_than_base(sampled(sunk), base=10).item() == 1


def test_a_sink_leaves_less_to_be_accurate_about() -> None:
    """Its term is in the denominator for certain, so that the same relative error allows fewer keys."""
    logits = gaussian(1.0, keys=2000)
    with_sink = sampled(of_logits(logits, sinks=torch.tensor([9.0])))
    assert with_sink.density() < sampled(of_logits(logits)).density() / 2


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 5), st.booleans(), st.integers(0, 99))
def test_a_row_draws_the_same_alone_in_a_batch_and_behind_padding(keys: int, pad: int, share: bool, seed: int) -> None:
    """Keys and probabilities depend on the row's id and its own tokens."""
    random = torch.Generator().manual_seed(seed)
    q, k = torch.randn(3, 4, 1, 2, generator=random), torch.randn(3, 2, keys + pad, 2, generator=random)
    pads = torch.tensor([pad, pad, 0]).reshape(3, 1, 1, 1)
    batch = AttentionInputs(q, k, k, torch.arange(keys + pad) >= pads, row_ids=[7, 8, 9], seed=seed)
    alone = AttentionInputs(q[1:2], k[1:2, :, pad:], k[1:2, :, pad:], row_ids=[8], seed=seed)
    config: dict[str, Any] = {"epsilon": 0.3, "base_rate": 0.2, "target": "sdpa", "share_kv_group": share}
    together = sampled(batch, **config)[1].to_dense()[..., pad:]
    assert torch.equal(together, sampled(alone, **config).to_dense())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_low_precision_inputs(dtype: torch.dtype) -> None:
    """The estimate is made in double precision from float32 logits; the output has the queries' dtype."""
    keys = torch.randn(1, 1, 500, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    inputs = AttentionInputs(keys[:, :, :1], keys, keys)
    exact = AttentionInputs(keys[:, :, :1].double(), keys.double(), keys.double())
    for target in ("denominator", "sdpa"):
        mask = sampled(inputs, epsilon=0.3, target=target)
        assert mask == sampled(exact, epsilon=0.3, target=target)
        assert masked_attention(inputs, mask).dtype == dtype


def test_a_large_delta_is_refused_where_the_bound_does_not_hold() -> None:
    """The bound of a vector's norm fails at large delta; for the denominator, a number, any delta is fine."""
    for target in ("numerator", "sdpa"):
        with pytest.raises(ConfigError, match=r"delta should be at most 0\.25"):
            create_masker({"kind": "vattention", "delta": 0.3, "target": target})
    create_masker({"kind": "vattention", "delta": 0.3})
