"""Which masker may follow which, decided on configs alone."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_core import CompositionError, MaskerConfig, Registry
from sah_core.chain import CompositionWarning, check_chain

KINDS = st.lists(st.sampled_from(["window", "sampler", "refiner"]), max_size=6)


def configs(registry: Registry, kinds: list[str]) -> list[MaskerConfig]:
    """A config of each kind, in order."""
    return [registry.masker_config(kind).model_validate({}) for kind in kinds]


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        ["window", "window"],
        ["refiner"],
        ["window", "refiner", "window", "sampler", "window"],
        ["refiner", "sampler"],
    ],
)
def test_what_is_in_order(registry: Registry, kinds: list[str]) -> None:
    """Deterministic maskers anywhere, refiners before the sampler: neither error nor warning."""
    check_chain(configs(registry, kinds))


def test_a_refiner_after_the_last_sampler_is_refused(registry: Registry) -> None:
    """What it removes after the draw is lost, which biases the output."""
    with pytest.raises(CompositionError) as caught:
        check_chain(configs(registry, ["window", "sampler", "refiner"]))
    assert str(caught.value).startswith("maskers[2] (refiner) removes keys after the sampler maskers[1] (sampler)")


def test_a_sampler_after_a_sampler_warns(registry: Registry) -> None:
    """It works and is unbiased, at the price of variance: a warning that names both."""
    with pytest.warns(CompositionWarning, match=r"maskers\[2\] \(sampler\) follows the sampler maskers\[0\]"):
        check_chain(configs(registry, ["sampler", "window", "sampler"]))


def test_a_sampler_after_the_refiner_settles_it(registry: Registry) -> None:
    """What a refiner removed is residual again for a sampler that follows it."""
    with pytest.warns(CompositionWarning):
        check_chain(configs(registry, ["sampler", "refiner", "sampler"]))


@given(kinds=KINDS)
def test_the_rule(registry: Registry, kinds: list[str]) -> None:
    """Refused exactly if a refiner has a sampler before it and none after it; a warning for each further sampler."""
    refused = any(
        kind == "refiner" and "sampler" in kinds[:place] and "sampler" not in kinds[place:]
        for place, kind in enumerate(kinds)
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if refused:
            with pytest.raises(CompositionError):
                check_chain(configs(registry, kinds))
        else:
            check_chain(configs(registry, kinds))
            assert len(caught) == max(0, kinds.count("sampler") - 1)
