"""The needle task: the generator's samples as rows, others for every seed, and none where none can be."""

from __future__ import annotations

import subprocess
import sys
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.tasks.configs import NeedleConfig
from sah_bench.tasks.needle import Needle
from sah_bench.tasks.row import digest_of
from sah_core.errors import ConfigError, SahError, UsageError
from sah_model_needle import NeedleTask

configs = st.builds(
    NeedleConfig,
    variant=st.sampled_from(["retrieval", "vote"]),
    questions=st.integers(1, 12),
    samples=st.integers(1, 40),
)


@given(configs, st.integers(128, 640), st.integers(0, 5))
def test_as_many_rows_as_asked_for(config: NeedleConfig, length: int, seed: int) -> None:
    """The rows are as many as ``samples``, those of a context together and at most ``questions``, each asked once."""
    rows = Needle(config).rows(length, seed)
    assert len(rows) == config.samples
    contexts = [(context, [row.question for row in found]) for context, found in groupby(rows, lambda row: row.context)]
    assert len(dict(contexts)) == len(contexts)
    for _, questions in contexts:
        assert len(set(questions)) == len(questions) <= config.questions


@given(configs, st.integers(128, 640))
def test_a_seed_has_its_own_rows_every_time(config: NeedleConfig, length: int) -> None:
    """The same seed and length give the same digest; no context of one seed is one of another's."""
    zero, again, one = (Needle(config).rows(length, seed) for seed in (0, 0, 1))
    assert digest_of(zero) == digest_of(again)
    assert not {row.context for row in zero} & {row.context for row in one}


def test_rows_are_the_samples_of_the_generator() -> None:
    """Context, question and answer are those of `NeedleTask` at the spacing that the model is published with."""
    for variant, spacing in (("retrieval", 24), ("vote", 8)):
        config = NeedleConfig.model_validate({"variant": variant, "samples": 5, "questions": 3})
        task = NeedleTask("vote" if variant == "vote" else "retrieval", 512, spacing, 3)
        expected = [
            (sample.context, question, (answer,), "", 8)
            for sample in task.samples(5, seed=7)
            for question, answer in zip(sample.questions, sample.answers, strict=True)
        ]
        rows = Needle(config).rows(512, 7)
        assert [(r.context, r.question, r.answers, r.answer_prefix, r.max_new_tokens) for r in rows] == expected


def test_an_answer_is_written_in_its_context() -> None:
    """In retrieval the record of the key that is asked for stands in the context once, with the answer after it."""
    for row in Needle(NeedleConfig(samples=6)).rows(512, 0):
        key = row.question.removeprefix("? ")
        (answer,) = row.answers
        assert f"{key} {answer} ." in row.context
        assert row.context.split().count(key) == 1


def test_a_spacing_of_ones_own_counts() -> None:
    """With a record every 48 tokens there are half as many as with one every 24."""
    (many,), (few,) = (Needle(NeedleConfig(samples=1, spacing=spacing)).rows(960, 0) for spacing in (24, 48))
    assert (many.context.split().count("."), few.context.split().count(".")) == (40, 20)


@pytest.mark.parametrize(
    ("changes", "length", "error", "said"),
    [
        ({}, None, ConfigError, r"task 'needle retrieval' needs the length of its contexts, such as lengths: \[1024"),
        ({"name": "mine", "variant": "vote"}, None, ConfigError, r"task 'mine' needs the length"),
        ({"samples": None}, 512, ConfigError, "task 'needle retrieval' never runs out of questions: give samples"),
        ({}, 9000, UsageError, "length should be a whole number from 32 to 8192, not 9000"),
        ({"variant": "vote"}, 64, UsageError, "a vote needs 16 records, and length 64"),
        ({"spacing": 4}, 512, UsageError, "spacing should be a whole number from 6 to 512, not 4"),
    ],
)
def test_rows_that_cannot_be_are_an_error(
    changes: dict[str, object], length: int | None, error: type[SahError], said: str
) -> None:
    """One sentence says what does not fit, and what would."""
    config = NeedleConfig.model_validate(changes)
    with pytest.raises(error, match=said):
        Needle(config).rows(length, 0)


def test_making_rows_imports_no_torch() -> None:
    """Rows are made, stored and scored in a process that never loads torch or transformers."""
    script = (
        "import sys; from sah_bench.tasks.configs import NeedleConfig; from sah_bench.tasks.needle import Needle; "
        "import sah_bench.tasks.file, sah_bench.tasks.table_file, sah_bench.scoring.score, sah_bench.scoring.scorers; "
        "Needle(NeedleConfig(samples=1)).rows(512, 0); print(sorted({'torch', 'transformers'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
