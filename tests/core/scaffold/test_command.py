"""`sah new-masker`: what it prints, what it refuses, and that it never overwrites."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sah_core.cli import main


def test_what_it_says_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the package is, and the commands to install, test, show and try it; the README and the test are there."""
    assert main(["new-masker", "my_method", "--output", str(tmp_path / "new")]) == 0
    folder = tmp_path / "new/sah-masker-my-method"
    shown = capsys.readouterr()
    assert (shown.out.splitlines()[0].startswith(f"{folder}: "), shown.err) == (True, "")
    assert shown.out.splitlines()[2:] == [
        f"  cd {folder}",
        '  pip install -e ".[test]"',
        "  pytest",
        "  sah maskers my_method",
        "  sah demo --masker my_method",
    ]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "README.md",
        "pyproject.toml",
        "src/sah_masker_my_method/__init__.py",
        "src/sah_masker_my_method/masker.py",
        "src/sah_masker_my_method/py.typed",
        "tests/test_conformance.py",
    ]


@pytest.mark.parametrize("name", ["notes.txt", "README.md"])
def test_it_never_overwrites(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with anything in it is left as it is; an empty one is filled."""
    folder = tmp_path / "sah-masker-my-method"
    folder.mkdir()
    (folder / name).write_text("mine", encoding="utf-8")
    assert main(["new-masker", "my_method", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{folder} exists already: remove it, or choose another name or --output\n"
    assert [(path.name, path.read_text(encoding="utf-8")) for path in folder.iterdir()] == [(name, "mine")]
    (folder / name).unlink()
    assert main(["new-masker", "my_method", "--output", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Foo"], "not 'Foo'"),
        (["quest"], "masker 'quest' is there already, from sah-masker-quest: choose another name"),
        (["my_method", "--description", "a\nb"], "--description should be one line"),
        (["my_method", "--output", "file"], "file/sah-masker-my-method: the package cannot be written there: "),
        (["my_method", "--kind", "top-q"], "top-q"),
        ([], "Missing argument"),
    ],
)
def test_mistakes_leave_with_2_and_write_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is told in a sentence on stderr."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert main(["new-masker", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_it_is_light(tmp_path: Path) -> None:
    """Torch is not imported to write a few files."""
    arguments = ["new-masker", "my_method", "--output", str(tmp_path)]
    code = f"import sys; from sah_core.cli import main; main({arguments!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
