"""Trials in another process: what crashes or hangs there is told, and the next one runs."""

from __future__ import annotations

import os

from sah_hf.survey.apart import TrialsApart
from sah_hf.survey.trial import Trial, Verdict

FINE = Verdict("exact", "1 of 1")


def crash_on_llama(model_type: str) -> Trial:
    if model_type == "llama":
        os._exit(3)
    return Trial(model_type, "Some", FINE)


def test_a_crash_ends_its_own_trial_alone() -> None:
    """The exit code is told, and another process tries the next type."""
    with TrialsApart(attempt=crash_on_llama) as apart:
        crashed, fine = apart.attempt("llama"), apart.attempt("gpt2")
    assert crashed.verdict == Verdict("cannot run", reason="the trial ended its process (exit code 3)")
    assert crashed.model_class == "LlamaForCausalLM"
    assert fine.verdict == FINE


def test_a_trial_that_takes_too_long() -> None:
    """It is ended, and said to have taken too long: no process starts within a millisecond."""
    with TrialsApart(seconds=0.001) as apart:
        slow = apart.attempt("llama")
    assert slow.verdict == Verdict("cannot run", reason="the trial took longer than 0.001 seconds")
