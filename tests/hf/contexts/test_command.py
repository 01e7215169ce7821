"""`sah run --save-context` and `--load-context`: read once, asked later, in another run of the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sah_core.cli import main

CONTEXT = "river kilin one two three . " + "grass rain wind moon " * 30 + "tovel six six four . tree"
Sah = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a config of the embedded model, and a text."""
    maskers = [{"kind": "sink"}, {"kind": "local"}, {"kind": "quest", "budget": 0.1, "page_size": 4}]
    config = {
        "version": 1,
        "model": "needle",
        "attention": {"maskers": maskers},
        "generation": {"max_new_tokens": 8},
    }
    (tmp_path / "run.json").write_text(json.dumps(config))
    (tmp_path / "text").write_text(CONTEXT)
    return tmp_path


@pytest.fixture
def sah(place: Path, capsys: pytest.CaptureFixture[str]) -> Sah:
    """`sah run` with the config and more; the exit code, and what was printed."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["run", str(place / "run.json"), *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def test_saved_and_loaded(sah: Sah, place: Path) -> None:
    """Read, asked and saved with its indexes in one run; asked again in the next, which reads nothing."""
    text, folder = place / "text", place / "saved"
    code, out, err = sah("--context", text, "-q", "? kilin", "--save-context", folder)
    assert (code, err) == (0, "")
    assert out.startswith("? kilin\none two three\n\n")
    assert out.rstrip().endswith(f"MB, to {folder}")
    code, out, err = sah("--load-context", folder, "-q", "? tovel", "-q", "? kilin", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [line["answer"] for line in lines[:-1]] == ["six six four", "one two three"]
    assert lines[-1]["report"]["context_prefills"] == 0
    assert lines[-1]["report"]["index_bytes"] > 0


def test_saved_without_a_question(sah: Sah, place: Path) -> None:
    """Reading alone: the one line says what was saved; no answer and no report."""
    code, out, err = sah("--context", place / "text", "--save-context", place / "saved", "--json")
    assert (code, err) == (0, "")
    (said,) = [json.loads(line) for line in out.splitlines()]
    assert said["saved"] == str(place / "saved")
    assert said["tokens"] > 100
    assert said["bytes"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--load-context", "none", "--context", "text", "-q", "?"], 2, "--context FILE cannot go with --load-context"),
        (["--load-context", "none", "--chat", "-q", "?"], 2, "--chat cannot go with --load-context"),
        (["--load-context", "none"], 2, "sah run needs a text to ask about and a question"),
        (["--save-context", "new", "-q", "?"], 2, "sah run needs a text to ask about and a question"),
        (["--load-context", "none", "-q", "?"], 1, "there is no saved context in 'none'"),
        (["--load-context", "none", "-q", " "], 2, "question 0 is empty"),
        (["--context", "text", "-q", "?", "--save-context", "."], 1, "is not empty and no saved context"),
    ],
)
def test_contradictions(
    sah: Sah, place: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    """Options that cannot go together, folders that cannot be used: said before a model is loaded."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("SAH_DISABLE_PLUGINS", "sah-model-needle")
    found, out, err = sah(*arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert sorted(file.name for file in place.iterdir()) == ["run.json", "text"]
