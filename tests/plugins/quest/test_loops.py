"""Quest's bounds by compiled loops: those of torch's product, of what stands beside them or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import pad

from sah_core import AttentionInputs, AttentionState, GrowingTensor, Mask, OpenUnits, Units, create_masker
from sah_core.grouped_heads import by_group
from sah_core.maskers.indexing import index_of
from sah_core.testing import attention_inputs, masks
from sah_masker_quest import QuestConfig
from sah_masker_quest.masker import FEW, Quest

pytestmark = pytest.mark.usefixtures("loops")

DTYPES = st.sampled_from([torch.float32, torch.bfloat16])
WIDTHS = st.sampled_from([1, 3, 16, 40])
GROUPS = st.integers(1, 5)
ROUNDING = 1e-6
"""Of a sum in float32, in parts of the sum of its terms' sizes."""


def page_bounds(queries: Tensor, corners: Tensor, heads: int) -> Tensor:
    from sah_masker_quest.loops import page_bounds

    return page_bounds(queries, corners, heads)


def drawn(dtype: torch.dtype, d: int, group: int, pages: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two batch rows, two KV heads, two queries; corners as an index holds them, with room at the end."""
    random = torch.Generator().manual_seed(seed)
    queries = torch.randn(2, 2 * group, 2, d, generator=random).to(dtype)
    held = GrowingTensor()
    for part in torch.split(torch.randn(2, 2, pages, 2 * d, generator=random).to(dtype), 3, 2):
        held.append(part)
    return queries, held.entries


def of_both_signs(queries: Tensor) -> Tensor:
    """[relu(q), relu(-q)] in float64."""
    return torch.cat([queries.double().relu(), (-queries.double()).relu()], -1)


@given(DTYPES, WIDTHS, GROUPS, st.integers(1, 9), st.integers(0, 2**16))
def test_bounds_are_the_product(dtype: torch.dtype, d: int, group: int, pages: int, seed: int) -> None:
    """relu(q) . kmax + relu(-q) . (-kmin) to the rounding of float32, of a head or the largest of a group."""
    queries, corners = drawn(dtype, d, group, pages, seed)
    factors, boxes = of_both_signs(queries), corners.double().repeat_interleave(group, 1)
    expected, room = factors @ boxes.mT, ROUNDING * (factors @ boxes.abs().mT)
    assert bool(((page_bounds(queries, corners, 2 * group) - expected).abs() <= room).all())
    shared = page_bounds(queries, corners, 2) - by_group(expected, 2).amax(2)
    assert bool((shared.abs() <= by_group(room, 2).amax(2)).all())


@given(DTYPES, WIDTHS, GROUPS, st.integers(1, 9), st.integers(0, 2**16))
def test_a_bound_is_the_same_whatever_stands_beside_it(
    dtype: torch.dtype, d: int, group: int, pages: int, seed: int
) -> None:
    """To the last bit, with other queries, heads, batch rows and pages as without; equal pages have equal bounds."""
    queries, corners = drawn(dtype, d, group, pages, seed)
    bounds = page_bounds(queries, corners, 2 * group)
    assert torch.equal(page_bounds(queries[:, :, 1:], corners, 2 * group), bounds[:, :, 1:])
    one = page_bounds(queries[1:, group : group + 1], corners[1:, 1:, 1:], 1)
    assert torch.equal(one, bounds[1:, group : group + 1, :, 1:])
    assert torch.equal(page_bounds(queries, corners, 2), by_group(bounds, 2).amax(2))
    twice = page_bounds(queries, torch.cat([corners, corners], 2), 2 * group)
    assert torch.equal(twice, torch.cat([bounds, bounds], -1))


@given(attention_inputs(dtype=torch.bfloat16, head_dims=(4, 40), masks=("none", "causal")), st.integers(1, 5))
def test_no_key_exceeds_the_bound_of_its_page_in_16_bits(inputs: AttentionInputs, page_size: int) -> None:
    """U_p >= the logit of each visible key of p, but for the rounding of a sum in float32."""
    masker, units = Quest(QuestConfig(page_size=page_size)), Units.of(inputs, page_size)
    pages = masker.scores(inputs, index_of(masker.config, inputs, masker.create_index))
    bound = units.keys_of(pad(pages, (0, units.count - pages.shape[3])))
    sizes = inputs.queries.float().abs() @ inputs.keys.float().abs().repeat_interleave(inputs.group_size, 1).mT
    room = 2 * ROUNDING * sizes * inputs.logit_scaling
    assert bool((bound + room >= inputs.logits.masked_fill(~inputs.visible, -torch.inf)).all())


@given(attention_inputs(max_keys=20), st.integers(1, 5), st.booleans(), st.booleans(), st.data())
def test_the_pages_are_those_that_torch_selects(
    inputs: AttentionInputs, page_size: int, share: bool, last: bool, data: st.DataObject
) -> None:
    """The same mask with loops and without, of whole numbers, whose sums are not rounded; with a state that grew."""
    queries, keys = inputs.queries.round(), inputs.keys.round()
    options: dict[str, Any] = {"attention_mask": inputs.attention_mask, "softcap": inputs.softcap, "scaling": 0.25}
    previous = data.draw(masks(shape=inputs.shape))
    config = {"kind": "quest", "budget": 4, "page_size": page_size, "share_kv_group": share, "keep_last_page": last}
    found = []
    for allowed in ("1", "0"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SAH_COMPILED", allowed)
            state = AttentionState(1)
            before = AttentionInputs(queries[:, :, :1], keys[:, :, :1], keys[:, :, :1], state=state)
            masker = create_masker(config)
            masker.add_mask(before, Mask.empty(before.shape))
            whole = AttentionInputs(queries, keys, inputs.values, state=state, **options)
            found.append(masker.add_mask(whole, previous))
    assert found[0] == found[1]


@given(attention_inputs(max_keys=20, masks=("none", "causal", "biased")), st.integers(1, 5), st.booleans(), st.data())
def test_a_groups_bound_is_its_heads_largest(
    inputs: AttentionInputs, page_size: int, loops: bool, data: st.DataObject
) -> None:
    """Without the heads' own bounds or by way of them, whatever is certain before, of every page that is open."""
    masker = Quest(QuestConfig(page_size=page_size, share_kv_group=True))
    certain = data.draw(masks(shape=inputs.shape, probabilities=(1.0,), representations=("index", "empty")))
    opened = OpenUnits.of(inputs, Units.of(inputs, page_size), certain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAH_COMPILED", "1" if loops else "0")
        index = index_of(masker.config, inputs, masker.create_index)
        shared, heads = masker.group_scores(inputs, index, opened), masker.scores(inputs, index)
    shared, heads = (pad(scores, (0, opened.count - scores.shape[3])) for scores in (shared, heads))
    largest = by_group(opened.hide(heads, -torch.inf), inputs.kv_heads).amax(2)
    wanted = opened.of_groups(inputs.kv_heads).of_rows()
    assert torch.equal(shared.masked_select(wanted), largest.masked_select(wanted))


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_many_queries_are_bounded_as_each_alone(dtype: torch.dtype, share: bool) -> None:
    """To the rounding of float32, in 16 bits too, though a matrix product takes more than a few of them."""
    random = torch.Generator().manual_seed(0)
    queries = torch.randn(1, 4, FEW, 8, generator=random).to(dtype)
    keys = torch.randn(1, 2, 30, 8, generator=random).to(dtype)
    masker = Quest(QuestConfig(page_size=4, share_kv_group=share))

    def bounds(rows: Tensor) -> Tensor:
        inputs = AttentionInputs(rows, keys, keys, query_positions=torch.full((rows.shape[2],), 29))
        opened = OpenUnits.of(inputs, Units.of(inputs, 4), Mask.empty(inputs.shape))
        return masker.group_scores(inputs, index_of(masker.config, inputs, masker.create_index), opened)

    alone = torch.cat([bounds(queries[:, :, i : i + 1]) for i in range(FEW)], 2)
    torch.testing.assert_close(bounds(queries), alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2])
def test_nan_is_a_bound_of_its_own(heads: int) -> None:
    """Page 1 holds a NaN: its bound is NaN, of each head and of both, and the others' are 1 and 2."""
    corners = torch.tensor([[1.0, -1.0], [torch.nan, torch.nan], [2.0, -2.0]]).reshape(1, 1, 3, 2)
    bounds = page_bounds(torch.tensor([1.0, 0.5]).reshape(1, 2, 1, 1), corners, heads)
    assert bounds[0, :, 0, 1].isnan().all()
    assert bounds[0, 0, 0, [0, 2]].tolist() == [1.0, 2.0]


def test_a_query_that_is_nan_makes_its_groups_bound_nan() -> None:
    """Whichever of the heads it is: no bound of another's hides it."""
    corners = torch.tensor([[1.0, -1.0], [2.0, -2.0]]).reshape(1, 1, 2, 2)
    for queries in ([1.0, torch.nan, 3.0], [torch.nan, 1.0, 3.0], [1.0, 3.0, torch.nan]):
        assert page_bounds(torch.tensor(queries).reshape(1, 3, 1, 1), corners, 1).isnan().all()
