"""Listing, describing and refusing stay light: neither torch nor transformers is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "help": ["--help"],
    "maskers": ["maskers"],
    "masker": ["maskers", "good"],
    "unknown masker": ["maskers", "goood"],
    "schema": ["schema"],
    "wrong option": ["maskers", "--frobnicate"],
}


def _heavy(environ: dict[str, str], code: str) -> str:
    """Run the code in a fresh interpreter; the heavy modules that it has imported then, its output left aside."""
    show = "import sys; print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], env=environ, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_light_commands_do_not_import_torch(plugin_environ: dict[str, str], arguments: list[str]) -> None:
    """These commands, right or wrong, run without torch, transformers and numpy."""
    assert _heavy(plugin_environ, f"from sah_core.cli import main; main({arguments!r})") == "[]"


def test_a_config_is_read_and_refused_without_torch(plugin_environ: dict[str, str], tmp_path: Path) -> None:
    """Reading a good config and refusing a bad one import nothing heavy."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("version: 1\nattention: {maskers: [{kind: good, label: x}]}\n", encoding="utf-8")
    bad.write_text("version: 1\nattention: {maskers: [{kind: good, budget: 0}]}\n", encoding="utf-8")
    code = f"""
from sah_core import ConfigError, load_config
assert load_config({str(good)!r}).attention.maskers[0].label == "x"
try:
    load_config({str(bad)!r})
except ConfigError:
    pass
else:
    raise SystemExit("the bad config was accepted")
"""
    assert _heavy(plugin_environ, code) == "[]"


def test_the_test_itself_sees_torch(plugin_environ: dict[str, str]) -> None:
    """A command that needs torch is seen to import it, so that the others mean something."""
    assert "torch" in _heavy(plugin_environ, "from sah_core.cli import main; main(['doctor'])")
