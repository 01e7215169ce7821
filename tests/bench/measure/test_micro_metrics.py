"""Metrics of attention calls: by hand, by a plain float64 reference, and of the masks of both backends."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_bench.measure.call import MeasuredCall
from sah_bench.measure.metrics import Density, Mass, OutputError, Recall, Variance
from sah_core import (
    AttentionInputs,
    AttentionOutput,
    EfficientAttention,
    Mask,
    ResearchAttention,
    attention_denominator,
    masked_attention,
)
from sah_core.testing import attention_inputs, masks

METRICS: dict[str, Any] = {
    "density": Density,
    "output_error": OutputError,
    "mass": Mass,
    "recall": Recall,
    "variance": Variance,
}


def measured(inputs: AttentionInputs, mask: Mask, output: Tensor | None = None) -> dict[str, Tensor]:
    """All metrics of a call; its output is that of the mask, unless it is given."""
    output = masked_attention(inputs, mask) if output is None else output
    call = MeasuredCall(inputs, AttentionOutput(output, mask))
    return {name: metric()(call) for name, metric in METRICS.items()}


def four_keys(**options: Any) -> AttentionInputs:
    """One query whose logits are the logarithms of 1, 2, 3 and 4, and values that tell the keys apart."""
    keys = torch.tensor([1.0, 2.0, 3.0, 4.0]).log().reshape(1, 1, 4, 1)
    return AttentionInputs(torch.ones(1, 1, 1, 1), keys, torch.eye(4).reshape(1, 1, 4, 4), scaling=1.0, **options)


FIRST_AND_LAST = Mask.from_indices((1, 1, 1, 4), torch.tensor([[[[0, 3]]]]), torch.tensor([[[[0.5, 1.0]]]]))
"""The key of weight 1, drawn with probability 1/2, and the key of weight 4, for certain."""


def test_by_hand() -> None:
    """Two of four keys; 5 of 10 weights; one of the two largest; and an estimate of 6 with variance 2.

    The output weighs the keys by 2/6 and 4/6 where dense attention has .1, .2, .3, .4: squares of the differences are
    49/900, 36/900, 81/900, 64/900 of a norm of 270/900.
    """
    found = {name: values.item() for name, values in measured(four_keys(), FIRST_AND_LAST).items()}
    expected = {
        "density": 1 / 2,
        "mass": 1 / 2,
        "recall": 1 / 2,
        "variance": (1 - 0.5) / 0.5**2 / (1 / 0.5 + 4) ** 2,
        "output_error": math.sqrt((49 + 36 + 81 + 64) / 270),
    }
    assert found == pytest.approx(expected, rel=1e-6)


def test_sinks_by_hand() -> None:
    """A sink of weight 2 raises the estimated denominator from 6 to 8, and takes no part in the mass of keys."""
    inputs = four_keys(sinks=torch.tensor([2.0]).log())
    found = {name: values.item() for name, values in measured(inputs, FIRST_AND_LAST).items()}
    assert found["variance"] == pytest.approx(2 / 8**2)
    assert found["mass"] == pytest.approx(1 / 2)
    # Dense weights are .1, .2, .3, .4 of 10/12, and those of the output 2/8 and 4/8.
    errors = [2 / 8 - 1 / 12, 2 / 12, 3 / 12, 4 / 8 - 4 / 12]
    assert found["output_error"] == pytest.approx(math.hypot(*errors) / (math.sqrt(30) / 12))


def test_equal_logits_stand_for_each_other() -> None:
    """Of keys with logits 5, 1, 1, 1, an attended pair with the first is right whichever of the others it holds."""
    keys = torch.tensor([5.0, 1.0, 1.0, 1.0]).reshape(1, 1, 4, 1)
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1), keys, torch.ones(1, 1, 4, 1))
    for pair, recall in (((0, 1), 1.0), ((0, 3), 1.0), ((1, 2), 0.5)):
        mask = Mask.from_indices((1, 1, 1, 4), torch.tensor([[[pair]]]))
        assert measured(inputs, mask)["recall"].item() == recall


def reference(inputs: AttentionInputs, mask: Mask, output: Tensor) -> dict[str, Tensor]:
    """The metrics row by row in float64, from the exact logits."""
    b, hq, q, k = inputs.shape
    found = {name: torch.full((b, hq, q), torch.nan, dtype=torch.float64) for name in METRICS}
    logits, probs, visible = inputs.logits.double(), mask.to_dense().double(), inputs.visible.expand(inputs.shape)
    for row in product(range(b), range(hq), range(q)):
        s, pi = logits[row], probs[row]
        seen = [key for key in range(k) if visible[row][key]]
        kept = [key for key in seen if pi[key] > 0]
        if not seen:
            continue
        sink = torch.full((1,), -torch.inf) if inputs.sinks is None else inputs.sinks[row[1]].reshape(1)
        found["density"][row] = len(kept) / len(seen)
        weights = torch.softmax(s[seen], 0)
        found["mass"][row] = sum(weights[seen.index(key)] for key in kept)
        values = inputs.values[row[0], row[1] // inputs.group_size, seen].double()
        dense = torch.softmax(torch.cat([s[seen], sink.double()]), 0)[:-1] @ values
        if dense.any():
            found["output_error"][row] = (output[row].double() - dense).norm() / dense.norm()
        if not kept:
            continue
        least = s[seen].sort(descending=True).values[len(kept) - 1]
        places = len(kept) - int((s[seen] > least).sum())
        found["recall"][row] = (int((s[kept] > least).sum()) + min(places, int((s[kept] == least).sum()))) / len(kept)
        m = torch.maximum(s[kept].max(), sink.double())
        terms = torch.exp(s[kept] - m) / pi[kept]
        estimate = terms.sum() + torch.exp(sink.double() - m)
        found["variance"][row] = ((1 - pi[kept]) * terms**2).sum() / estimate**2
    return found


@given(st.data())
def test_the_reference(data: st.DataObject) -> None:
    """Every metric, of any mask in any form on any inputs: batches, groups, hidden keys, sinks, soft caps, ties.

    The output is any: a metric looks at it, and does not make it. Values have one sign: where they cancel out, what is
    left of dense attention is rounding.
    """
    inputs = data.draw(attention_inputs())
    inputs = attrs.evolve(inputs, values=inputs.values.abs() + 0.1)
    mask = data.draw(masks(inputs.shape))
    output = torch.randn(*inputs.shape[:3], inputs.values.shape[3], generator=torch.Generator().manual_seed(1))
    found, expected = measured(inputs, mask, output), reference(inputs, mask, output)
    for each in (found, expected):  # a sink may leave dense attention so little that float32 has no number for it
        each["output_error"] = each["output_error"].masked_fill(each["output_error"] > 1e25, torch.nan)
    for name in METRICS:
        torch.testing.assert_close(found[name].double(), expected[name], rtol=1e-4, atol=1e-5, equal_nan=True)


@given(attention_inputs(), st.sampled_from(["full", "dense", "index"]))
def test_everything_attended(inputs: AttentionInputs, form: str) -> None:
    """Where every key is attended to: density 1, no error, all mass, recall 1, no variance; NaN where none is seen."""
    inputs = attrs.evolve(inputs, values=inputs.values.abs() + 0.1)  # of one sign, as above
    mask = Mask.full(inputs.shape)
    if form == "dense":
        mask = Mask.from_dense(mask.to_dense())
    elif form == "index":
        mask = Mask.from_indices(inputs.shape, torch.arange(inputs.shape[3]).reshape(1, 1, 1, -1))
    found = measured(inputs, mask)
    seen = inputs.visible.any(-1).expand(inputs.shape[:3])
    for name, value in (("density", 1.0), ("mass", 1.0), ("recall", 1.0), ("variance", 0.0)):
        torch.testing.assert_close(found[name][seen], torch.full_like(found[name][seen], value))
        assert found[name][~seen].isnan().all()
    assert (found["output_error"][seen].nan_to_num() < 1e-5).all()
    assert found["output_error"][~seen].isnan().all()


@given(attention_inputs(masks=("none", "causal", "padded", "sliding")), st.integers(1, 4))
def test_an_oracle_has_full_recall(inputs: AttentionInputs, budget: int) -> None:
    """The keys of the largest logits: recall 1, and no other keys, as many, have more mass."""
    config = {"maskers": [{"kind": "oracle_top_k", "budget": budget}]}
    best = ResearchAttention.from_config(config)(inputs)
    found = measured(inputs, best.mask, best.output)
    seen = inputs.visible.any(-1).expand(inputs.shape[:3])
    assert (found["recall"][seen] == 1).all()
    other = ResearchAttention.from_config({"maskers": [{"kind": "local", "window": budget}]})(inputs)
    worse = measured(inputs, other.mask, other.output)
    assert (worse["mass"][seen] <= found["mass"][seen] * (1 + 1e-5)).all()


CHAINS = {
    "quest in a group": [{"kind": "quest", "budget": 8, "page_size": 4, "share_kv_group": True}],
    "random": [{"kind": "random", "rate": 0.3}],
    "magicpig": [{"kind": "magicpig", "tables": 12, "bits": 3}],
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("queries", [1, 3])
def test_index_masks_of_the_efficient_backend(chain: str, queries: int) -> None:
    """The same numbers, but for rounding, as of the research backend, whatever form its masks have."""
    random = torch.Generator().manual_seed(3)
    query = torch.randn(2, 4, queries, 8, generator=random)
    keys, values = (torch.randn(2, 2, 60, 8, generator=random) for _ in range(2))
    seen = torch.ones(queries, 60, dtype=torch.bool).tril(60 - queries)[None, None]
    config = {"maskers": [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}, *CHAINS[chain]]}
    found = []
    for backend in (EfficientAttention, ResearchAttention):
        inputs = AttentionInputs(query, keys, values, attention_mask=seen)
        output = backend.from_config(config)(inputs)
        found.append(measured(inputs, output.mask, output.output))
        assert found[-1]["density"].shape == (2, 4, queries)
    for name in METRICS:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-4, atol=1e-6)
    assert 0 < float(found[0]["density"].mean()) < 1
    assert bool((found[0]["variance"] > 0).any()) == (chain != "quest in a group")


@given(
    st.lists(
        st.tuples(st.floats(-3, 3), st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.0])),
        min_size=1,
        max_size=6,
    )
)
def test_the_variance_is_unbiased(drawn: list[tuple[float, float]]) -> None:
    """Over every outcome of independent draws, each with its probability: numerator and denominator apart.

    The mean of the estimated denominators is the softmax denominator, and the mean of the estimated variances is the
    variance of those estimates.
    """
    logits, probs = torch.tensor([s for s, _ in drawn]), torch.tensor([pi for _, pi in drawn])
    n = len(drawn)
    outcomes = torch.tensor(list(product([0.0, 1.0], repeat=n)))  # (2^n, n): which keys are drawn
    chances = torch.where(outcomes > 0, probs, 1 - probs).double().prod(-1)
    # Each outcome is a query of its own: they all see the same keys.
    inputs = AttentionInputs(
        torch.ones(1, 1, len(outcomes), 1), logits.reshape(1, 1, n, 1), torch.ones(1, 1, n, 1), scaling=1.0,
        query_positions=torch.full((len(outcomes),), n - 1),
    )  # fmt: skip
    mask = Mask.from_dense((outcomes * probs)[None, None])
    call = MeasuredCall(inputs, AttentionOutput(torch.ones(1, 1, len(outcomes), 1), mask))
    estimates = attention_denominator(inputs, mask, torch.zeros(1)).double().flatten()
    variances = Variance()(call).double().nan_to_num().flatten() * estimates**2  # an outcome without a key has none
    exact = logits.double().exp().sum()
    variance = (chances * (estimates - exact) ** 2).sum()
    assert float((chances * estimates).sum()) == pytest.approx(float(exact), rel=1e-4)
    assert float((chances * variances).sum()) == pytest.approx(float(variance), rel=1e-4, abs=1e-4)


def test_the_variance_of_a_samplers_draws() -> None:
    """4,000 draws of the random masker: estimated denominators and variances have the means that they should.

    Within four standard errors; beside two keys that are attended to for certain, which add nothing to the variance.
    """
    draws, keys, rate = 4000, 30, 0.3
    random = torch.Generator().manual_seed(0)
    one = torch.randn(1, 1, keys, 2, generator=random)
    inputs = AttentionInputs(
        torch.tensor([0.7, -0.4]).expand(draws, 1, 1, 2), one.expand(draws, -1, -1, -1), one.expand(draws, -1, -1, -1)
    )
    config = {"maskers": [{"kind": "sink", "size": 2}, {"kind": "random", "rate": rate, "mode": "bernoulli"}]}
    output = ResearchAttention.from_config(config)(inputs)
    estimates = attention_denominator(inputs, output.mask, torch.zeros(1)).double().flatten()
    variances = Variance()(MeasuredCall(inputs, output)).double().flatten() * estimates**2
    exact = inputs.logits[0, 0, 0].double().exp()
    variance = float((exact[2:] ** 2).sum()) * (1 - rate) / rate
    for found, expected in ((estimates, float(exact.sum())), (variances, variance)):
        error = float(found.std()) / math.sqrt(draws)
        assert abs(float(found.mean()) - expected) < 4 * error
    assert float(estimates.var()) == pytest.approx(variance, rel=0.1)
