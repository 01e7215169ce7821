"""What every installed masker makes of input at its limits: a clear error or exact attention, never NaN."""

import pytest
import torch
from torch import Tensor

from sah_core import (
    AttentionInputs,
    ConfigError,
    Mask,
    MaskerConfig,
    NumericalError,
    apply_maskers,
    create_masker,
    create_maskers,
    default_registry,
    load_config,
    masked_attention,
)
from sah_core.testing import configs_of

CONFIGS = [config for kind in default_registry().kinds for config in configs_of(kind)]
every_config = pytest.mark.parametrize(
    "config", CONFIGS, ids=[f"{config.kind}-{number}" for number, config in enumerate(CONFIGS)]
)

HEADS, KV_HEADS, WIDTH = 4, 2, 8  # those that the kit's calibrations are made for


def call(keys: Tensor) -> AttentionInputs:
    """Two causal queries that see nearly all keys (1, hkv, k, d)."""
    random = torch.Generator().manual_seed(3)
    queries = torch.randn(1, HEADS, min(2, keys.shape[2]), WIDTH, generator=random)
    values = torch.randn(keys.shape, generator=random)
    k, q = keys.shape[2], queries.shape[2]
    return AttentionInputs(queries, keys, values, torch.ones(1, 1, q, k, dtype=torch.bool).tril(k - q))


def random_keys(n: int) -> Tensor:
    return torch.randn(1, KV_HEADS, n, WIDTH, generator=torch.Generator().manual_seed(n))


@every_config
@pytest.mark.parametrize("place", [0, 7, 18])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_broken_key_is_an_error_or_has_no_influence(config: MaskerConfig, place: int, wrong: float) -> None:
    """A visible key with NaN or infinity in it: NumericalError, or an output as finite as without it."""
    keys = random_keys(20)
    keys[0, 0, place, 3] = wrong
    inputs = call(keys)
    sink = create_masker({"kind": "sink", "size": 1})
    try:
        mask = apply_maskers([sink, create_masker(config)], inputs)
        output = masked_attention(inputs, mask)
    except NumericalError:
        return
    assert bool(output.isfinite().all())
    attended = mask.to_dense() > 0
    assert not bool(attended[:, : HEADS // KV_HEADS, :, place].any())


@every_config
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_context_shorter_than_sink_and_window_is_attended_to_exactly(config: MaskerConfig, n: int) -> None:
    """Everything is certain before the masker comes, and its output is dense attention's."""
    inputs = call(random_keys(n))
    maskers = [*create_maskers([{"kind": "sink", "size": 4}, {"kind": "local", "window": 8}]), create_masker(config)]
    output = masked_attention(inputs, apply_maskers(maskers, inputs))
    assert torch.equal(output, masked_attention(inputs, Mask.full(inputs.shape)))


@every_config
@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 1e18])
def test_keys_that_are_all_equal_are_fine(config: MaskerConfig, value: float) -> None:
    """Zero or not, whatever is chosen has the same weight: no NaN."""
    inputs = call(torch.full((1, KV_HEADS, 20, WIDTH), value))
    mask = apply_maskers([create_masker({"kind": "sink", "size": 1}), create_masker(config)], inputs)
    assert bool(masked_attention(inputs, mask).isfinite().all())


def test_a_plugins_own_sentence_is_told_as_it_is() -> None:
    """What a config's own validator says has its place in the file before it, and nothing of pydantic's."""
    masker = {"kind": "vattention", "target": "sdpa", "delta": 0.3}
    with pytest.raises(ConfigError, match=r"^attention.maskers\[0\]: delta should be at most 0.25 for"):
        load_config({"version": 1, "attention": {"maskers": [masker]}})
