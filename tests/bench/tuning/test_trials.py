"""The trials of a study: what is proposed, what is kept, and that a study goes on wherever it was killed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sah_bench.config.load import load_tune
from sah_bench.config.tune import MethodEntry, TuneConfig
from sah_bench.store.directory import ResultsDirectory
from sah_bench.tuning.importance import importance
from sah_bench.tuning.neighbours import neighbour
from sah_bench.tuning.result import Figures, TrialResult, Value
from sah_bench.tuning.storage import JOURNAL, opened_storage
from sah_bench.tuning.trials import Asked, Trials
from sah_bench.tuning.waves import in_waves
from sah_core.errors import UsageError

TUNE: dict[str, Any] = {
    "version": 1,
    "model": "needle",
    "methods": [
        {
            "name": "quest",
            "maskers": [{"kind": "sink"}, {"kind": "local"}, {"kind": "quest"}],
            "fixed": ["quest.keep_last_page", "quest.share_kv_group"],
        }
    ],
    "tasks": [{"kind": "needle", "samples": 8}],
    "lengths": [128],
    "budget": {"density": 0.2},
}


def tune(**changes: Any) -> tuple[TuneConfig, MethodEntry]:
    """A config of one method, and that method."""
    config = load_tune({**TUNE, **changes})
    return config, config.entries[0]


def made_up(values: dict[str, Value]) -> Figures:
    """What a model might say of these values: more keys score more and cost more."""
    budget, page = float(values["quest.budget"]), int(values["quest.page_size"])
    return Figures(
        samples=8,
        score=min(1.0, budget * 2 + 1 / page),
        stderr=0.1,
        density=budget + float(values["local.window"]) / 1000,
        seconds=0.1,
        megabytes=0.0,
    )


def run_study(directory: ResultsDirectory, wanted: int, size: int) -> tuple[TrialResult, ...]:
    """A study of made-up answers: pages of 4 fail, and what costs too much is pruned."""
    config, method = tune()
    with opened_storage(directory) as storage:
        trials = Trials(storage, "study", method.space, config.budget, "0/quest")

        def run(before: Sequence[Asked], asked: Sequence[Asked]) -> None:
            assert all(each.result is not None for each in before)
            for each in asked:
                figures = made_up(dict(each.values))
                if each.values["quest.page_size"] == 4:
                    trials.tell(each, "failed", None, "pages of 4")
                elif figures.cost("density") > 0.3:
                    trials.tell(each, "pruned", figures, "too much")
                else:
                    trials.tell(each, "complete", figures)

        assert in_waves(trials, wanted, size, run)
        return trials.results


@pytest.fixture
def directory(tmp_path: Path) -> ResultsDirectory:
    return ResultsDirectory.created(tmp_path / "results")


def test_the_first_trial_is_the_start(directory: ResultsDirectory) -> None:
    """As the method's config has it, to the last digit."""
    _, method = tune()
    first, *others = run_study(directory, 12, 1)
    assert first.values == method.space.start_values()
    assert [each.number for each in others] == list(range(1, 12))


def test_no_trial_twice(directory: ResultsDirectory) -> None:
    """No two have the same values, and each one's are a config of the method."""
    _, method = tune()
    found = run_study(directory, 40, 3)
    assert len({tuple(each.values.items()) for each in found}) == len(found) == 40
    for each in found:
        method.space.config(each.values)
    assert {each.state for each in found} == {"complete", "pruned", "failed"}


@settings(max_examples=15)
@given(data=st.data(), size=st.integers(1, 4))
def test_a_study_goes_on_wherever_it_was_killed(
    data: st.DataObject, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever of the journal was written, torn lines too, the trials are those of a study that was not killed."""
    whole = ResultsDirectory.created(tmp_path_factory.mktemp("whole") / "results")
    undisturbed = run_study(whole, 10, size)
    journal = (whole.path / JOURNAL).read_bytes()
    killed = ResultsDirectory.created(tmp_path_factory.mktemp("killed") / "results")
    written = 0
    for _ in range(data.draw(st.integers(1, 3), label="kills")):
        written = data.draw(st.integers(written, len(journal)), label="written")
        (killed.path / JOURNAL).write_bytes(journal[:written])
        (killed.path / f"{JOURNAL}.lock").symlink_to(killed.path / JOURNAL)  # it was writing, too
        assert run_study(killed, 10, size) == undisturbed


def test_more_trials_go_on_from_there(directory: ResultsDirectory) -> None:
    """A study that is done proposes nothing; asked for more, it has those and then others."""
    done = run_study(directory, 6, 2)
    before = (directory.path / JOURNAL).read_bytes()
    assert run_study(directory, 6, 2) == done
    assert (directory.path / JOURNAL).read_bytes() == before
    assert run_study(directory, 10, 2)[:6] == done


def test_a_space_that_is_used_up(directory: ResultsDirectory) -> None:
    """Each of four configs is tried once, and then there is no other."""
    fixed = ["sink", "quest.budget", "quest.page_size"]
    methods = [{"name": "quest", "maskers": [{"kind": "sink"}, {"kind": "quest"}], "fixed": fixed}]
    config, method = tune(methods=methods)
    with opened_storage(directory) as storage:
        trials = Trials(storage, "study", method.space, config.budget, "0")

        def run(_: Sequence[Asked], asked: Sequence[Asked]) -> None:
            for each in asked:
                trials.tell(each, "complete", Figures(1, 1.0, None, 0.1, 1.0, 0.0))

        assert not in_waves(trials, 9, 2, run)
        values = {(each.values["quest.keep_last_page"], each.values["quest.share_kv_group"]) for each in trials.results}
        assert (len(values), len(trials.results)) == (4, 4)
        assert trials.propose() is None


def test_rules_between_fields_are_kept(directory: ResultsDirectory) -> None:
    """Values that a masker's own config refuses are no trial: two matches need two tables."""
    maskers = [{"kind": "sink"}, {"kind": "magicpig", "tables": 2}]
    method = {"name": "magicpig", "maskers": maskers, "ranges": {"magicpig.tables": [1, 2]}}
    config, entry = tune(methods=[{**method, "fixed": ["sink", "magicpig.bits", "magicpig.center"]}])
    with opened_storage(directory) as storage:
        trials = Trials(storage, "study", entry.space, config.budget, "0")
        found = [trials.propose() for _ in range(4)]
    values = [(each.values["magicpig.tables"], each.values["magicpig.min_matches"]) for each in found if each]
    assert sorted(values) == [(1, 1), (2, 1), (2, 2)]
    assert found[-1] is None


def test_two_at_once_are_refused(directory: ResultsDirectory) -> None:
    """Another study in the directory would write into the same journal."""
    with opened_storage(directory), pytest.raises(UsageError, match="another sah bench tune is at work there"):
        run_study(directory, 1, 1)


def test_a_journal_that_is_none(directory: ResultsDirectory) -> None:
    """What to do about it is said."""
    (directory.path / JOURNAL).write_text("my notes\n")
    with pytest.raises(UsageError, match=r"is no journal of Optuna .*: remove it, and the study begins anew"):
        run_study(directory, 1, 1)


def test_what_matters(directory: ResultsDirectory) -> None:
    """Parts of a whole for score and cost, once there are enough complete trials; the sink, which changes nothing in
    what is made up, has little part in either."""
    run_study(directory, 60, 1)
    config, method = tune()
    with opened_storage(directory) as storage:
        found = importance(Trials(storage, "study", method.space, config.budget, "0/quest").study)
    assert set(found) == {"score", "cost"}
    for parts in found.values():
        assert set(parts) == {parameter.name for parameter in method.space.parameters}
        assert sum(parts.values()) == pytest.approx(1)
        assert parts["sink.size"] < max(parts.values()) / 2


def test_too_few_say_nothing_of_what_matters(directory: ResultsDirectory) -> None:
    """Of three trials none."""
    run_study(directory, 3, 1)
    config, method = tune()
    with opened_storage(directory) as storage:
        assert importance(Trials(storage, "study", method.space, config.budget, "0/quest").study) == {}


@given(seed=st.integers(0, 10**6))
def test_a_neighbour_is_near(seed: int) -> None:
    """One to three values differ, each is in its distribution, and the same seed gives the same neighbour."""
    _, method = tune()
    start, distributions = method.space.start_values(), method.space.distributions()
    found = neighbour(start, distributions, seed)
    changed = [name for name in start if found[name] != start[name]]
    assert 1 <= len(changed) <= 3
    for each in method.space.ranges():
        value = found[each.name]
        if each.choices is not None:
            assert value in each.choices
        else:
            assert each.low is not None
            assert each.high is not None
            assert each.low <= float(value) <= each.high
            assert type(value) is type(each.start)
    assert neighbour(start, distributions, seed) == found
