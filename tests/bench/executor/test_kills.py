"""A run can be ended at any moment, however: the next one goes on, and what comes out is what would have come out."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from sah_bench.plan.plan import Plan
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory

from .plans import MakePlan, answered, attention, write_rows

KILLS = 20
SAMPLES = 64
"""Of each of two cells: enough that every kill finds something to do."""
COMPARED = ("answers.jsonl", "cell.json", "measurements.parquet", "scores.json")
"""Times are of a run; everything else is of the plan."""
RANDOM = attention("random", {"kind": "random", "rate": 0.3})


@attrs.frozen
class Sweep:
    """A plan in a file, for processes of their own."""

    plan: Plan
    file: Path

    def start(self, directory: Path, **options: Any) -> subprocess.Popen[str]:
        """Begin to do it, in another process."""
        script = Path(__file__).parent / "script.py"
        command = [sys.executable, str(script), str(self.file), str(directory)]
        return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, **options)

    def finish(self, directory: Path) -> None:
        """Do all that is left."""
        with self.start(directory) as process:
            _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")

    def cells(self, directory: Path) -> dict[str, CellFiles]:
        """The files of each cell."""
        return {cell.address: ResultsDirectory(directory).cell(cell.address) for cell in self.plan.cells}

    def answers(self, directory: Path) -> int:
        """How many answers there are: lines with an end."""
        paths = [files.answers.path for files in self.cells(directory).values()]
        return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())

    def reach(self, answers: int, directory: Path, process: subprocess.Popen[str]) -> None:
        """Look until there are so many answers, or the process has ended."""
        while process.poll() is None and self.answers(directory) < answers:
            wait(process, 0.002)

    def settled(self, directory: Path, patience: float = 60) -> None:
        """Wait until no process holds a cell any more; a worker ends with its parent."""
        for cell in self.plan.cells:
            with ResultsDirectory(directory).lock(cell.address).acquire(timeout=patience):
                pass

    def contents(self, directory: Path) -> dict[str, bytes]:
        """Everything that must be the same in every run, by its path."""
        cells = self.cells(directory).items()
        return {f"{address}/{name}": (files.path / name).read_bytes() for address, files in cells for name in COMPARED}


@pytest.fixture(scope="module")
def sweep(make: MakePlan, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Two cells, dense and drawn at random, with answers that are drawn too, and measured."""
    place = tmp_path_factory.mktemp("sweep")
    plan = make(
        ResultsDirectory.created(place / "planning"),
        attention=["dense", RANDOM],
        tasks=[{"kind": "needle", "samples": SAMPLES, "spacing": 16}],
        lengths=[256],
        generation={"do_sample": True, "temperature": 1.5},
        measure={"metrics": ["density", "output_error"], "rate": 0.2},
    )
    (place / "plan").write_bytes(pickle.dumps(plan))
    return Sweep(plan, place / "plan")


@pytest.fixture(scope="module")
def undisturbed(sweep: Sweep, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What comes out of one run from beginning to end."""
    directory = tmp_path_factory.mktemp("undisturbed")
    sweep.finish(directory)
    assert sweep.answers(directory) == 2 * SAMPLES
    return sweep.contents(directory)


def wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Let it run for so long, at most."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def test_twenty_kills_change_nothing(sweep: Sweep, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """Whenever a run is killed, what is answered is not asked again, and the end is the same to the byte."""
    draw = random.Random(20)
    directory = tmp_path / "results"
    kept: dict[str, bytes] = {}
    lines: Counter[tuple[str, int]] = Counter()
    kills = 0
    while kills < KILLS:
        goal = sweep.answers(directory) + draw.choice([0, 1, 1, 2, 3, 4, 6])
        with sweep.start(directory) as process:
            sweep.reach(goal, directory, process)
            wait(process, draw.uniform(0, 0.04))
            ended = process.poll()
            process.kill()
        assert ended is None, f"killed {kills} times, and there was nothing left to kill: the sweep needs more samples"
        kills += 1
        sweep.settled(directory)
        for address, files in sweep.cells(directory).items():
            content = files.answers.path.read_bytes() if files.answers.path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            assert whole.startswith(kept.get(address, b"")), "a later run changed an answer that was there"
            times = Counter(line["sample"] for line in files.times.read().values)
            for sample in answered(files):
                assert lines.setdefault((address, sample), times[sample]) == times[sample], "asked again"
            kept[address] = whole
    sweep.finish(directory)
    assert sweep.contents(directory) == undisturbed
    for address, files in sweep.cells(directory).items():
        assert files.answers.path.read_bytes().startswith(kept[address])
        assert {entry.name for entry in files.path.iterdir()} == {*COMPARED, "times.jsonl"}
        assert answered(files) == list(range(SAMPLES))
        times = Counter(line["sample"] for line in files.times.read().values)
        assert sum(times.values()) <= SAMPLES + KILLS  # a sample that was being written when its run was killed has two


def test_two_runs_at_once_do_the_work_once(sweep: Sweep, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """Each cell is done by one of them; both wait for the other's, and both find everything complete."""
    with sweep.start(tmp_path / "results") as one, sweep.start(tmp_path / "results") as other:
        said = [process.communicate()[1] for process in (one, other)]
    assert [one.returncode, other.returncode, *said] == [0, 0, "", ""]
    assert sweep.contents(tmp_path / "results") == undisturbed
    for files in sweep.cells(tmp_path / "results").values():
        assert [line["sample"] for line in files.times.read().values] == list(range(SAMPLES))


def test_a_worker_ends_with_its_parent_whatever_it_does(make: MakePlan, tmp_path: Path) -> None:
    """Also amid an answer that would never end: when the run is killed, its cell is soon free for another one."""
    directory = tmp_path / "results"
    hangs = attention("hangs", {"kind": "odd", "does": "hang", "at": 96})
    rows = str(write_rows(tmp_path / "rows.jsonl", {64: 2, 96: 1}))
    plan = make(ResultsDirectory.created(directory), attention=[hangs], tasks=[{"kind": "file", "path": rows}])
    (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    sweep = Sweep(plan, tmp_path / "plan")
    with sweep.start(directory, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as process:
        sweep.reach(2, directory, process)
        process.kill()
    sweep.settled(directory)
    assert sweep.answers(directory) == 2


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_ctrl_c_leaves_what_is_answered(sweep: Sweep, tmp_path: Path) -> None:
    """The terminal sends it to every process: all end at once, exit code 130, no traceback, and answers stay."""
    directory = tmp_path / "results"
    with sweep.start(directory, start_new_session=True) as process:
        sweep.reach(3, directory, process)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "")
    assert 3 <= sweep.answers(directory) < 2 * SAMPLES
    sweep.settled(directory, patience=0)  # the workers ended before their parent did
