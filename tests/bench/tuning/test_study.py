"""A whole study on the embedded model, in this process: what is tried, what is found, and what is left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from sah_bench.config.load import load_bench
from sah_bench.report.results import read_results
from sah_bench.store.whole_files import read_json
from sah_bench.tuning.asking import Asking
from sah_bench.tuning.best import front_of
from sah_bench.tuning.result import Figures, TrialResult, TuningResult
from sah_bench.tuning.study import Tuned, tuned
from sah_core.config import load_config

from .small import QUEST, RANDOM, searched


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asking, Tuned]]:
    """Two methods, of which each has six trials."""
    with pytest.MonkeyPatch.context() as patch:
        search = {"seeds": [0, 1], "trials": 6}
        yield searched(tmp_path_factory.mktemp("study") / "results", patch, methods=[QUEST, RANDOM], search=search)


def figures(trial: TrialResult) -> Figures:
    assert trial.figures is not None
    return trial.figures


# -- what is found ----------------------------------------------------------------------------------------------------


def test_each_method_has_its_trials(study: tuple[Asking, Tuned]) -> None:
    """As many as asked for, the start first, and no values twice."""
    asking, found = study
    for method, entry in zip(found.result.methods, asking.config.entries, strict=True):
        assert [trial.number for trial in method.trials] == list(range(6))
        assert method.trials[0].values == entry.space.start_values()
        assert len({tuple(trial.values.items()) for trial in method.trials}) == 6


def test_a_complete_trial_was_asked_everything(study: tuple[Asking, Tuned]) -> None:
    """Four samples of each seed; a pruned one those of the first seed alone, and it says why."""
    for method in study[1].result.methods:
        for trial in method.trials:
            assert figures(trial).samples == {"complete": 8, "pruned": 4}[trial.state]
            assert (trial.why is None) == (trial.state == "complete")


def test_the_best_is_within_the_budget_and_on_the_front(study: tuple[Asking, Tuned]) -> None:
    """No complete trial within the budget has a better score."""
    for method in study[1].result.methods:
        assert method.best is not None
        best = figures(method.trial(method.best))
        within = [figures(each) for each in method.trials if each.state == "complete"]
        assert best.cost("density") <= 0.25
        assert best.score == max(each.score for each in within if each.cost("density") <= 0.25)
        assert method.best in method.front
        assert method.front == front_of(method.trials, "density")


def test_it_is_confirmed_on_samples_that_no_trial_saw(study: tuple[Asking, Tuned]) -> None:
    """Of two other seeds, where it started and dense attention too; the difference is that of the scores."""
    asking, found = study
    cells = read_results(asking.directory).cells  # of the last plan, the one that confirms
    assert {cell.seed for cell in cells} == {100, 101}
    assert {cell.attention for cell in cells} == {
        "dense",
        *(f"{name} {end}" for name in ("quest", "random draws") for end in ("start", "tuned")),
    }
    assert found.result.dense is not None
    assert found.result.dense.density == 1
    for method in found.result.methods:
        confirmed = method.confirmed
        assert confirmed is not None
        assert confirmed.start.samples == confirmed.tuned.samples == 8
        assert confirmed.difference == pytest.approx(confirmed.tuned.score - confirmed.start.score)


def test_what_is_said_of_a_config_is_what_its_cells_say(study: tuple[Asking, Tuned]) -> None:
    """The mean of two cells of four samples each, by hand."""
    asking, found = study
    cells = [cell for cell in read_results(asking.directory).cells if cell.attention == "quest tuned"]
    scores, densities = [cell.score for cell in cells], [cell.density for cell in cells]
    confirmed = found.result.methods[0].confirmed
    assert confirmed is not None
    assert confirmed.tuned.score == pytest.approx(sum(each or 0 for each in scores) / 2)
    assert confirmed.tuned.density == pytest.approx(sum(each or 0 for each in densities) / 2)
    assert confirmed.tuned.megabytes == max(cell.index_bytes or 0 for cell in cells) / 1e6 > 0


# -- what is left behind ----------------------------------------------------------------------------------------------


def test_every_written_config_is_one(study: tuple[Asking, Tuned]) -> None:
    """A run config with the best trial's values for each method, and a benchmark of all of them."""
    asking, found = study
    place = asking.directory.path
    assert [method.config for method in found.result.methods] == ["tuned/quest.yaml", "tuned/random-draws.yaml"]
    for method, entry in zip(found.result.methods, asking.config.entries, strict=True):
        assert method.best is not None
        assert method.config is not None
        run = load_config(place / method.config)
        assert run.attention == entry.space.config(method.trial(method.best).values)
        assert run.model is not None
        assert (run.model.name, run.protocol.sparse_from) == ("needle", "question")
    bench = load_bench(place / "tuned.yaml")
    assert [each.name for each in bench.contenders] == ["dense", "quest", "random draws"]
    assert bench.seeds == (100, 101)


def test_the_result_is_written_down(study: tuple[Asking, Tuned]) -> None:
    """All of it, and a page."""
    asking, found = study
    place = asking.directory.path
    assert TuningResult.from_dict(read_json(place / "tuning.json")) == found.result
    assert (place / "tuning.html").read_text().startswith("<!doctype html>")
    names = ["tuned/quest.yaml", "tuned/random-draws.yaml", "tuned.yaml", "tuning.json", "tuning.html"]
    assert [path.relative_to(place).as_posix() for path in found.written] == names
    assert found.problems == ()


def _contents(place: Path) -> dict[Path, bytes]:
    """Of all files; older versions of altair number the charts that a process made."""
    files = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    return {
        path: re.sub(rb'"(view|param)_\d+"', b"", content) if path.suffix == ".html" else content
        for path, content in files.items()
    }


def test_a_study_that_is_done_asks_nothing(study: tuple[Asking, Tuned]) -> None:
    """Run again it leaves every file as it is."""
    asking, found = study
    before = _contents(asking.directory.path)
    assert tuned(asking, wave=1) == found
    assert _contents(asking.directory.path) == before


# -- what does not go well --------------------------------------------------------------------------------------------


def test_a_budget_that_nothing_meets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how close it came, and how; the page and the rest are written all the same."""
    search = {"seeds": [0], "trials": 3}
    asking, found = searched(tmp_path / "results", monkeypatch, budget={"density": 0.001}, search=search)
    (method,) = found.result.methods
    closest = min(method.trials, key=lambda trial: figures(trial).cost("density"))
    density, sink = figures(closest).density, closest.values["sink.size"]
    assert method.problem is not None
    assert method.problem.startswith(
        f"no config of quest within density <= 0.001: the closest, trial {closest.number}, had {density:.4g} "
        f"(sink.size={sink}, "
    )
    assert method.problem.endswith("): allow more, or let smaller sizes be tried (ranges:)")
    assert (method.best, method.config, method.confirmed) == (None, None, None)
    assert found.problems == (method.problem,)
    assert (asking.directory.path / "tuning.html").exists()


def test_what_an_earlier_study_found_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tuned config that is not this study's is not left to be taken for it."""
    search = {"seeds": [0], "trials": 1}
    asking, _ = searched(tmp_path / "results", monkeypatch, search=search)
    written = [asking.directory.path / name for name in ("tuned.yaml", "tuned/quest.yaml")]
    assert all(path.exists() for path in written)
    searched(tmp_path / "results", monkeypatch, search=search, budget={"density": 0.001})
    assert not any(path.exists() for path in written)


def test_one_method_without_a_config_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is found, confirmed and written."""
    wide = {**RANDOM, "ranges": {"random.rate": {"low": 0.8, "high": 0.9}}, "name": "wide"}
    wide["maskers"] = [*RANDOM["maskers"][:2], {"kind": "random", "rate": 0.85}]
    search = {"seeds": [0], "trials": 2}
    _, found = searched(tmp_path / "results", monkeypatch, methods=[wide, RANDOM], search=search)
    assert [(method.problem is None, method.config) for method in found.result.methods] == [
        (False, None),
        (True, "tuned/random-draws.yaml"),
    ]
    assert load_bench(tmp_path / "results" / "tuned.yaml").contenders[1].name == "random draws"


def test_a_config_that_the_model_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that do not divide into three parts: that trial failed, and says so; the others are tried."""
    method = {
        "name": "pqcache",
        "maskers": [{"kind": "sink"}, {"kind": "pqcache", "bits": 2}],
        "ranges": {"pqcache.subvectors": [2, 3]},
        "fixed": ["sink", "pqcache.budget", "pqcache.metric", "pqcache.share_kv_group", "pqcache.bits"],
    }
    _, found = searched(tmp_path / "results", monkeypatch, methods=[method], search={"seeds": [0], "trials": 2})
    start, other = found.result.methods[0].trials
    assert (start.state, start.values) == ("complete", {"pqcache.subvectors": 2})
    assert (other.state, other.figures) == ("failed", None)
    assert other.why is not None
    assert "3" in other.why
    assert found.problems == ()


def test_every_trial_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem says why the last one did."""
    method = {
        "name": "pqcache",
        "maskers": [{"kind": "sink"}, {"kind": "pqcache", "subvectors": 3}],
        "ranges": {"pqcache.bits": [2, 3]},
        "fixed": ["sink", "pqcache.budget", "pqcache.metric", "pqcache.share_kv_group", "pqcache.subvectors"],
    }
    _, found = searched(tmp_path / "results", monkeypatch, methods=[method], search={"seeds": [0], "trials": 2})
    assert found.problems[0].startswith(
        "every trial of pqcache failed, the last one of 2: needle vote at 128, seed 0: "
    )


def test_too_few_configs_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two where five were asked for: the method is found among them, and the rest is said."""
    method = {**RANDOM, "fixed": ["sink", "local", "random.rate", "random.mode"]}
    _, found = searched(tmp_path / "results", monkeypatch, methods=[method], search={"seeds": [0], "trials": 5})
    assert len(found.result.methods[0].trials) == 2
    assert found.result.methods[0].config is not None
    assert found.problems[0].startswith("random draws: 2 of 5 trials: 100 proposals in a row had been tried before")


# -- how it is searched -----------------------------------------------------------------------------------------------


def test_what_is_over_the_budget_is_given_up_unless_it_is_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start at 100 % is asked all it should be, as others are compared with it; another such config is not."""
    method = {**RANDOM, "ranges": {"random.rate": {"low": 0.9, "high": 1.0}}, "fixed": ["sink", "local"]}
    method["maskers"] = [*RANDOM["maskers"][:2], {"kind": "random", "rate": 1.0}]
    _, found = searched(tmp_path / "results", monkeypatch, methods=[method], search={"seeds": [0, 1], "trials": 2})
    start, other = found.result.methods[0].trials
    assert (start.state, figures(start).samples, figures(start).density) == ("complete", 8, 1.0)
    assert (other.state, figures(other).samples) == ("pruned", 4)
    assert other.why == f"its density of {figures(other).density:.4g} is over the budget of 0.25"


def test_what_is_clearly_worse_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All keys, with which everything is right, and hardly any, with which hardly anything is."""
    method = {**RANDOM, "ranges": {"random.rate": [1.0, 0.01]}, "fixed": ["sink", "local", "random.share_kv_group"]}
    method["maskers"] = [*RANDOM["maskers"][:2], {"kind": "random", "rate": 1.0, "mode": "bernoulli"}]
    method["fixed"] += ["random.mode"]
    search = {"seeds": [0, 1], "trials": 2}
    _, found = searched(tmp_path / "results", monkeypatch, methods=[method], budget={"density": 1}, search=search)
    start, other = found.result.methods[0].trials
    assert (start.state, figures(start).score) == ("complete", 1.0)
    assert (other.state, figures(other).samples) == ("pruned", 4)
    assert other.why is not None
    assert other.why.endswith(" below that of trial 0 on the same samples")


def test_without_pruning_everything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is far over the budget."""
    search = {"seeds": [0, 1], "trials": 3, "prune": False}
    _, found = searched(tmp_path / "results", monkeypatch, budget={"density": 0.01}, search=search)
    for trial in found.result.methods[0].trials:
        assert (trial.state, figures(trial).samples) == ("complete", 8)


def test_a_budget_of_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quest keeps two keys for each page: with pages of 32 an eighth of what it keeps with pages of 4."""
    fixed = ["sink", "local", "quest.budget", "quest.keep_last_page", "quest.share_kv_group"]
    method = {**QUEST, "ranges": {"quest.page_size": [4, 32]}, "fixed": fixed}
    search = {"seeds": [0], "trials": 2}
    _, found = searched(
        tmp_path / "megabytes", monkeypatch, methods=[method], budget={"megabytes": 0.05}, search=search
    )
    large, small = (figures(trial).megabytes for trial in found.result.methods[0].trials)
    assert found.result.methods[0].best == 1
    assert small == pytest.approx(large / 8)
    assert small <= 0.05 < large


def test_a_budget_of_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that nothing takes longer: the cost of a trial is what an answer took."""
    _, found = searched(tmp_path / "results", monkeypatch, budget={"seconds": 100}, search={"seeds": [0], "trials": 1})
    assert (found.result.of, found.result.methods[0].best) == ("seconds", 0)
    assert 0 < figures(found.result.methods[0].trials[0]).cost("seconds") < 100


def test_another_study_in_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other ranges, another budget or other seeds are another study; what both ask is answered once."""
    path = tmp_path / "results"
    search = {"seeds": [0], "trials": 2}
    asking, first = searched(path, monkeypatch, search=search)
    answers = {file: file.read_bytes() for file in path.glob("cells/*/times.jsonl")}
    _, other = searched(path, monkeypatch, search=search, budget={"density": 0.2})
    assert len(other.result.methods[0].trials) == 2
    _, seeds = searched(path, monkeypatch, search={"seeds": [1], "trials": 2})
    assert seeds.result.methods[0].trials[0].figures != first.result.methods[0].trials[0].figures
    assert {file: file.read_bytes() for file in answers} == answers
    assert attrs.evolve(tuned(asking, wave=1), written=()) == attrs.evolve(first, written=())
