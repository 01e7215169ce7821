"""Records ``key v v v .`` hidden in filler: what both the task generator and the trainer draw."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from .vocabulary import ANSWER_WORDS, BOS, DOT, FILLER_IDS, KEY_IDS, RECORD_WORDS, VALUE_IDS

__all__ = ["VALUES", "Context", "Ids", "Records", "hide", "retrieval_records", "vote_records"]

Ids = npt.NDArray[np.int64]

VALUES: Final = len(VALUE_IDS) ** ANSWER_WORDS
"""How many different values a record can have."""

_ANSWER_SHARE = 0.45
_RIVAL_SHARE = 0.25


@attrs.frozen(eq=False)
class Records:
    """Records in no order yet, and the keys that can be asked with their answers, all as token ids."""

    keys: Ids  # (records,)
    values: Ids  # (records, ANSWER_WORDS)
    asked: Ids  # (keys,) each key once
    answers: Ids  # (keys, ANSWER_WORDS)


@attrs.frozen(eq=False)
class Context:
    """A context's token ids, ``<bos>`` first, and the position at which each record starts."""

    ids: Ids  # (length,)
    starts: Ids  # (records,) ascending


def _value_ids(numbers: Ids) -> Ids:
    """The value words of numbers below ``VALUES``, written in base 16: (n,) -> (n, ANSWER_WORDS)."""
    places = len(VALUE_IDS) ** np.arange(ANSWER_WORDS - 1, -1, -1)
    return VALUE_IDS.start + numbers[:, None] // places % len(VALUE_IDS)


def retrieval_records(rng: np.random.Generator, records: int, *, pool: int = len(KEY_IDS)) -> Records:
    """One record a key, the keys drawn from the first ``pool`` of the vocabulary."""
    keys = KEY_IDS.start + rng.choice(pool, records, replace=False)
    values = _value_ids(rng.integers(0, VALUES, records))
    return Records(keys, values, keys, values)


def vote_records(rng: np.random.Generator, records: int, keys: int) -> Records:
    """``records`` shared evenly by ``keys``: 45 % of a key's carry its answer, 25 % a rival, 30 % noise.

    The answer is the strict majority among the values of its key: the rival has fewer records and each noisy value
    has one.
    """
    names = KEY_IDS.start + rng.choice(len(KEY_IDS), keys, replace=False)
    owners = np.arange(records) % keys
    numbers = np.empty(records, np.int64)
    answers = np.empty(keys, np.int64)
    for key in range(keys):
        mine = np.flatnonzero(owners == key)
        for_answer = int(np.ceil(_ANSWER_SHARE * len(mine)))
        for_rival = min(int(_RIVAL_SHARE * len(mine)), for_answer - 1)
        noisy = len(mine) - for_answer - for_rival
        drawn = rng.choice(VALUES, 2 + noisy, replace=False)  # all different, so the majority is strict by counting
        answers[key] = drawn[0]
        numbers[mine] = np.repeat(drawn, [for_answer, for_rival, *[1] * noisy])
    return Records(names[owners], _value_ids(numbers), names, _value_ids(answers))


def hide(rng: np.random.Generator, records: Records, length: int) -> Context:
    """Shuffle the records into filler: ``length`` token ids, ``<bos>`` counted.

    ``length`` must leave room: at least ``1 + RECORD_WORDS * records``.
    """
    count = len(records.keys)
    free = length - 1 - count * RECORD_WORDS
    order = rng.permutation(count)
    rows = np.column_stack([records.keys, records.values, np.full(count, DOT)])[order]
    gaps = np.sort(rng.integers(0, free + 1, count))
    starts = 1 + gaps + np.arange(count) * RECORD_WORDS
    ids = FILLER_IDS.start + rng.integers(0, len(FILLER_IDS), length)
    ids[0] = BOS
    ids[starts[:, None] + np.arange(RECORD_WORDS)] = rows
    return Context(ids, starts)
