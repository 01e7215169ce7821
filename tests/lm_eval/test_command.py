"""The command line, as a user types it."""

from __future__ import annotations

import json
import os
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from lm_eval.api.registry import model_registry  # type: ignore[import-untyped]  # lm_eval publishes no types

ROOT = Path(__file__).parents[2]
README = (ROOT / "plugins/sah-lm-eval/README.md").read_text(encoding="utf-8")


def test_the_readmes_command(tmp_path: Path) -> None:
    """`lm_eval --model sah` as the README has it prints what stands there, and writes it into its results file."""
    (command,) = [line for line in README.splitlines() if line.startswith("lm_eval --model sah")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("lm_eval")),
            *shlex.split(command)[1:],
            "--output_path",
            f"{tmp_path}/out.json",
        ],
        cwd=ROOT,
        env={**os.environ, **offline, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    said = [line.split("] ", 1)[1] for line in done.stderr.splitlines() if "[models.sah:" in line]
    assert len(said) == 2
    assert len(table) == 4
    assert [line for line in [*said, *table] if line not in README] == []
    assert (ROOT / "examples/lm_eval/run.yaml").read_text(encoding="utf-8") in README
    (file,) = tmp_path.glob("out_*.json")
    report = json.loads(file.read_text(encoding="utf-8"))["config"]["sah"]
    assert report["protocol"] == "question"
    assert report["config"]["attention"]["maskers"][2]["kind"] == "quest"
    assert report["versions"].keys() >= {"lm-eval", "sah-lm-eval", "sah-masker-quest", "transformers"}
    assert report["tasks"]["records_answer"]["splits"] == {"field": 16}
    # Of two contexts, four continuations of each of eight questions; two of them differ in their last token alone.
    choice = report["tasks"]["records_choice"]
    assert (choice["contexts_read"], choice["requests"], choice["sparse_forwards"]) == (2, 64, 63)


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m sah_lm_eval` is lm_eval's command, here without its options; the model is registered by then."""
    monkeypatch.setattr(sys, "argv", ["sah_lm_eval", "run"])
    monkeypatch.setattr("lm_eval.__main__.setup_logging", lambda: None)  # it would be for all tests after this one
    with pytest.raises(SystemExit) as left:
        runpy.run_module("sah_lm_eval", run_name="__main__")
    assert left.value.code == 0
    assert "lm-eval run --model <model> --tasks" in capsys.readouterr().out
    assert "sah" in model_registry
