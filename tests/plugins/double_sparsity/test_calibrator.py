"""Finding the heavy channels."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_core import AttentionInputs, CalibrationError, NumericalError
from sah_core.testing import attention_inputs
from sah_masker_double_sparsity import DoubleSparsityConfig, DoubleSparsitySettings
from sah_masker_double_sparsity.calibrator import ChannelCalibrator


def calibrator(group_factor: int = 1) -> ChannelCalibrator:
    return ChannelCalibrator(DoubleSparsityConfig(group_factor=group_factor), DoubleSparsitySettings())


def block(seed: int, n: int = 6, layer: int = 0, heads: int = 4, d: int = 8) -> AttentionInputs:
    """A causal block of n tokens with two KV heads."""
    random = torch.Generator().manual_seed(seed)
    queries, keys = (torch.randn(1, h, n, d, generator=random) for h in (heads, 2))
    return AttentionInputs(queries, keys, keys, torch.ones(1, 1, n, n, dtype=torch.bool).tril(), layer_idx=layer)


def test_the_ranking_by_hand() -> None:
    """Two tokens, two query heads on one KV head: sums of |q_c k_c| are 8, 9 and 1, so channels 1, 0, 2."""
    queries = torch.tensor([[[1.0, 3.0, 0.0], [1.0, 0.0, 1.0]], [[-2.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]).unsqueeze(0)
    keys = torch.tensor([[2.0, -3.0, 9.0], [-1.0, 4.0, 1.0]]).reshape(1, 1, 2, 3)
    learner = calibrator()
    learner.observe(AttentionInputs(queries, keys, keys, layer_idx=7))
    assert learner.state()["7"].tolist() == [[2 + 1 + 4 + 1, 9, 1]]
    assert learner.result()["channels"][7].tolist() == [[1, 0, 2]]


def test_equal_channels_keep_their_order() -> None:
    """All sums equal: 0, 1, 2, ..."""
    ones = torch.ones(1, 1, 3, 5)
    learner = calibrator()
    learner.observe(AttentionInputs(ones, ones, ones))
    assert learner.result()["channels"][0].tolist() == [[0, 1, 2, 3, 4]]


@given(attention_inputs(masks=("none",)))
def test_a_list_is_a_permutation(inputs: AttentionInputs) -> None:
    """Every channel once, a list for each KV head, so that any group_factor can use it."""
    square = AttentionInputs(
        inputs.queries, inputs.keys[:, :, -inputs.shape[2] :], inputs.values[:, :, -inputs.shape[2] :]
    )
    learner = calibrator()
    learner.observe(square)
    found = learner.result()["channels"][0]
    assert found.shape == (inputs.kv_heads, inputs.keys.shape[3])
    assert torch.equal(found.sort(-1).values, torch.arange(found.shape[1]).expand(found.shape))


def test_blocks_add_up() -> None:
    """Two blocks one after another are one block of all their tokens; nothing of the first is forgotten."""
    one, two = block(1), block(2, n=9)
    both = (torch.cat([one.queries, two.queries], 2), torch.cat([one.keys, two.keys], 2))
    apart, together, last = calibrator(), calibrator(), calibrator()
    apart.observe(one)
    apart.observe(two)
    together.observe(AttentionInputs(*both, both[1]))
    last.observe(two)
    torch.testing.assert_close(apart.state()["0"], together.state()["0"])
    assert torch.equal(apart.result()["channels"][0], together.result()["channels"][0])
    assert not torch.equal(apart.state()["0"], last.state()["0"])


def test_heads_and_layers_are_kept_apart() -> None:
    """Query heads 0 and 1 read KV head 0, 2 and 3 KV head 1; a large channel of one shows there only, in its layer."""
    inputs, other = block(1), block(1, layer=3)
    queries = inputs.queries.clone()
    queries[:, 1, :, 5] = 100.0
    queries[:, 2, :, 6] = 100.0
    learner = calibrator()
    learner.observe(AttentionInputs(queries, inputs.keys, inputs.values))
    learner.observe(other)
    assert learner.result()["channels"][0][:, 0].tolist() == [5, 6]
    alone = calibrator()
    alone.observe(other)
    assert torch.equal(learner.result()["channels"][3], alone.result()["channels"][3])


def test_padding_does_not_count() -> None:
    """Tokens that do not see themselves, whatever stands there, change nothing."""
    inputs = block(4, n=5)
    queries, keys = (
        torch.cat([torch.full_like(part[:, :, :2], torch.nan), part], 2) for part in (inputs.queries, inputs.keys)
    )
    mask = torch.ones(1, 1, 7, 7, dtype=torch.bool).tril()
    mask[..., :2] = False
    with_padding, without = calibrator(), calibrator()
    with_padding.observe(AttentionInputs(queries, keys, keys, mask))
    without.observe(inputs)
    torch.testing.assert_close(with_padding.state()["0"], without.state()["0"])


@given(st.lists(st.integers(0, 2), min_size=2, max_size=6), st.data())
def test_going_on_from_a_state_is_not_noticed(layers: list[int], data: st.DataObject) -> None:
    """state after n calls, restored, and the rest: bit for bit what an uninterrupted run gives."""
    stop = data.draw(st.integers(0, len(layers)))
    whole, first, second = calibrator(2), calibrator(2), calibrator(2)
    for number, layer in enumerate(layers):
        whole.observe(block(number, layer=layer))
        if number < stop:
            first.observe(block(number, layer=layer))
    second.restore(first.state())
    for number, layer in list(enumerate(layers))[stop:]:
        second.observe(block(number, layer=layer))
    assert whole.state().keys() == second.state().keys()
    assert all(torch.equal(sums, second.state()[name]) for name, sums in whole.state().items())
    assert whole.measures() == pytest.approx(second.measures(), rel=1e-12)


def test_a_state_is_a_copy() -> None:
    """What is observed afterwards does not change it, nor does the calibrator it was restored to."""
    learner, heir = calibrator(), calibrator()
    learner.observe(block(1))
    state = learner.state()
    before = state["0"].clone()
    heir.restore(state)
    learner.observe(block(2))
    heir.observe(block(2))
    assert torch.equal(state["0"], before)


def test_the_heavy_share_by_hand() -> None:
    """Sums 6, 3, 1, 0 with group_factor 4: the heaviest channel holds .6; before anything is seen there is no share."""
    assert calibrator(4).measures() == {}
    learner = calibrator(4)
    ones = torch.ones(1, 1, 1, 4)
    learner.observe(AttentionInputs(torch.tensor([3.0, -6.0, 0.0, 1.0]).reshape(1, 1, 1, 4), ones, ones))
    assert learner.measures() == {"heavy_share": pytest.approx(0.6)}


def test_what_it_refuses() -> None:
    """A group_factor that does not divide, and NaN, both with the layer's number."""
    with pytest.raises(CalibrationError, match="group_factor 3 does not divide the head dimension 8 of layer 2"):
        calibrator(3).observe(block(0, layer=2))
    nan = torch.full((1, 1, 2, 4), torch.nan)
    with pytest.raises(NumericalError, match="layer 1"):
        calibrator().observe(AttentionInputs(nan, nan, nan, layer_idx=1))
