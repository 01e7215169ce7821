"""Training signatures: the step, what is learned, and that it can be interrupted."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from sah_core import AttentionInputs, CalibrationError, NumericalError
from sah_core.grouped_heads import grouped_scores
from sah_masker_hashattention import HashAttentionConfig, HashAttentionSettings
from sah_masker_hashattention.calibrator import SignatureCalibrator
from sah_masker_hashattention.lesson import Lesson
from sah_masker_hashattention.networks import phi
from sah_masker_hashattention.training import Training


def calibrator(bits: int = 16, **changes: Any) -> SignatureCalibrator:
    small = {"hidden": 16, "top": 4, **changes}
    return SignatureCalibrator(HashAttentionConfig(bits=bits, weights="unused"), HashAttentionSettings(**small))


def block(seed: int, n: int = 40, layer: int = 0, d: int = 8) -> AttentionInputs:
    """A causal block, 4 query heads on 2 KV heads; queries look at 3 channels, keys are largest in the others."""
    random = torch.Generator().manual_seed(seed)
    queries = torch.randn(1, 4, n, d, generator=random)
    queries[..., 3:] *= 0.1
    keys = torch.randn(1, 2, n, d, generator=random)
    keys[..., 3:] *= 3
    mask = torch.ones(1, 1, n, n, dtype=torch.bool).tril()
    return AttentionInputs(3 * queries, keys, keys, mask, layer_idx=layer)


def lesson(inputs: AttentionInputs, top: int = 4, seed: int = 0) -> Lesson:
    found = Lesson.of(inputs, top, torch.Generator().manual_seed(seed))
    assert found is not None
    return found


def test_a_lesson_wants_the_keys_with_the_largest_logits() -> None:
    """For each query drawn, `top` keys, each visible and with a logit above every other visible one's."""
    inputs = block(0)
    taught = lesson(inputs)
    logits = grouped_scores(taught.queries.double(), taught.keys.double()).masked_fill(~taught.seen, -torch.inf)
    assert bool((taught.wanted.sum(-1) == 4).all())
    assert not bool((taught.wanted & ~taught.seen).any())
    least = logits.masked_fill(~taught.wanted, torch.inf).amin(-1)
    others = logits.masked_fill(taught.wanted, -torch.inf).amax(-1)
    assert bool((least > others).all())


def test_a_lesson_draws_from_the_queries_that_have_a_choice() -> None:
    """36 of 40 causal queries see more than 4 keys, each is drawn once; of 1000 tokens 256 are."""
    taught = lesson(block(0))
    assert taught.queries.shape == (1, 4, 36, 8)
    assert sorted(taught.seen[0, 0].sum(-1).tolist()) == list(range(5, 41))
    assert lesson(block(0, n=1000)).queries.shape[2] == 256
    assert Lesson.of(block(0, n=4), 4, torch.Generator()) is None


def test_recall_by_hand() -> None:
    """Wanted keys 0 and 3 of 5, the last hidden: best by score are 3 and, of two equal ones, the lower: half."""
    seen = torch.tensor([True, True, True, True, False]).reshape(1, 1, 1, 5)
    wanted = torch.tensor([True, False, False, True, False]).reshape(1, 1, 1, 5)
    taught = Lesson(2, torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 5, 2), seen, wanted)
    assert taught.recall(torch.tensor([1.0, 3.0, 3.0, 5.0, 9.0]).reshape(1, 1, 1, 5)) == 0.5
    assert taught.recall(torch.tensor([3.0, 3.0, 1.0, 5.0, 9.0]).reshape(1, 1, 1, 5)) == 1.0


def test_a_step_is_what_autograd_and_adam_of_torch_do() -> None:
    """Three steps of ours on the weighted cross-entropy are three of torch.optim.Adam on torch's."""
    ours = Training.start([8, 16, 12], 4, 2, torch.Generator().manual_seed(0))
    theirs = {name: tensor.clone().requires_grad_() for name, tensor in ours.parameters.items()}
    optimiser = torch.optim.Adam(theirs.values(), lr=0.01)
    for seed in range(3):
        taught = lesson(block(seed))
        ours.step(taught, 0.01, 20.0)
        values = [
            phi([(theirs[f"{name}.{i}.weight"], theirs[f"{name}.{i}.bias"]) for i in range(2)], x).tanh()
            for name, x in (("query", taught.queries), ("key", taught.keys))
        ]
        z = (values[0] @ values[1].repeat_interleave(2, 1).transpose(-1, -2))[taught.seen]
        target = taught.wanted[taught.seen].float()
        loss = binary_cross_entropy_with_logits(z, target, pos_weight=torch.tensor(20.0))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimiser.step()
        assert ours.loss == pytest.approx(float(loss.detach()), rel=1e-5)
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours.parameters[name], tensor.detach(), rtol=1e-4, atol=1e-5)


def held_out_recall(parameters: dict[str, Tensor], depth: int) -> float:
    """Of signatures by these networks, on blocks that nobody was trained on."""
    found = []
    for seed in range(1000, 1005):
        taught = lesson(block(seed, n=128), top=8)
        bits = [
            (phi([(parameters[f"{name}.{i}.weight"], parameters[f"{name}.{i}.bias"]) for i in range(depth)], x) > 0)
            for name, x in (("query", taught.queries), ("key", taught.keys))
        ]
        found.append(taught.recall(grouped_scores(bits[0].float() * 2 - 1, bits[1].float() * 2 - 1)))
    return sum(found) / len(found)


def test_training_teaches() -> None:
    """After 150 blocks the signatures find in new blocks over half of the keys they should, before it a quarter."""
    learner = calibrator(bits=32, hidden=32, top=8, learning_rate=0.003)
    before = Training.start([8, 32, 32, 32], 4, 2, torch.Generator().manual_seed(0)).parameters
    for seed in range(150):
        learner.observe(block(seed, n=128))
    after = {name: layers[0] for name, layers in learner.result().items()}
    untrained, trained = held_out_recall(before, 3), held_out_recall(after, 3)
    assert untrained < 0.25
    assert trained > 0.55
    assert learner.measures()["recall"] == pytest.approx(trained, abs=0.1)


@given(layers=st.lists(st.integers(0, 1), min_size=2, max_size=5), data=st.data())
@settings(max_examples=20)
def test_going_on_from_a_state_is_not_noticed(layers: list[int], data: st.DataObject) -> None:
    """state after n calls, restored, and the rest: bit for bit what an uninterrupted run gives, measures included."""
    stop = data.draw(st.integers(0, len(layers)))
    whole, first, second = calibrator(), calibrator(), calibrator()
    for number, layer in enumerate(layers):
        whole.observe(block(number, layer=layer))
        if number < stop:
            first.observe(block(number, layer=layer))
    second.restore(first.state())
    for number, layer in list(enumerate(layers))[stop:]:
        second.observe(block(number, layer=layer))
    one, two = whole.state(), second.state()
    assert one.keys() == two.keys()
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())
    assert whole.measures() == second.measures()


def test_a_state_is_a_copy() -> None:
    """What is observed afterwards does not change it, nor does the calibrator it was restored to."""
    learner, heir = calibrator(), calibrator()
    learner.observe(block(1))
    state = learner.state()
    before = {name: tensor.clone() for name, tensor in state.items()}
    heir.restore(state)
    learner.observe(block(2))
    heir.observe(block(2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.items())


def test_the_result_has_a_network_a_head() -> None:
    """Queries one for each of 4 heads, keys one for each of 2; d -> hidden -> bits for depth 2; for each layer."""
    learner = calibrator(bits=11, depth=2)
    learner.observe(block(0, layer=0))
    learner.observe(block(0, layer=5))
    shapes = {name: tuple(layers[5].shape) for name, layers in learner.result().items()}
    assert shapes == {
        "query.0.weight": (4, 8, 16),
        "query.0.bias": (4, 16),
        "query.1.weight": (4, 16, 11),
        "query.1.bias": (4, 11),
        "key.0.weight": (2, 8, 16),
        "key.0.bias": (2, 16),
        "key.1.weight": (2, 16, 11),
        "key.1.bias": (2, 11),
    }
    assert not torch.equal(learner.result()["key.0.weight"][0], learner.result()["key.0.weight"][5])


def test_only_the_seed_decides() -> None:
    """The same blocks and seed give the same networks, whatever the global generator does, which is left alone."""
    found: list[Tensor] = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(found))
        before = torch.get_rng_state()
        learner = calibrator(seed=seed)
        with torch.no_grad():
            learner.observe(block(0))
            learner.observe(block(1))
        assert torch.equal(torch.get_rng_state(), before)
        found.append(learner.result()["query.2.weight"][0])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_block_without_a_choice_teaches_nothing() -> None:
    """4 tokens and `top` 4: no step, nothing to measure, the networks as they are; and no result if that was all."""
    learner, fresh = calibrator(), calibrator()
    learner.observe(block(0))
    fresh.observe(block(0, n=4))
    assert fresh.measures() == {}
    with pytest.raises(CalibrationError, match="no query of layer 0 saw more than top = 4 keys"):
        fresh.result()
    before = learner.state()
    learner.observe(block(1, n=4))
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.state().items())


def test_hidden_keys_teach_nothing() -> None:
    """Whatever stands behind the mask, the step is the same."""
    inputs = block(0)
    padded, noisy = (inputs.keys.clone() for _ in range(2))
    noisy[:, :, :10] = 50.0
    mask = torch.ones(1, 1, 40, 40, dtype=torch.bool).tril()
    mask[..., :10] = False
    results = []
    for keys in (padded, noisy):
        learner = calibrator()
        learner.observe(AttentionInputs(inputs.queries, keys, keys, mask))
        results.append(learner.result()["key.0.weight"][0])
    torch.testing.assert_close(*results)


def test_it_works_wherever_torch_would_put_new_tensors() -> None:
    """With the default device set to meta, in bfloat16, on an additive mask."""
    inputs = block(0)
    mask = torch.zeros(1, 1, 40, 40).masked_fill(~inputs.visible, torch.finfo(torch.bfloat16).min).bfloat16()
    queries, keys = inputs.queries.bfloat16(), inputs.keys.bfloat16()
    with torch.device("meta"):
        learner = calibrator()
        learner.observe(AttentionInputs(queries, keys, keys, mask))
        heir = calibrator()
        heir.restore(learner.state())
        heir.observe(AttentionInputs(queries, keys, keys, mask))
        assert heir.measures()["loss"] < learner.measures()["loss"]


def test_nan_is_refused() -> None:
    """A key that is no number would spoil every parameter."""
    inputs = block(0)
    keys = inputs.keys.clone()
    keys[0, 0, 3] = torch.nan
    with pytest.raises(NumericalError, match="NaN or infinity"):
        calibrator().observe(AttentionInputs(inputs.queries, keys, keys, inputs.attention_mask))
