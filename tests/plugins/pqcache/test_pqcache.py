"""PQCache: logits from product-quantised keys, and what they select."""

from typing import Any

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import pad

from sah_core import (
    AttentionInputs,
    AttentionState,
    InputsError,
    Mask,
    NumericalError,
    apply_maskers,
    create_masker,
    masked_attention,
)
from sah_core.testing import attention_inputs
from sah_masker_pqcache import PQCacheConfig
from sah_masker_pqcache.codebook import Codebook
from sah_masker_pqcache.masker import PQCache

METRICS = st.sampled_from(["euclidean", "inner_product"])
SCALINGS = st.sampled_from([None, 1.0, -0.7])


def pqcache(**config: Any) -> PQCache:
    return PQCache(PQCacheConfig(**{"subvectors": 1, **config}))


def scored(masker: PQCache, inputs: AttentionInputs) -> tuple[Tensor, Codebook]:
    """s_j of every key, (b, hq, q, k), and the index they come from."""
    index = masker.create_index(inputs)
    index.fit(inputs.keys)
    return masker.scores(inputs, index), index


def selected(inputs: AttentionInputs, previous: Mask | None = None, **config: Any) -> Mask:
    return pqcache(**config).add_mask(inputs, Mask.empty(inputs.shape) if previous is None else previous)


def kept(mask: Mask, head: int = 0) -> list[int]:
    return mask.to_dense()[0, head, 0].nonzero().flatten().tolist()


def of_weights(*weights: list[float]) -> AttentionInputs:
    """Query heads with these attention weights over keys that are the unit vectors."""
    keys = torch.eye(len(weights[0])).reshape(1, 1, len(weights[0]), -1)
    queries = torch.tensor(weights).log().reshape(1, len(weights), 1, -1)
    return AttentionInputs(queries, keys, keys, scaling=1.0)


@given(attention_inputs(dtype=torch.float64), METRICS, SCALINGS, st.data())
def test_with_a_centroid_a_key_the_logits_are_exact(
    inputs: AttentionInputs, metric: str, scaling: float | None, data: st.DataObject
) -> None:
    """No more keys than centroids: every visible key's score is its final logit (scaled, soft-capped, biased)."""
    d = inputs.keys.shape[3]
    subvectors = data.draw(st.sampled_from([m for m in (1, 2, 4) if d % m == 0]))
    inputs = attrs.evolve(inputs, scaling=scaling, shared={})
    scores, _ = scored(pqcache(metric=metric, subvectors=subvectors), inputs)
    error = torch.where(inputs.visible, scores - inputs.logits, 0.0)
    assert float(error.abs().max()) < 1e-9


@given(
    attention_inputs(dtype=torch.float64, masks=("none", "causal", "padded", "sliding", "holes")),
    st.sampled_from([1, 3, 0.3, 1.0]),
)
def test_with_a_centroid_a_key_it_is_the_oracle(inputs: AttentionInputs, budget: int | float) -> None:
    """And it selects what oracle_top_k selects."""
    inputs = attrs.evolve(inputs, softcap=None, shared={})
    oracle = create_masker({"kind": "oracle_top_k", "budget": budget}).add_mask(inputs, Mask.empty(inputs.shape))
    assert selected(inputs, budget=budget, share_kv_group=False) == oracle


@given(attention_inputs(max_keys=30, dtype=torch.float64, masks=("none",)), METRICS, SCALINGS, st.integers(1, 3))
def test_the_error_is_bounded_by_the_distances(
    inputs: AttentionInputs, metric: str, scaling: float | None, bits: int
) -> None:
    """|s_j - logit| <= |scaling| * sum over m of |q_m| |k_jm - centroid|."""
    inputs = attrs.evolve(inputs, scaling=scaling, softcap=None, shared={})
    d = inputs.keys.shape[3]
    scores, index = scored(pqcache(metric=metric, subvectors=d, bits=bits), inputs)
    codes = index.codes.long().transpose(2, 3).unsqueeze(-1)  # (b, hkv, d, k, 1): parts of one channel
    decoded = torch.take_along_dim(index.centroids, codes, 3).squeeze(-1).transpose(2, 3)  # (b, hkv, k, d)
    distances = (inputs.keys - decoded).abs().repeat_interleave(inputs.group_size, 1)
    factor = d**-0.5 if scaling is None else abs(scaling)
    bound = factor * inputs.queries.abs() @ distances.mT
    assert bool(((scores - inputs.logits).abs() <= bound + 1e-9).all())


def test_more_parts_recall_more() -> None:
    """Of the best 100 of 2000 Gaussian keys, finer codes find more: about .17, .24, .34 and .49."""
    recalls = []
    for subvectors in (2, 4, 8, 16):
        found = 0.0
        for seed in range(4):
            random = torch.Generator().manual_seed(seed)
            keys = torch.randn(1, 1, 2000, 128, generator=random)
            inputs = AttentionInputs(torch.randn(1, 1, 1, 128, generator=random), keys, keys)
            best = create_masker({"kind": "oracle_top_k", "budget": 100}).add_mask(inputs, Mask.empty(inputs.shape))
            ours = selected(inputs, budget=100, subvectors=subvectors)
            found += float((ours.to_dense() * best.to_dense()).sum()) / 400
        recalls.append(found)
    assert recalls == sorted(recalls)
    assert recalls[0] > 0.1 > 100 / 2000
    assert recalls[3] > 0.4


def test_a_group_ranks_by_the_sum_of_its_weights() -> None:
    """Head 0 weighs the keys .7 .2 .1, head 1 .0 .55 .45; together .7 .75 .55: one shared key is key 1."""
    inputs = of_weights([0.7, 0.2, 0.1], [1e-9, 0.55, 0.45])
    own = selected(inputs, budget=1, share_kv_group=False)
    shared = selected(inputs, budget=1)
    assert (kept(own, 0), kept(own, 1)) == ([0], [1])
    assert (kept(shared, 0), kept(shared, 1)) == ([1], [1])


def test_each_head_of_a_group_weighs_its_own_candidates() -> None:
    """Key 0 certain, head 0 weighs the others 2/3 1/3, head 1 .45 .55: together 1.12 .88, so key 1.

    Weighed over all keys head 0 would hardly count, .02 .01, and key 2 would win with .56 to .47.
    """
    inputs = of_weights([0.97, 0.02, 0.01], [1e-9, 0.45, 0.55])
    certain = Mask.from_indices(inputs.shape, torch.tensor([[[[0]]]]))
    assert kept(selected(inputs, certain, budget=1)) == [0, 1]


def test_a_head_without_candidates_leaves_the_choice_to_the_others() -> None:
    """Where head 1 has all keys already, head 0 alone decides: key 2, of .2, and not key 1, of .1."""
    inputs = of_weights([0.7, 0.1, 0.2], [1e-9, 0.9, 0.1])
    previous = Mask.from_dense(torch.tensor([[[[1.0, 0, 0]], [[1.0, 1, 1]]]]))
    after = selected(inputs, previous, budget=1)
    assert (kept(after, 0), kept(after, 1)) == ([0, 2], [0, 1, 2])


def test_the_inner_product_metric_by_hand() -> None:
    """Context 1 and 4, then 2.8: on the sphere it counts as 1, on the line as 4, so the best two keys differ.

    Keys 1 4 2.8 0 with q = 1: scores 1 4 1 1 (on the sphere 0 is nearest 1 too) and 1 4 4 1.
    """
    keys = torch.tensor([1.0, 4.0, 2.8, 0.0]).reshape(1, 1, 4, 1)
    for metric, best in (("inner_product", [0, 1]), ("euclidean", [1, 2])):
        inputs = AttentionInputs(torch.ones(1, 1, 1, 1), keys, keys, state=AttentionState(2))
        assert kept(selected(inputs, budget=2, bits=1, metric=metric)) == best


@given(attention_inputs(max_keys=20, masks=("none",)), st.integers(1, 20), METRICS)
def test_a_request_that_grows_selects_as_if_asked_at_once(inputs: AttentionInputs, context: int, metric: str) -> None:
    """With a state, asked after every key from a context on and once more, as with a new state of that context."""
    k = inputs.shape[3]
    context = min(context, k)
    state = AttentionState(context)
    masker = pqcache(bits=2, budget=0.3, metric=metric)
    for n in [*range(min(context + 1, k), k + 1), k]:
        keys, values, query = inputs.keys[:, :, :n], inputs.values[:, :, :n], inputs.queries[:, :, :1]
        empty = Mask.empty((*inputs.queries.shape[:2], 1, n))
        remembering, afresh = (
            masker.add_mask(AttentionInputs(query, keys, values, state=known), empty)
            for known in (state, AttentionState(context))
        )
        assert remembering == afresh


@given(attention_inputs(masks=("causal", "padded")), st.integers(1, 9), METRICS, st.booleans())
def test_padding_changes_nothing(inputs: AttentionInputs, more: int, metric: str, share: bool) -> None:
    """Behind any number of padding columns, whatever they hold, each row selects the same keys."""
    mask = inputs.attention_mask
    assert mask is not None
    behind = AttentionInputs(
        inputs.queries,
        pad(inputs.keys, (0, 0, more, 0), value=1000.0),
        pad(inputs.values, (0, 0, more, 0), value=1000.0),
        pad(mask, (more, 0), value=False),
        softcap=inputs.softcap,
    )
    config: dict[str, Any] = {"budget": 0.4, "bits": 1, "metric": metric, "share_kv_group": share}
    alone, padded = selected(inputs, **config).to_dense(), selected(behind, **config).to_dense()
    assert torch.equal(padded, pad(alone, (more, 0)))


@pytest.mark.parametrize("key", [0.0, 2.5])
def test_equal_keys_go_to_the_first(key: float) -> None:
    """Where no key is better than another, zero keys included, the lower position comes first."""
    keys = torch.full((1, 1, 9, 4), key)
    inputs = AttentionInputs(torch.ones(1, 2, 1, 4), keys, keys)
    assert kept(selected(inputs, budget=4, bits=2, subvectors=2)) == [0, 1, 2, 3]


def test_a_context_of_one_key() -> None:
    """The only key is selected, whatever the budget."""
    keys = torch.ones(1, 1, 1, 4)
    assert kept(selected(AttentionInputs(keys, keys, keys), budget=5)) == [0]


def test_seed_layer_and_place_choose_the_first_centroids() -> None:
    """The codebook is the same for the same seed, layer and position in the list, and another for another."""
    keys = torch.randn(1, 1, 60, 4, generator=torch.Generator().manual_seed(0))
    inputs = AttentionInputs(keys[:, :, :1], keys, keys)
    masker = pqcache(bits=3, iterations=1)
    _, index = scored(masker, inputs)
    assert torch.equal(scored(masker, attrs.evolve(inputs, shared={}))[1].centroids, index.centroids)
    for other in (
        attrs.evolve(inputs, seed=1, shared={}),
        attrs.evolve(inputs, layer_idx=1, shared={}),
        attrs.evolve(inputs, masker_position=1, shared={}),
    ):
        assert not torch.equal(scored(masker, other)[1].centroids, index.centroids)


def test_the_head_dimension_has_to_be_cut_evenly() -> None:
    """Three parts of four channels: an InputsError that names both."""
    keys = torch.ones(1, 1, 3, 4)
    with pytest.raises(InputsError, match="subvectors 3 does not divide the head dimension 4"):
        selected(AttentionInputs(keys, keys, keys), subvectors=3)


def test_nan_in_the_context_and_after_it() -> None:
    """A NaN in the context is refused; in a later key it reaches the attention, which says so, if it is selected."""
    keys = torch.ones(1, 1, 5, 2)
    keys[0, 0, 4, 1] = torch.nan
    with pytest.raises(NumericalError, match="a key of the context is NaN or infinite"):
        selected(AttentionInputs(keys[:, :, :1], keys, keys))
    inputs = AttentionInputs(keys[:, :, :1], keys, keys, state=AttentionState(4))
    assert float(masked_attention(inputs, apply_maskers([pqcache(budget=2)], inputs)).sum()) == 2.0
    with pytest.raises(NumericalError, match="logit of an attended key"):
        masked_attention(inputs, apply_maskers([pqcache(budget=1.0)], inputs))
