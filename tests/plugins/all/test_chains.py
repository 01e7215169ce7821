"""Chains of maskers from different packages estimate numerator and denominator without bias, in any order."""

import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from sah_core import (
    AttentionInputs,
    Mask,
    apply_maskers,
    attention_denominator,
    attention_numerator,
    create_maskers,
)
from sah_core.chain import CompositionWarning

WINDOW: list[dict[str, Any]] = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}]
HEAD: list[dict[str, Any]] = [*WINDOW, {"kind": "oracle_top_k", "budget": 3}]
RANDOM = {"kind": "random", "rate": 0.3}
BERNOULLI = {"kind": "random", "rate": 0.4, "mode": "bernoulli"}
SHARED = {"kind": "random", "rate": 0.3, "share_kv_group": True}
VATTENTION = {"kind": "vattention", "epsilon": 0.15, "delta": 0.3, "base_rate": 0.1}
MAGICPIG = {"kind": "magicpig", "bits": 3, "tables": 12}
LAX = {"kind": "magicpig", "bits": 4, "tables": 12, "min_matches": 1}

CHAINS: dict[str, list[dict[str, Any]]] = {
    "head, random": [*HEAD, RANDOM],
    "head, bernoulli": [*HEAD, BERNOULLI],
    "head, random for a group": [*HEAD, SHARED],
    "head, vattention": [*HEAD, VATTENTION],
    "head, vattention of the output": [*HEAD, {**VATTENTION, "target": "sdpa", "delta": 0.25}],
    "head, vattention for a group": [*HEAD, {**VATTENTION, "share_kv_group": True}],
    "head, magicpig": [*HEAD, MAGICPIG],
    "head, magicpig of one match": [*HEAD, LAX],
    "random, then a head": [RANDOM, *HEAD],
    "magicpig, then a head": [MAGICPIG, *HEAD],
    "vattention, then a head": [*WINDOW, VATTENTION, {"kind": "oracle_top_k", "budget": 3}],
    "window, random, random": [*WINDOW, RANDOM, BERNOULLI],
    "window, magicpig, magicpig": [*WINDOW, MAGICPIG, MAGICPIG],
    "window, magicpig, random": [*WINDOW, MAGICPIG, RANDOM],
    "head, random, vattention": [*HEAD, RANDOM, VATTENTION],
    "quest, vattention": [*WINDOW, {"kind": "quest", "budget": 9, "page_size": 3}, VATTENTION],
    "pqcache, magicpig": [*WINDOW, {"kind": "pqcache", "budget": 8, "bits": 3}, MAGICPIG],
    "double sparsity, random": [*WINDOW, {"kind": "double_sparsity", "budget": 4, "group_factor": 2}, RANDOM],
}

ROWS, KEYS = 16, 32
CALLS, MOST = 120, 1920


@pytest.mark.parametrize("name", CHAINS)
def test_numerator_and_denominator_are_unbiased(name: str) -> None:
    """Over seeds, each with a state of its own, their means are within 4 standard errors, of at most 0.5 %, of 1."""
    random = torch.Generator().manual_seed(7)
    queries = torch.randn(ROWS, 4, 1, 4, generator=random, dtype=torch.float64)
    keys, values = torch.randn(2, ROWS, 2, KEYS, 4, generator=random, dtype=torch.float64)
    maskers = create_maskers(CHAINS[name])
    exact = Mask.full((ROWS, 4, 1, KEYS))
    plain = AttentionInputs(queries, keys, values)
    shift = plain.logits.amax(-1, keepdim=True)
    denominator = attention_denominator(plain, exact, shift)
    numerator = attention_numerator(plain, exact, shift)
    ratios: list[tuple[float, float]] = []
    while len(ratios) < MOST:
        for seed in range(len(ratios), len(ratios) + CALLS):
            inputs = AttentionInputs(queries, keys, values, seed=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CompositionWarning)  # a sampler after a sampler is what is tested
                mask = apply_maskers(maskers, inputs)
            kept = attention_denominator(inputs, mask, shift) / denominator
            # Of the numerator, a vector, its part along the true one.
            along = (attention_numerator(inputs, mask, shift) * numerator).sum(-1) / (numerator**2).sum(-1)
            weight = (numerator**2).sum(-1)
            ratios.append((float(kept.mean()), float((along * weight).sum() / weight.sum())))
        means, errors = _mean_and_error(torch.tensor(ratios, dtype=torch.float64))
        if float(errors.max()) <= 0.005:
            break
    assert float(errors.max()) <= 0.005
    assert float(errors.min()) > 1e-6, "nothing was drawn at random"
    assert bool(((means - 1).abs() <= 4 * errors).all()), f"{name}: {means.tolist()} ± {errors.tolist()}"


def _mean_and_error(ratios: Tensor) -> tuple[Tensor, Tensor]:
    return ratios.mean(0), ratios.std(0) / math.sqrt(len(ratios))
