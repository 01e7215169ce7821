"""Oracle top-k and top-p: what only exact selection can promise."""

import math
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_core import AttentionInputs, Mask, create_masker, masked_attention
from sah_core.testing import attention_inputs


def selected(inputs: AttentionInputs, previous: Mask | None = None, **config: Any) -> Mask:
    return create_masker(config).add_mask(inputs, Mask.empty(inputs.shape) if previous is None else previous)


def of_weights(*weights: float, heads: int = 1) -> AttentionInputs:
    """One query whose attention weights are these, for every head."""
    keys = torch.tensor(weights).log().reshape(1, 1, -1, 1)
    return AttentionInputs(torch.ones(1, heads, 1, 1), keys, keys)


def kept(mask: Mask, head: int = 0) -> list[int]:
    return mask.to_dense()[0, head, 0].nonzero().flatten().tolist()


def test_top_k_by_hand() -> None:
    """Of .1 .4 .2 .3 the best two are keys 1 and 3; beside a certain key 1, keys 3 and 2; half of four is two."""
    inputs = of_weights(0.1, 0.4, 0.2, 0.3)
    certain = Mask.from_indices(inputs.shape, torch.tensor([[[[1]]]]))
    assert kept(selected(inputs, kind="oracle_top_k", budget=2)) == [1, 3]
    assert kept(selected(inputs, kind="oracle_top_k", budget=0.5)) == [1, 3]
    assert kept(selected(inputs, certain, kind="oracle_top_k", budget=2)) == [1, 2, 3]


def test_ties_go_to_the_lower_position() -> None:
    """Four equal keys, budget 2: the first two."""
    assert kept(selected(of_weights(1, 1, 1, 1), kind="oracle_top_k", budget=2)) == [0, 1]


def test_a_sampled_key_can_become_certain() -> None:
    """A key drawn with pi = .5 is ranked like the others, and selected gets pi = 1."""
    inputs = of_weights(0.1, 0.6, 0.3)
    drawn = Mask.from_indices(inputs.shape, torch.tensor([[[[1, 0]]]]), torch.tensor([[[[0.5, 0.25]]]]))
    after = selected(inputs, drawn, kind="oracle_top_k", budget=1)
    assert after.to_dense().flatten().tolist() == [0.25, 1.0, 0.0]


def test_top_p_by_hand() -> None:
    """Of .1 .4 .2 .3: .4 is reached by one key, .69 by two, .71 by three."""
    inputs = of_weights(0.1, 0.4, 0.2, 0.3)
    assert kept(selected(inputs, kind="oracle_top_p", mass=0.39)) == [1]
    assert kept(selected(inputs, kind="oracle_top_p", mass=0.69)) == [1, 3]
    assert kept(selected(inputs, kind="oracle_top_p", mass=0.71)) == [1, 2, 3]


def test_a_group_ranks_by_the_sum_of_its_weights() -> None:
    """Head 0 weighs the keys .7 .2 .1, head 1 .0 .55 .45; together .7 .75 .55: one shared key is key 1."""
    keys = torch.eye(3).reshape(1, 1, 3, 3)
    queries = torch.tensor([[0.7, 0.2, 0.1], [1e-9, 0.55, 0.45]]).log().reshape(1, 2, 1, 3)
    inputs = AttentionInputs(queries, keys, keys, scaling=1.0)
    own = selected(inputs, kind="oracle_top_k", budget=1)
    shared = selected(inputs, kind="oracle_top_k", budget=1, share_kv_group=True)
    assert (kept(own, 0), kept(own, 1)) == ([0], [1])
    assert (kept(shared, 0), kept(shared, 1)) == ([1], [1])


@given(attention_inputs(max_keys=6), st.integers(1, 4))
def test_no_other_choice_of_as_many_keys_captures_more(inputs: AttentionInputs, budget: int) -> None:
    """The captured mass is the largest over all subsets of that size."""
    mask = selected(inputs, kind="oracle_top_k", budget=budget)
    weights = inputs.logits.double().softmax(-1).nan_to_num(0.0).reshape(-1, inputs.shape[3])
    for row, cells in zip(weights, mask.to_dense().reshape(weights.shape), strict=True):
        count = int(cells.sum())
        best = max(float(row[list(subset)].sum()) for subset in combinations(range(inputs.shape[3]), count))
        assert float(row[cells > 0].sum()) == pytest.approx(best, abs=1e-9)


@given(attention_inputs(), st.sampled_from([0.2, 0.5, 0.9]), st.booleans())
def test_the_output_error_is_bounded_by_what_was_missed(inputs: AttentionInputs, share: float, by_mass: bool) -> None:
    """|output - dense| <= 2 (1 - captured mass) max |v|, for the visible keys of each row."""
    config: dict[str, Any] = (
        {"kind": "oracle_top_p", "mass": share} if by_mass else {"kind": "oracle_top_k", "budget": share}
    )
    plain = AttentionInputs(inputs.queries, inputs.keys, inputs.values, inputs.attention_mask)
    mask = selected(plain, **config)
    weights = plain.logits.double().softmax(-1).nan_to_num(0.0)
    missed = 1 - (weights * mask.to_dense()).sum(-1)
    error = masked_attention(plain, mask) - masked_attention(plain, Mask.full(plain.shape))
    largest = plain.values.norm(dim=-1).amax()
    sees = plain.visible.any(-1).expand(plain.shape[:3])
    assert bool((error.norm(dim=-1) <= 2 * missed * largest + 1e-3)[sees].all())


@given(attention_inputs(), st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_top_k_is_monotone_in_its_budget(inputs: AttentionInputs, one: int, two: int, share: bool) -> None:
    """A larger budget keeps every key of a smaller one."""
    less, more = (
        selected(inputs, kind="oracle_top_k", budget=size, share_kv_group=share) for size in sorted((one, two))
    )
    assert less <= more


@given(attention_inputs(dtype=torch.float64), st.sampled_from([0.3, 0.9]), st.sampled_from(["residual", "total"]))
def test_a_shared_top_p_reaches_the_mean_mass_of_its_group(
    inputs: AttentionInputs, mass: float, reference: str
) -> None:
    """From an empty mask the group's mean captured mass is at least `mass`."""
    mask = selected(inputs, kind="oracle_top_p", mass=mass, mass_reference=reference, share_kv_group=True)
    weights = inputs.logits.softmax(-1).nan_to_num(0.0)
    captured = (weights * mask.to_dense()).sum(-1)
    group = captured.reshape(inputs.shape[0], inputs.kv_heads, -1, inputs.shape[2]).mean(2)
    sees = inputs.visible.any(-1).expand(-1, inputs.kv_heads, -1)
    assert bool((group >= mass - 1e-9)[sees].all())


def test_a_dominating_certain_key_does_not_hide_the_others() -> None:
    """With a logit of 1000 already certain, the mass of the rest is still told apart."""
    keys = torch.tensor([1000.0, math.log(0.7), math.log(0.3)]).reshape(1, 1, 3, 1)
    inputs = AttentionInputs(torch.ones(1, 1, 1, 1), keys, keys)
    certain = Mask.from_indices(inputs.shape, torch.tensor([[[[0]]]]))
    assert kept(selected(inputs, certain, kind="oracle_top_p", mass=0.6)) == [0, 1]
    assert kept(selected(inputs, certain, kind="oracle_top_p", mass=0.6, mass_reference="total")) == [0]
