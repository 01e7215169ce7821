"""`sah bench` and `sah report` as their user meets them: what is printed, what is written, and the exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sah_core.cli import main
from sah_model_needle import NeedleTask
from sah_model_needle.checkpoint import directory as needle_files

WINDOW = {"name": "window", "maskers": [{"kind": "sink"}, {"kind": "local", "window": 8}]}
BENCH: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "models": ["needle"],
    "attention": ["dense", WINDOW],
    "tasks": [{"kind": "needle", "samples": 4}],
    "lengths": [128],
    "workers": {"devices": ["cpu"], "threads": 1},
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

    def run(*arguments: str) -> Result:
        capfd.readouterr()
        code = main(arguments)
        said = capfd.readouterr()
        return Result(code, said.out, said.err)

    return run


def write_bench(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**BENCH, **changes}))


def row(**changes: Any) -> dict[str, Any]:
    sample = NeedleTask(length=64, questions=1).sample(0)
    return {"context": sample.context, "question": sample.questions[0], "answer": sample.answers[0], **changes}


def write_rows(file: Path, *rows: Any) -> None:
    file.write_text("".join(json.dumps(each) + "\n" for each in rows))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a benchmark that was answered, and its results."""
    folder = tmp_path_factory.mktemp("finished")
    write_bench(
        folder / "bench.json", publish={"markdown": str(folder / "table.md"), "page": str(folder / "page.html")}
    )
    assert main(["bench", str(folder / "bench.json"), "-o", str(folder / "results"), "--json"]) == 0
    return folder


# -- what comes out ---------------------------------------------------------------------------------------------------


def test_a_table_and_a_page_come_out(finished: Path, sah: Sah) -> None:
    """The table on stdout, where the page is on stderr, and each file where the config says."""
    done = sah("report", str(finished / "results"))
    assert done.code == 0
    assert "small: 2 cells: 2 complete" in done.out
    assert "needle retrieval at 128 tokens, sparse from question" in done.out
    assert f"written: {finished / 'results' / 'report.html'}" in done.err
    assert "window" in (finished / "table.md").read_text()
    assert f"`sah bench {(finished / 'bench.json').as_posix()}`" in (finished / "table.md").read_text()
    assert (finished / "page.html").read_text().startswith("<!doctype html>")


def test_a_report_as_json(finished: Path, sah: Sah) -> None:
    """Every cell with its numbers, and nothing else on stdout."""
    told = json.loads(sah("report", str(finished / "results"), "--json").out)
    dense, window = told["cells"]
    assert (dense["attention"], dense["score"], dense["density"], dense["answered"]) == ("dense", 1.0, 1.0, 4)
    assert 0.09 < window["density"] < 0.15  # 12 of 128 keys, and then of up to 138
    assert told["problems"] == []


def test_files_to_take_away(finished: Path, sah: Sah, tmp_path: Path) -> None:
    """CSV and Parquet where they are asked for."""
    done = sah("report", str(finished / "results"), "--export", "taken", "--markdown", "taken/table.md")
    assert done.code == 0
    assert {path.suffix for path in (tmp_path / "taken").iterdir()} == {".csv", ".parquet", ".md"}
    lines = (tmp_path / "taken" / "cells.csv").read_text().splitlines()
    assert len(lines) == 3


def test_what_is_answered_is_not_asked_again(finished: Path, sah: Sah) -> None:
    """The same config again: everything is reused; the dry run says so beforehand."""
    told = json.loads(sah("bench", str(finished / "bench.json"), "-o", str(finished / "results"), "--json").out)
    assert (told["outcome"]["complete"], told["outcome"]["reused"]) == (0, 2)
    planned = json.loads(
        sah("bench", str(finished / "bench.json"), "-o", str(finished / "results"), "--dry-run", "--json").out
    )
    assert [cell["answered"] for cell in planned["cells"]] == [4, 4]


def test_a_dry_run_writes_no_answer(sah: Sah, tmp_path: Path) -> None:
    """It says the cells, their addresses, and how much there is to ask."""
    write_bench(tmp_path / "bench.json")
    done = sah("bench", "bench.json", "--dry-run")
    assert done.code == 0
    assert "needle: window from question, needle retrieval at 128, seed 0" in done.out
    assert "0 of 4" in done.out
    assert "2 cells, 8 questions" in done.err
    assert not (tmp_path / "results" / "bench" / "cells").exists()


def test_a_file_of_ones_own(sah: Sah, tmp_path: Path) -> None:
    """Asked in place of the config's tasks, scored as the command line says."""
    write_bench(tmp_path / "bench.json", attention=["dense"])
    write_rows(tmp_path / "mine.jsonl", row(), row(question="? nothing", answer=["no such", "words"]))
    done = sah("bench", "bench.json", "-o", "mine", "--task", "mine.jsonl", "--scorer", "contains", "--json")
    assert done.code == 0, done.err
    (cell,) = json.loads(sah("report", "mine", "--json").out)["cells"]
    assert (cell["task"], cell["scorer"], cell["score"], cell["length"]) == ("mine.jsonl", "contains", 0.5, None)


def test_answers_are_scored_anew_without_a_model(finished: Path, sah: Sah, tmp_path: Path) -> None:
    """Scores that were lost come back as they were."""
    results = Path(shutil.copytree(finished / "results", tmp_path / "copy"))
    scores = sorted(results.glob("cells/*/scores*"))
    before = [path.read_bytes() for path in scores]
    for path in scores:
        path.unlink()
    done = sah("bench", str(finished / "bench.json"), "-o", str(results), "--rescore", "--json")
    assert json.loads(done.out)["outcome"] == {"scored": 2, "problems": []}
    assert [path.read_bytes() for path in scores] == before


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        ((), {"tasks": ["nedle"]}, "tasks[0]: unknown task 'nedle' (did you mean 'needle'?)"),
        ((), {"tasks": [{"kind": "needle", "scorer": "exat"}]}, "unknown scorer 'exat' (did you mean 'exact'?)"),
        (("--task", "needle", "--scorer", "exat"), {}, "tasks[0].scorer: unknown scorer 'exat'"),
        (("--scorer", "exact"), {}, "--scorer says how the answers of --task are scored"),
        (("--rescore", "--task", "needle"), {}, "--rescore scores what the last run answered, as it was asked"),
        ((), {"attention": [WINDOW, WINDOW]}, "attention: 2 of them are called 'window': give each a name of its own"),
        ((), {"lengths": [100_000]}, "task 'needle retrieval' at length 100000"),
        (("--task", "none.jsonl"), {}, "none.jsonl"),
        (("--task", "missing.jsonl"), {}, "missing.jsonl:1: has no column 'answer'; its columns are context, question"),
        (("--task", "wrong.jsonl"), {}, "wrong.jsonl:1: answer should be a string or a list of strings, not 5"),
        (("--task", "empty.jsonl"), {}, "empty.jsonl has no rows"),
        (("--model", "nedle"), {}, "unknown model 'nedle': did you mean 'needle'?"),
        (("-o", "foreign"), {}, "foreign: is not empty and holds no results of sah bench: name another directory"),
        (("-o", "other"), {}, "has results of format 7"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_mistake_is_told_in_a_sentence(
    sah: Sah, tmp_path: Path, arguments: tuple[str, ...], changes: dict[str, Any], said: str
) -> None:
    """Exit code 2, and no traceback."""
    write_bench(tmp_path / "bench.json", **changes)
    write_rows(tmp_path / "missing.jsonl", {"context": "a", "question": "b"})
    write_rows(tmp_path / "wrong.jsonl", row(answer=5))
    write_rows(tmp_path / "empty.jsonl")
    for name, file, content in (("foreign", "thesis.txt", "!"), ("other", "sah-bench.json", '{"format": 7}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(content)
    done = sah("bench", "bench.json", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert (tmp_path / "foreign" / "thesis.txt").read_text() == "!"


def test_there_is_nothing_to_report(sah: Sah, tmp_path: Path) -> None:
    """A directory that is not there, or holds no results."""
    assert "there is no such directory of results" in sah("report", "nowhere").err
    (tmp_path / "empty").mkdir()
    done = sah("report", "empty")
    assert (done.code, "holds no results of sah bench" in done.err) == (2, True)


def test_a_context_that_is_too_long(sah: Sah, tmp_path: Path) -> None:
    """Refused with what to do, exit code 1; cut on request, and the report says how many."""
    shutil.copytree(str(needle_files()), tmp_path / "model")
    settings = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps({**settings, "max_position_embeddings": 128}))
    write_bench(tmp_path / "bench.json", attention=["dense"], models=["model"])
    write_rows(tmp_path / "long.jsonl", row(context=NeedleTask(length=200).sample(0).context))
    refused = sah("bench", "bench.json", "-o", "results", "--task", "long.jsonl")
    assert refused.code == 1
    assert "--truncate middle" in refused.err
    cut = sah("bench", "bench.json", "-o", "results", "--task", "long.jsonl", "--truncate", "middle")
    assert cut.code == 0, cut.err
    (cell,) = json.loads(sah("report", "results", "--json").out)["cells"]
    assert cell["cut_samples"] == 1


def test_ctrl_c_keeps_what_is_answered(tmp_path: Path, heeding_ctrl_c: None) -> None:
    """Exit code 130; the next run goes on, and no answer is given twice."""
    write_bench(tmp_path / "bench.json", attention=["dense"], tasks=[{"kind": "needle", "samples": 96}])
    command = [sys.executable, "-m", "sah_core.cli", "bench", "bench.json", "-o", "results"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    while not any(path.stat().st_size > 500 for path in tmp_path.glob("results/cells/*/answers.jsonl")):
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert (running.returncode, said.splitlines()[-1]) == (130, "interrupted")
    kept = {path: path.read_bytes() for path in tmp_path.glob("results/cells/*/answers.jsonl")}
    assert kept
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    for path, before in kept.items():
        whole = before[: before.rfind(b"\n") + 1]
        assert path.read_bytes().startswith(whole)
        samples = [json.loads(line)["sample"] for line in path.read_bytes().splitlines()]
        assert samples == list(range(96))
