"""`sah bench tune` as its user meets it: what is printed and written, exit codes, and a study that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from sah_bench.store.directory import ResultsDirectory
from sah_bench.tuning.storage import JOURNAL
from sah_core.cli import main

from .small import QUEST, SMALL, searched

STUDY: dict[str, Any] = {"search": {"seeds": [0, 1], "trials": 6}, "confirm": {"seeds": [100]}}
WIDE: dict[str, Any] = {
    "name": "wide",
    "maskers": [{"kind": "sink"}, {"kind": "random", "rate": 0.85}],
    "ranges": {"random.rate": {"low": 0.8, "high": 0.9}},
}


@attrs.frozen
class Result:
    code: int
    out: str
    err: str


Sah = Callable[..., Result]


@pytest.fixture
def sah(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sah:
    """Run `sah` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str) -> Result:
        capfd.readouterr()
        code = main(arguments)
        said = capfd.readouterr()
        return Result(code, said.out, said.err)

    return run


def write_tune(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**SMALL, **changes}))


# -- what comes out ---------------------------------------------------------------------------------------------------


def test_from_a_file_to_a_config_that_runs(sah: Sah, tmp_path: Path) -> None:
    """A table, the files' names, and a tuned config and a benchmark of it that can be asked as they are.

    With a method that cannot keep to the budget the exit code is 1, and stderr says what to do about it.
    """
    short = {"search": {"seeds": [0], "trials": 9}, "confirm": {"seeds": [100]}}
    write_tune(tmp_path / "tune.json", **short, methods=[QUEST, WIDE])
    done = sah("bench", "tune", "tune.json", "--trials", "2")
    assert done.code == 1, done.err
    assert "small: needle, needle vote at 128 tokens; a density of at most 25 %" in done.out
    assert "2 complete" in done.out
    *written, problem = done.err.splitlines()
    files = ("tuned/quest.yaml", "tuned.yaml", "tuning.json", "tuning.html")
    assert written == [f"written: {Path('results/tune') / name}" for name in files]
    assert problem.startswith("no config of wide within density <= 0.25: the closest, trial ")
    estimated = sah("estimate", "results/tune/tuned/quest.yaml", "--tokens", "128", "--json")
    assert estimated.code == 0, estimated.err
    planned = sah("bench", "results/tune/tuned.yaml", "-o", "results/tune", "--dry-run", "--json")
    assert [cell["answered"] for cell in json.loads(planned.out)["cells"]] == [4, 4]

    write_tune(tmp_path / "tune.json", **short)
    again = sah("bench", "tune", "tune.json", "--trials", "2", "--json")
    assert (again.code, again.err) == (0, "")
    told = json.loads(again.out)
    assert [len(method["trials"]) for method in told["methods"]] == [2]
    assert (told["problems"], told["written"]) == ([], [str(Path("results/tune") / name) for name in files])


def test_the_help_of_both(sah: Sah) -> None:
    """`sah bench` is still a command with a file of its own, and says that there is another one."""
    bench, tune = sah("bench", "--help"), sah("bench", "tune", "--help")
    assert "--rescore" in bench.out
    assert "sah bench tune TUNE" in bench.out
    assert "Usage: sah bench tune [OPTIONS]" in tune.out
    assert "--trials" in tune.out
    assert "tune" not in sah("--help").out


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        (("tune", "nothing.json"), {}, "nothing.json: there is no such file"),
        (("tune",), {}, "Missing argument 'TUNE'"),
        (("tune", "tune.json", "--trials", "0"), {}, "--trials"),
        (("tune", "tune.json"), {"methods": ["qest"]}, "methods[0]: unknown masker 'qest' (did you mean 'quest'?)"),
        (("tune", "tune.json"), {"budget": {}}, "a budget is one of density, seconds and megabytes, not none"),
        (("tune", "tune.json"), {"lengths": [100_000]}, "task 'needle vote' at length 100000"),
        (("tune", "tune.json", "-o", "foreign"), {}, "foreign: is not empty and holds no results of sah bench"),
        (("tune", "tune.json", "--address", "auto"), {}, "--address auto is a Ray cluster's"),
        (("./tune",), {}, "tune:1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_mistake_is_told_in_a_sentence(
    sah: Sah, tmp_path: Path, arguments: tuple[str, ...], changes: dict[str, Any], said: str
) -> None:
    """Exit code 2, and no traceback; a benchmark's file that is called `tune` is asked for as ./tune."""
    write_tune(tmp_path / "tune.json", **changes)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("!")
    (tmp_path / "tune").write_text("model: needle\n")
    done = sah("bench", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_without_optuna(sah: Sah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, before anything is asked."""
    write_tune(tmp_path / "tune.json")
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = sah("bench", "tune", "tune.json")
    assert (done.code, done.err) == (2, 'sah bench tune needs optuna: pip install "sah-bench[tune]"\n')
    assert not (tmp_path / "results").exists()


# -- ended before its time --------------------------------------------------------------------------------------------


@attrs.frozen
class Studies:
    """A search in a file, for processes of their own and for this one."""

    place: Path
    undisturbed: Any
    """What came of it in one go, but for seconds."""

    def start(self, results: str) -> subprocess.Popen[str]:
        """Begin, in another process."""
        command = [sys.executable, "-m", "sah_core.cli", "bench", "tune", "tune.json", "-o", results]
        environment = {**os.environ, "SAH_COMPILED": "0"}
        return subprocess.Popen(
            command, cwd=self.place, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def reach(self, results: str, trials: int, process: subprocess.Popen[str]) -> None:
        """Look until so many trials have a result, or the process has ended."""
        journal = self.place / results / JOURNAL
        while process.poll() is None and (not journal.exists() or journal.read_text().count('"result"') < trials):
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue

    def settled(self, results: str) -> None:
        """Wait until no process holds a cell any more; a worker ends with its parent."""
        directory = ResultsDirectory(self.place / results)
        for cell in (directory.path / "cells").iterdir():
            with directory.lock(cell.name).acquire(timeout=60):
                pass

    def finished(self, results: str, patch: pytest.MonkeyPatch) -> Any:
        """Do all that is left, here; what came of it, but for seconds."""
        searched(self.place / results, patch, **STUDY)
        text = (self.place / results / "tuning.json").read_text()
        return json.loads(text, object_hook=lambda found: {k: v for k, v in found.items() if k != "seconds"})

    def answers(self, results: str) -> dict[Path, bytes]:
        """What is answered, line by line."""
        files = (self.place / results).glob("cells/*/answers.jsonl")
        return {path: content[: content.rfind(b"\n") + 1] for path in files if (content := path.read_bytes())}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studies]:
    """A search of six trials; in `undisturbed` it was done in one go."""
    place = tmp_path_factory.mktemp("studies")
    write_tune(place / "tune.json", **STUDY)
    with pytest.MonkeyPatch.context() as patch:
        yield Studies(place, Studies(place, None).finished("undisturbed", patch))


def check_goes_on(studies: Studies, results: str, patch: pytest.MonkeyPatch) -> None:
    """The rest is done, and what was answered before is not asked again."""
    kept = studies.answers(results)
    assert kept
    assert studies.finished(results, patch) == studies.undisturbed
    trials = studies.undisturbed["methods"][0]["trials"]
    assert len({json.dumps(trial["values"]) for trial in trials}) == len(trials) == 6
    whole = studies.answers(results)
    assert all(whole[path].startswith(before) for path, before in kept.items())
    assert sorted(path.parent.name for path in whole) == sorted(
        path.parent.name for path in studies.answers("undisturbed")
    )
    for content in whole.values():
        assert [json.loads(line)["sample"] for line in content.splitlines()] == list(range(4))


def test_a_killed_study_goes_on(studies: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trials, and all that came of them but seconds, are those of a study that was not killed.

    So none was tried twice, every cell was answered once, and the best one is the same.
    """
    with studies.start("killed") as process:
        studies.reach("killed", 2, process)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    studies.settled("killed")
    check_goes_on(studies, "killed", monkeypatch)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_ctrl_c_leaves_what_is_answered(studies: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal sends it to every process: exit code 130, no traceback, and the next run goes on."""
    with studies.start("interrupted") as process:
        studies.reach("interrupted", 2, process)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "interrupted\n")
    check_goes_on(studies, "interrupted", monkeypatch)
