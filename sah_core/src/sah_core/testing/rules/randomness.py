"""Rules of drawing: another seed, another draw; and what is drawn estimates without bias."""

from __future__ import annotations

import torch

from sah_core.composition import Masker, residual_keys
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig
from sah_core.state import AttentionState

from .variations import changed

__all__ = ["check_another_seed_draws_differently", "check_draws_are_unbiased", "is_sampler"]

SEEDS = 32
TRIALS = 400
STANDARD_ERRORS = 4.5
RARE = 0.05


def is_sampler(config: MaskerConfig) -> bool:
    """Whether the masker draws keys at random."""
    return config.sampling


def check_another_seed_draws_differently(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Of 32 seeds some draw other keys, unless everything is drawn. (For samplers.)"""
    drawn = [masker.add_mask(_with_seed(inputs, seed), previous) for seed in range(SEEDS)]
    everything = not bool(residual_keys(inputs, drawn[0]).any())
    assert everything or any(mask != drawn[0] for mask in drawn), f"{SEEDS} seeds all gave the same mask"


def check_draws_are_unbiased(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The mean over 400 seeds of numerator and denominator is dense attention's, within 4.5 standard errors.

    Both are sums over keys of a term divided by the key's probability. Keys whose probability is below 0.05 are left
    out of estimate and truth: 400 draws cannot judge them. (For samplers; float64 inputs.)
    """
    masks = [masker.add_mask(_with_seed(inputs, seed), previous) for seed in range(TRIALS)]
    probs = torch.stack([mask.to_dense(inputs.device).double() for mask in masks])  # (trials, b, hq, q, k)
    drawn = probs > 0
    typical = probs.sum(0) / drawn.sum(0).clamp(min=1)  # a key's mean probability where it was drawn  # (b, hq, q, k)
    weights = torch.exp(inputs.logits - inputs.logits.amax(-1, keepdim=True)) * (typical >= RARE)
    ones = torch.ones_like(inputs.values[..., :1])
    factors = torch.cat([inputs.values, ones], -1).repeat_interleave(inputs.group_size, 1)  # (b, hq, k, dv + 1)
    terms = weights.unsqueeze(-1) * factors.unsqueeze(2)  # (b, hq, q, k, dv + 1)
    truth = terms.sum(3)
    estimates = (torch.where(drawn, 1 / probs, 0.0).unsqueeze(-1) * terms).sum(4)  # (trials, b, hq, q, dv + 1)
    # The variance of independent draws, and the one observed: whichever is larger.
    spread = (terms.square() * (1 / typical.clamp(min=RARE) - 1).unsqueeze(-1)).sum(3)
    standard_error = (torch.maximum(estimates.var(0), spread) / TRIALS).sqrt()
    rounding = 1e-6 * terms.abs().sum(3)  # probabilities are float32
    found = estimates.mean(0)
    wrong = (found - truth).abs() > STANDARD_ERRORS * standard_error + rounding
    if bool(wrong.any()):
        place = tuple(wrong.nonzero()[0].tolist())
        sums = "denominator" if place[-1] == inputs.values.shape[-1] else f"numerator's channel {place[-1]}"
        raise AssertionError(
            f"the {sums} of batch row {place[0]}, query head {place[1]}, query {place[2]} is "
            f"{float(truth[place]):.6g}; {TRIALS} draws give {float(found[place]):.6g} on average, "
            f"+- {float(standard_error[place]):.2g}"
        )


def _with_seed(inputs: AttentionInputs, seed: int) -> AttentionInputs:
    return changed(inputs, seed=seed, state=AttentionState())
