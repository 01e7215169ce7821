"""MagicPIG: which keys a query draws, how often, and that every sum is estimated without bias."""

import math
from typing import Any

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    AttentionState,
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
from sah_masker_magicpig.collision import collision_probability

CONFIGS = st.fixed_dictionaries(
    {"bits": st.integers(1, 6), "tables": st.integers(2, 12), "min_matches": st.sampled_from([1, 2])}
)
SEEDS = st.integers(0, 2**16)


def drawn(inputs: AttentionInputs, **config: Any) -> Tensor:
    """The probabilities of a draw after nothing, (b, hq, q, k)."""
    masker = create_masker({"kind": "magicpig", **config})
    return masker.add_mask(inputs, Mask.empty(inputs.shape)).to_dense()


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def eighths(*shape: int, seed: int) -> Tensor:
    """Multiples of 1 / 8: their sums, and the mean of a power of two of them, are exact."""
    return (normal(*shape, seed=seed) * 8).round() / 8


def one_query(query: Tensor, keys: Tensor, *, heads: int = 1, **options: Any) -> AttentionInputs:
    """The same query (d) and keys (n, d) for so many KV heads, each of which has projections of its own."""
    keys = keys.expand(1, heads, *keys.shape)
    return AttentionInputs(query.expand(1, heads, 1, len(query)), keys, keys, **options)


# -- laws ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(CONFIGS, SEEDS, st.sampled_from([0.01, 1.0, 700.0]))
def test_a_key_in_the_querys_direction_is_always_drawn(config: dict[str, int], seed: int, factor: float) -> None:
    """Its direction from the mean is what counts; such a key is certain."""
    query, context = normal(4, seed=seed), eighths(8, 4, seed=seed)
    keys = torch.cat([context.double(), context.double().mean(0, keepdim=True) + factor * query.double()])
    inputs = one_query(query.double(), keys, state=AttentionState(8), seed=seed)
    assert float(drawn(inputs, **config)[..., -1]) == 1


@settings(max_examples=50)
@given(CONFIGS, SEEDS, st.sampled_from([0.25, 3.0, 1000.0]))
def test_length_does_not_matter(config: dict[str, int], seed: int, factor: float) -> None:
    """A scaled query, and later keys scaled about the mean, change neither the draw nor its probabilities."""
    query, context, later = normal(4, seed=seed).double(), eighths(8, 4, seed=seed).double(), normal(20, 4, seed=seed)
    mean = context.mean(0)
    masks = [
        drawn(
            one_query(a * query, torch.cat([context, mean + b * later]), state=AttentionState(8), seed=seed), **config
        )
        for a, b in ((1, 1), (factor, 1), (1, factor))
    ]
    for mask in masks[1:]:
        assert torch.equal(mask > 0, masks[0] > 0)
        torch.testing.assert_close(mask, masks[0], rtol=1e-6, atol=0)


@settings(max_examples=50)
@given(CONFIGS, SEEDS, st.integers(-50, 50))
def test_a_shift_of_all_keys_does_not_matter(config: dict[str, int], seed: int, shift: int) -> None:
    """With ``center``; later keys are shifted, too. (Sums of these numbers are exact.)"""
    query, keys = normal(4, seed=seed), eighths(20, 4, seed=seed)
    here, there = (one_query(query, k, state=AttentionState(16), seed=seed) for k in (keys, keys + shift))
    assert torch.equal(drawn(here, **config), drawn(there, **config))


@settings(max_examples=50)
@given(CONFIGS, SEEDS)
def test_two_matches_are_one_match_too(config: dict[str, int], seed: int) -> None:
    """What collides twice collides once, with at least that probability."""
    inputs = one_query(normal(4, seed=seed), normal(20, 4, seed=seed), seed=seed)
    one, two = (drawn(inputs, **{**config, "min_matches": n}) for n in (1, 2))
    assert bool((one >= two).all())


@settings(max_examples=50)
@given(CONFIGS, SEEDS, st.booleans())
def test_the_stored_probability_is_that_of_the_angle(config: dict[str, int], seed: int, center: bool) -> None:
    """Between the query and the key less the context's mean, of each drawn key, for every head of a group."""
    queries, keys = normal(1, 4, 2, 4, seed=seed), normal(1, 2, 20, 4, seed=seed + 1)
    inputs = AttentionInputs(queries, keys, keys, state=AttentionState(16), seed=seed)
    mask = drawn(inputs, **config, center=center)
    mean = keys[:, :, :16].double().mean(2, keepdim=True) if center else 0.0
    k = (keys.double() - mean).repeat_interleave(2, 1).unsqueeze(2)
    cos = torch.cosine_similarity(queries.double().unsqueeze(3), k, dim=-1)
    expected = collision_probability(cos, config["bits"], config["tables"], config["min_matches"]).float()
    torch.testing.assert_close(mask[mask > 0], expected[mask > 0], rtol=1e-6, atol=0)


# -- whose projections -----------------------------------------------------------------------------------------------


def test_who_shares_projections() -> None:
    """Heads of one KV head and batch rows do; KV heads, layers, seeds and places in the list have their own."""
    query, keys = normal(8, seed=0), normal(200, 8, seed=1)
    inputs = AttentionInputs(query.expand(2, 4, 1, 8), keys.expand(2, 2, 200, 8), keys.expand(2, 2, 200, 8))
    mask = drawn(inputs, bits=4, tables=12)
    assert torch.equal(mask[0], mask[1])
    assert torch.equal(mask[:, 0], mask[:, 1])
    assert not torch.equal(mask[:, 0], mask[:, 2])
    for other in (
        attrs.evolve(inputs, layer_idx=1),
        attrs.evolve(inputs, seed=1),
        attrs.evolve(inputs, masker_position=1),
    ):
        assert not torch.equal(mask, drawn(other, bits=4, tables=12))


def test_a_draw_does_not_depend_on_the_step() -> None:
    """The same query asked again, later in the request, draws the same keys of those that were there."""
    query, keys, state = normal(8, seed=0), normal(60, 8, seed=1), AttentionState(40)
    first = drawn(one_query(query, keys[:50], state=state), bits=4, tables=12)
    later = drawn(one_query(query, keys, state=state), bits=4, tables=12)
    assert torch.equal(first, later[..., :50])
    assert bool((first > 0).any() and (first == 0).any())


# -- examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("min_matches", [1, 2])
def test_keys_are_drawn_as_often_as_stated(min_matches: int) -> None:
    """Keys at 30, 60, 90 and 135 degrees and a zero key, 4000 KV heads: within 4 standard errors of pi."""
    angles = torch.tensor([30.0, 60.0, 90.0, 135.0]).deg2rad()
    keys = torch.cat([torch.stack([angles.cos(), angles.sin()], 1), torch.zeros(1, 2)])
    inputs = one_query(torch.tensor([1.0, 0.0]), keys, heads=4000)
    config = {"bits": 3, "tables": 8, "min_matches": min_matches}
    often = (drawn(inputs, center=False, **config)[0, :, 0] > 0).double().mean(0)
    cos = torch.cat([angles.cos(), torch.zeros(1)])
    pi = collision_probability(cos, 3, 8, min_matches)
    assert bool(((often - pi).abs() < 4 * (pi * (1 - pi) / 4000).sqrt()).all())
    # Two of eight tables at 60 degrees, p = (2 / 3)^3: 1 - (19 / 27)^8 - 8 (8 / 27) (19 / 27)^7.
    if min_matches == 2:
        assert float(pi[1]) == pytest.approx(1 - (19 / 27) ** 8 - 8 * (8 / 27) * (19 / 27) ** 7)


def test_zero_vectors() -> None:
    """Two zero vectors collide for certain; a zero query and a key, or the reverse, with p = 2 ** -K."""
    zero, one = torch.zeros(2), torch.ones(2)
    keys = torch.stack([zero, one])
    config = {"bits": 1, "tables": 2, "min_matches": 1, "center": False}
    of_zero = drawn(one_query(zero, keys, heads=50), **config)[0, :, 0]
    assert set(of_zero[:, 0].tolist()) == {1}
    assert set(of_zero[:, 1].tolist()) == {0, 0.75}
    of_one = drawn(one_query(one, keys, heads=50), **config)[0, :, 0]
    assert set(of_one[:, 0].tolist()) == {0, 0.75}


def test_columns_past_the_last_query_are_not_keys() -> None:
    """In a static cache, what is not written yet is not hashed."""
    query, keys = normal(4, seed=0), normal(20, 4, seed=1)
    cache = torch.cat([keys, torch.full((5, 4), torch.nan)])
    seen = (torch.arange(25) < 20).reshape(1, 1, 1, 25)
    inputs = one_query(query, cache, attention_mask=seen, query_positions=torch.tensor([19]))
    found = drawn(inputs, bits=3, tables=12)
    assert torch.equal(found[..., :20], drawn(one_query(query, keys), bits=3, tables=12))
    assert bool((found[..., 20:] == 0).all())


def test_a_later_nan_key_is_drawn_and_refused_by_attention() -> None:
    """It is not passed over silently."""
    keys = normal(12, 4, seed=0)
    keys[10, 1] = torch.nan
    inputs = one_query(normal(4, seed=1), keys, state=AttentionState(8))
    mask = create_masker({"kind": "magicpig", "bits": 3, "tables": 12}).add_mask(inputs, Mask.empty(inputs.shape))
    assert not bool(mask.to_dense().isnan().any())
    with pytest.raises(NumericalError, match="the logit of an attended key is NaN"):
        masked_attention(inputs, mask)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("bits", 0, "greater than or equal to 1"),
        ("bits", 16, "less than or equal to 15"),
        ("tables", 0, "greater than or equal to 1"),
        ("tables", 1, "tables should be at least min_matches = 2, not 1"),
        ("min_matches", 3, "1 or 2"),
    ],
)
def test_configs_out_of_range_are_refused(field: str, value: int, sentence: str) -> None:
    """With what would do."""
    with pytest.raises(ConfigError, match=sentence):
        create_masker({"kind": "magicpig", field: value})


# -- estimates -------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sah_core.config.CompositionWarning")
@pytest.mark.parametrize(
    "chain",
    [
        [{"kind": "magicpig", "bits": 3, "tables": 12}],
        [{"kind": "magicpig", "bits": 6, "tables": 80}],
        [{"kind": "magicpig", "bits": 2, "tables": 6, "min_matches": 1, "center": False}],
        [
            {"kind": "sink", "size": 2},
            {"kind": "local", "window": 4},
            {"kind": "oracle_top_k", "budget": 4},
            {"kind": "magicpig", "bits": 4, "tables": 16},
        ],
        [{"kind": "magicpig", "bits": 3, "tables": 12}, {"kind": "magicpig", "bits": 3, "tables": 12}],
    ],
    ids=["two", "long", "one", "chain", "twice"],
)
def test_numerator_and_denominator_are_unbiased(chain: list[dict[str, Any]]) -> None:
    """32 keys with logits of std 1: both sums average to the dense ones, within 4 standard errors of at most 0.5 %.

    A trial is a whole call under fresh projections, the mean over its 32 KV heads.
    """
    query, keys = normal(4, seed=0).double(), normal(32, 4, seed=1).double()
    values = normal(1, 1, 32, 1, seed=2).double().abs().expand(1, 32, 32, 1)
    maskers, shift, trials = create_maskers(chain), torch.zeros((), dtype=torch.float64), []
    for seed in range(200):
        inputs = one_query(query, keys, heads=32, seed=seed)
        inputs = AttentionInputs(inputs.queries, inputs.keys, values, seed=seed, state=AttentionState())
        mask, every = apply_maskers(maskers, inputs), Mask.full(inputs.shape)
        ratios = [
            (part(inputs, mask, shift) / part(inputs, every, shift)).mean()
            for part in (attention_denominator, attention_numerator)
        ]
        trials.append(torch.stack(ratios))
    estimates = torch.stack(trials)  # (trials, 2)
    error = estimates.std(0) / math.sqrt(len(estimates))
    assert bool(((error > 0) & (error <= 0.005)).all()), error
    assert bool(((estimates.mean(0) - 1).abs() <= 4 * error).all()), estimates.mean(0)


def test_the_second_of_two_draws_by_itself() -> None:
    """Two in a row warn; the second, under projections of its own, draws keys that the first passed over."""
    inputs = one_query(normal(4, seed=0), normal(100, 4, seed=1))
    config = {"kind": "magicpig", "bits": 3, "tables": 8}
    first = apply_maskers(create_maskers([config]), inputs).to_dense()
    with pytest.warns(UserWarning, match="discards its weights"):
        both = apply_maskers(create_maskers([config, config]), inputs).to_dense()
    assert bool((both[first > 0] == 1).all())
    assert bool((both[first == 0] > 0).any())


def test_weights_of_another_rule_are_noticed() -> None:
    """Keys drawn on two matches, weighted as if on two, make up the denominator; as if on one, less than 0.9 of it."""
    inputs = one_query(normal(4, seed=0).double(), normal(32, 4, seed=1).double(), heads=500)
    collided = drawn(inputs, bits=6, tables=16, min_matches=2) > 0
    k = inputs.keys - inputs.keys.mean(2, keepdim=True)
    cos = torch.cosine_similarity(inputs.queries, k, dim=-1).unsqueeze(2)  # (1, 500, 1, 32)
    shift = torch.zeros((), dtype=torch.float64)
    for min_matches in (1, 2):
        mask = Mask.from_dense(collided * collision_probability(cos, 6, 16, min_matches).float())
        estimates = attention_denominator(inputs, mask, shift).flatten()
        ratios = estimates / attention_denominator(inputs, Mask.full(inputs.shape), shift).flatten()
        if min_matches == 2:
            assert abs(float(ratios.mean()) - 1) < 4 * float(ratios.std()) / math.sqrt(500)
        else:
            assert float(ratios.mean()) < 0.9
