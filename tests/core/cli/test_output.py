"""What the commands print: tables for people, plain in a pipe; JSON and nothing else for scripts."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable
from importlib.metadata import version

from sah_core.compiled.available import numba_missing

Sah = Callable[..., "subprocess.CompletedProcess[str]"]


def test_version(sah: Sah) -> None:
    """``sah --version`` is one line."""
    assert sah("--version").stdout == "sah 0.1.0\n"


def test_maskers_table_is_plain_in_a_pipe(sah: Sah) -> None:
    """A row holds kind, type, distribution with version and the summary, unwrapped and without colour codes."""
    done = sah("maskers", COLUMNS=None)
    header, row = (line.rstrip() for line in done.stdout.splitlines())
    assert header.split() == ["masker", "type", "from", "summary"]
    assert row == "good    deterministic  sah-test-good 1.2  Keep nothing more than what is there."


def test_one_masker_shows_its_fields(sah: Sah) -> None:
    """``sah maskers NAME`` shows every field with type, default (or that it is required) and meaning."""
    lines = [line.split(maxsplit=1) for line in sah("maskers", "good").stdout.splitlines() if line]
    assert ["good", "(deterministic, from sah-test-good 1.2)"] in lines
    fields = {name: rest.split("  ") for name, rest in lines[-2:]}
    assert [part.strip() for part in fields["budget"] if part.strip()] == [
        "integer >= 1 or number > 0 and <= 1",
        "0.5",
        "how many keys",
    ]
    assert [part.strip() for part in fields["label"] if part.strip()] == ["string", "(required)", "what to call it"]


def test_maskers_as_json(sah: Sah) -> None:
    """--json gives the same as data."""
    assert json.loads(sah("maskers", "--json").stdout) == {
        "maskers": [
            {
                "kind": "good",
                "type": "deterministic",
                "distribution": "sah-test-good",
                "version": "1.2",
                "needs_logits": False,
                "summary": "Keep nothing more than what is there.",
                "description": (
                    "Keep nothing more than what is there.\n\nA second paragraph, which a summary leaves out."
                ),
                "fields": [
                    {
                        "name": "budget",
                        "type": "integer >= 1 or number > 0 and <= 1",
                        "required": False,
                        "default": 0.5,
                        "description": "how many keys",
                    },
                    {
                        "name": "label",
                        "type": "string",
                        "required": True,
                        "default": None,
                        "description": "what to call it",
                    },
                ],
            }
        ],
        "conflicts": {},
        "failed": {},
    }


def test_without_any_masker_the_listing_says_what_to_do(sah: Sah) -> None:
    """An empty list is no table, but the line that fills it."""
    done = sah("maskers", SAH_PLUGINS="none-of-these")
    assert done.stdout == "No masker is installed: pip install sah-masker-window sah-masker-oracle\n"


def test_doctor_reports_versions_and_devices(sah: Sah) -> None:
    """``sah doctor --json`` knows this Python, torch and at least the CPU, and the models that are offered."""
    report = json.loads(sah("doctor", "--json").stdout)
    assert report["versions"]["python"] == platform.python_version()
    assert report["versions"]["torch"].startswith("2.")
    assert report["devices"][0].startswith("cpu (")
    assert report["models"] == {"good-model": "a model of nothing"}
    assert report["problems"] == []


def test_doctor_says_what_makes_attention_faster_or_why_not(sah: Sah) -> None:
    """A reason where loops or kernels do not run, and the version of what runs them elsewhere."""
    report = json.loads(sah("doctor", "--json", SAH_COMPILED="0").stdout)["extras"]
    assert report["compiled loops"] == "SAH_COMPILED=0 turns compiled loops off"
    assert "GPU kernels" in report
    with_loops = json.loads(sah("doctor", "--json", SAH_COMPILED="1").stdout)["extras"]["compiled loops"]
    assert with_loops == (numba_missing() or f"numba {version('numba')}")


def test_help_lists_the_commands_of_plugins(sah: Sah) -> None:
    """A plugin's command stands in ``sah --help`` with its first line."""
    assert "Print a greeting." in sah("--help").stdout
