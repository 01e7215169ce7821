"""Which masker may follow which, read from their configs alone, so that a bad list is refused without torch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise

from .errors import CompositionError
from .masker_config import MaskerConfig

__all__ = ["CompositionWarning", "check_chain", "check_no_exact_logits"]


class CompositionWarning(UserWarning):
    """A list of maskers that works, and could well be better."""


def check_chain(configs: Sequence[MaskerConfig]) -> None:
    """Check the order of a list of maskers.

    Raises ``CompositionError`` where a refining masker follows a sampler and no sampler follows it: what it removes
    after a draw is lost for good, which biases the estimate (to .91 of the denominator in simulation).
    Warns with ``CompositionWarning`` where a sampler follows a sampler: the second promotes the first one's keys to
    certain ones, which discards their weights and so raises the variance.
    """
    samplers = [place for place, config in enumerate(configs) if config.sampling]
    for place, config in enumerate(configs):
        before = [sampler for sampler in samplers if sampler < place]
        if config.refines and before and samplers[-1] < place:
            raise CompositionError(
                f"{_named(configs, place)} removes keys after the sampler {_named(configs, before[-1])}, which biases "
                "the output: put it before the sampler, or a sampler after it"
            )
    for first, second in pairwise(samplers):
        warnings.warn(
            f"the sampler {_named(configs, second)} follows the sampler {_named(configs, first)} and discards its "
            "weights: unbiased, but one sampler with both budgets has less variance",
            CompositionWarning,
            stacklevel=2,
        )


def check_no_exact_logits(configs: Sequence[MaskerConfig]) -> None:
    """Raise ``CompositionError`` for a masker that reads the exact logits of all keys: what it costs is dense."""
    for place, config in enumerate(configs):
        if config.needs_logits:
            raise CompositionError(
                f"{_named(configs, place)} reads the exact logits of all keys, which the efficient backend never "
                "computes: use kind: research for it, or a masker that estimates them"
            )


def _named(configs: Sequence[MaskerConfig], place: int) -> str:
    return f"maskers[{place}] ({configs[place].kind})"
