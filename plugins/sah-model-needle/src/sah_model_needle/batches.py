"""Batches to train on: fresh contexts, each followed by many questions that do not see one another."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from torch import Tensor

from .question_attention import question_mask
from .records import Ids, Records, hide, retrieval_records, vote_records
from .vocabulary import ANSWER_WORDS, EOS, KEY_IDS, QUESTION

__all__ = ["QUESTION_TOKENS", "TARGETS", "Batch", "Stage", "draw_batch"]

QUESTION_TOKENS = 2 + ANSWER_WORDS
"""What is read of a question: ``? key v v v``."""
TARGETS = ANSWER_WORDS + 1
"""What is learnt of a question: ``v v v <eos>``."""

_MOST_JUMPS = 4


@attrs.frozen
class Stage:
    """One step of the curriculum: contexts of ``length`` tokens with between ``fewest`` and ``most`` records."""

    length: int
    fewest: int
    most: int
    questions: int
    batch_size: int
    reach: int  # positions are spread over up to this many; at most the length: no jumps
    vote: bool = True
    pool: int = len(KEY_IDS)


@attrs.frozen(eq=False)
class Batch:
    """Contexts (length tokens) and then n questions of ``QUESTION_TOKENS`` each; all questions start at one position.

    So each is trained as it will be asked: right after the context, alone.
    """

    ids: Tensor  # (b, length + n * QUESTION_TOKENS)
    positions: Tensor  # (b, length + n * QUESTION_TOKENS)
    targets: Tensor  # (b, n, TARGETS)
    mask: Tensor  # (1, 1, n * QUESTION_TOKENS, length + n * QUESTION_TOKENS) bool, True = attend


def draw_batch(rng: np.random.Generator, stage: Stage, *, vote: bool) -> Batch:
    """One batch of a stage, all contexts with equally many records; ``vote``: of 3 to 32 records a key."""
    if vote:
        records = stage.most
        keys = max(2, records // int(rng.integers(3, 33)))
    else:
        records = int(rng.integers(stage.fewest, stage.most + 1))
        keys = records
    count = min(stage.questions, keys)
    rows = [
        _draw_row(
            rng,
            vote_records(rng, records, keys) if vote else retrieval_records(rng, records, pool=stage.pool),
            stage,
            count,
        )
        for _ in range(stage.batch_size)
    ]
    ids, positions, targets = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
    return Batch(ids, positions, targets, question_mask(stage.length, count, QUESTION_TOKENS))


def _draw_row(rng: np.random.Generator, records: Records, stage: Stage, questions: int) -> tuple[Ids, Ids, Ids]:
    context = hide(rng, records, stage.length)
    asked = rng.choice(len(records.asked), questions, replace=False)
    answers = records.answers[asked]
    read = np.column_stack([np.full(questions, QUESTION), records.asked[asked], answers])
    positions = np.arange(stage.length)
    spare = stage.reach - stage.length - QUESTION_TOKENS
    if spare > 0:  # jumps between records: short sequences teach long distances
        jumps = rng.integers(1, _MOST_JUMPS + 1)
        total = int(rng.random() ** 2 * spare)
        gaps = np.zeros(stage.length, np.int64)
        np.add.at(gaps, rng.choice(context.starts, jumps), rng.multinomial(total, np.full(jumps, 1 / jumps)))
        positions = positions + np.cumsum(gaps)
    after = positions[-1] + 1 + np.tile(np.arange(QUESTION_TOKENS), questions)
    return (
        np.concatenate([context.ids, read.ravel()]),
        np.concatenate([positions, after]),
        np.column_stack([answers, np.full(questions, EOS)]),
    )
