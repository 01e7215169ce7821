"""`sah tasks` as its user meets it: what is installed, and what one task takes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sah_core import default_registry
from sah_core.cli import main


def said(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capfd.readouterr()
    assert main(arguments) == code
    out, err = capfd.readouterr()
    return out if code == 0 else err


def test_every_task_and_scorer_is_listed(capfd: pytest.CaptureFixture[str]) -> None:
    """A line each, with the package that brings it; as JSON, too."""
    lines = [line.split() for line in said(capfd, "tasks").splitlines()]
    listed = {line[0]: line[1] for line in lines}
    registry = default_registry()
    for offers in (registry.tasks, registry.scorers):
        assert {name: offers.record(name).distribution for name in offers.names}.items() <= listed.items()
    found = json.loads(said(capfd, "tasks", "--json"))
    assert [task["name"] for task in found["tasks"]] == list(registry.tasks.names)
    assert [scorer["name"] for scorer in found["scorers"]] == list(registry.scorers.names)


def test_a_tasks_fields(capfd: pytest.CaptureFixture[str]) -> None:
    """Each with its type, default and meaning; the same as JSON."""
    lines = said(capfd, "tasks", "needle").splitlines()
    assert lines[0].startswith("needle (from sah-bench ")
    (variant,) = [line.split() for line in lines if line.startswith("variant")]
    assert variant == ["variant", "retrieval", "|", "vote", '"retrieval"', "one", "record", "a", "key,", "or", "many"]
    described = json.loads(said(capfd, "tasks", "needle", "--json"))
    assert {field["name"]: field["default"] for field in described["fields"]} == {
        "name": None,
        "scorer": None,
        "samples": 64,
        "chat": False,
        "variant": "retrieval",
        "spacing": None,
        "questions": 8,
    }


@pytest.mark.parametrize("name", default_registry().tasks.names)
def test_every_field_of_every_task_is_explained(capfd: pytest.CaptureFixture[str], name: str) -> None:
    """A task has a summary of one line, and no field is without a description."""
    described = json.loads(said(capfd, "tasks", name, "--json"))
    assert described["summary"].endswith(".")
    assert [field["name"] for field in described["fields"] if not field["description"]] == []


def test_a_misspelt_task(capfd: pytest.CaptureFixture[str]) -> None:
    """The nearest name is offered, and the exit code is that of a usage error."""
    assert "unknown task 'needel' (did you mean 'needle'?)" in said(capfd, "tasks", "needel", code=2)


def test_listing_imports_no_torch() -> None:
    """Nor transformers, whatever tasks are installed."""
    code = (
        "import sys; from sah_core.cli import main; main(['tasks']); print({'torch', 'transformers'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "set()"
