"""The trainer: what its first weights do, what its batches are, and that one seed gives the same bytes again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_model_needle.batches import QUESTION_TOKENS, TARGETS, Batch, Stage, draw_batch
from sah_model_needle.curriculum import STAGES, Curriculum
from sah_model_needle.question_attention import question_mask
from sah_model_needle.train import answer_loss, learning_rate, new_model, train
from sah_model_needle.vocabulary import EOS, KEY_IDS, QUESTION

SEEDS = st.integers(0, 2**32)
SMALL = Stage(128, 8, 22, questions=6, batch_size=2, reach=4096)


@given(SEEDS, st.sampled_from(STAGES[:5]), st.booleans())
def test_questions_follow_their_context(seed: int, stage: Stage, vote: bool) -> None:
    """Each question is `? key v v v`, its key is in the context, and `v v v <eos>` is to be learnt."""
    batch = draw_batch(np.random.default_rng(seed), stage, vote=vote and stage.vote)
    asked = batch.ids[:, stage.length :].reshape(stage.batch_size, -1, QUESTION_TOKENS)
    assert (asked[..., 0] == QUESTION).all()
    assert (batch.targets[..., :-1] == asked[..., 2:]).all()
    assert (batch.targets[..., -1] == EOS).all()
    for context, keys in zip(batch.ids[:, : stage.length], asked[..., 1], strict=True):
        assert torch.isin(keys, torch.arange(KEY_IDS.start, KEY_IDS.stop)).all()
        assert torch.isin(keys, context).all()


@given(SEEDS, st.sampled_from(STAGES[:5]))
def test_positions(seed: int, stage: Stage) -> None:
    """Positions grow within the context and stay in reach; every question starts where the context ends."""
    batch = draw_batch(np.random.default_rng(seed), stage, vote=False)
    context = batch.positions[:, : stage.length]
    asked = batch.positions[:, stage.length :].reshape(stage.batch_size, -1, QUESTION_TOKENS)
    assert (context[:, 0] >= 0).all()
    assert (context.diff(dim=1) >= 1).all()
    assert (asked == context[:, -1, None, None] + 1 + torch.arange(QUESTION_TOKENS)).all()
    assert int(batch.positions.max()) < max(stage.reach, stage.length + QUESTION_TOKENS)


def test_question_mask_by_hand() -> None:
    """Two questions of two tokens after two tokens of context: all see the context, and none the other question."""
    expected = torch.tensor(
        [
            [1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0, 0],
            [1, 1, 0, 0, 1, 0],
            [1, 1, 0, 0, 1, 1],
        ],
        dtype=torch.bool,
    )
    assert torch.equal(question_mask(2, 2, 2), expected[None, None])


def test_training_sees_what_asking_sees() -> None:
    """A question among others in a training batch gets the logits that it gets alone, in plain causal attention."""
    batch = draw_batch(np.random.default_rng(0), SMALL, vote=False)
    model = new_model(0)
    question = slice(SMALL.length + QUESTION_TOKENS, SMALL.length + 2 * QUESTION_TOKENS)  # the second one
    with torch.no_grad():
        together = model.model(input_ids=batch.ids, position_ids=batch.positions, attention_mask=batch.mask)
        model.set_attn_implementation("eager")
        alone = model.model(
            input_ids=torch.cat([batch.ids[:, : SMALL.length], batch.ids[:, question]], 1),
            position_ids=torch.cat([batch.positions[:, : SMALL.length], batch.positions[:, question]], 1),
        )
    torch.testing.assert_close(
        together.last_hidden_state[:, question], alone.last_hidden_state[:, -QUESTION_TOKENS:], rtol=1e-4, atol=1e-4
    )


def test_first_weights_look_back_and_find() -> None:
    """Before any training: layer 0 looks h + 1 tokens back, and layer 1 finds what followed the answer's words."""
    batch = draw_batch(np.random.default_rng(0), SMALL, vote=False)
    model = new_model(0)
    model.set_attn_implementation("eager")
    ids = torch.cat([batch.ids[:, : SMALL.length], batch.ids[:, SMALL.length :][:, :QUESTION_TOKENS]], 1)
    with torch.no_grad():
        first, second, *_ = model.model(input_ids=ids, output_attentions=True).attentions
    for head in range(first.shape[1]):
        assert first[:, head].diagonal(-1 - head, dim1=1, dim2=2)[:, 4:].mean() > 0.7
    for row in range(len(ids)):
        start = int((ids[row, : SMALL.length] == ids[row, SMALL.length + 1]).nonzero()[0])
        for word in (2, 3):  # of the answer, which follow two and three words that are compared
            assert second[row, [0, 2], SMALL.length + 1 + word, start + 1 + word].min() > 0.3


def test_one_seed_same_bytes(tmp_path: Path) -> None:
    """Two runs with one seed write equal files; another seed writes other weights."""
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tmp_path / name, seed, steps=3)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "model.safetensors").read_bytes() != (tmp_path / "c" / "model.safetensors").read_bytes()


def test_loss_by_hand() -> None:
    """A model that gives every word the same logit has loss log(501), and its first choice is word 0, always wrong."""
    model = new_model(0)
    torch.nn.init.zeros_(model.lm_head.weight)
    batch = draw_batch(np.random.default_rng(0), SMALL, vote=True)
    loss, correct = answer_loss(model, batch)
    assert loss.item() == pytest.approx(np.log(501), rel=1e-5)
    assert correct.shape == batch.targets.shape == (2, min(6, batch.targets.shape[1]), TARGETS)
    assert not correct.any()


def test_learning_rate_by_hand() -> None:
    """It rises over 100 steps, stays, and falls over the last 40 % to a hundredth."""
    rates = [learning_rate(step, 1000) for step in (0, 49, 99, 600, 800, 999)]
    assert rates == pytest.approx([2e-5, 1e-3, 2e-3, 2e-3, 1e-3, 2e-5])


def test_curriculum() -> None:
    """A stage is left when it is mastered, or after 250 steps; the last one is never left, and mixes lengths."""
    rng = np.random.default_rng(0)
    curriculum = Curriculum()
    assert not curriculum.judge(0.9)
    assert curriculum.judge(0.91)
    assert curriculum.stage(rng) is STAGES[1]
    for _ in range(248):
        curriculum.stage(rng)
    assert not curriculum.judge(0.5)
    curriculum.stage(rng)
    assert curriculum.judge(0.5)
    while curriculum.number < len(STAGES) - 1:
        assert curriculum.judge(1.0)
    assert not curriculum.judge(1.0)
    assert {curriculum.stage(rng).length for _ in range(50)} == {512, 1024, 2048}


def test_batches_hold_different_sequences() -> None:
    """No two rows of a batch are the same, and a vote batch has at least two keys to tell apart."""
    batch: Batch = draw_batch(np.random.default_rng(3), SMALL, vote=True)
    assert len({tuple(row.tolist()) for row in batch.ids}) == SMALL.batch_size
    assert batch.targets.shape[1] >= 2
