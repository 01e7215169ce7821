"""Exit codes and where messages go: 0 done, 1 failed, 2 usage or config, 130 interrupted; no traceback unless asked."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Sah = Callable[..., "subprocess.CompletedProcess[str]"]

# The good plugin alone is allowed here, whatever else is installed.
QUEST = (
    "masker 'quest' is not installed: pip install sah-masker-quest"
    if find_spec("sah_masker_quest") is None
    else "masker 'quest' comes from sah-masker-quest 0.1.0, which is disabled: SAH_PLUGINS is set and does not name it"
)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["maskers"], ["schema"], ["greet", "you"]])
def test_what_works_leaves_with_0(sah: Sah, arguments: list[str]) -> None:
    """A command that did its work leaves with 0 and says nothing on stderr."""
    done = sah(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["maskers", "--frobnicate"], "--frobnicate"),
        (["greet"], "Missing argument"),
        (["maskers", "goood"], "unknown masker 'goood' (did you mean 'good'?); installed: good"),
        (["maskers", "quest"], QUEST),
        (["schema", "--output", "."], ".: the schema cannot be written there: Is a directory"),
    ],
)
def test_a_mistake_leaves_with_2(sah: Sah, arguments: list[str], said: str) -> None:
    """Wrong usage is explained on stderr, without a traceback, and leaves with 2."""
    done = sah(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_of_a_distribution_that_is_not_in_use_is_explained(sah: Sah) -> None:
    """``sah demo`` without its plugin names the distribution that brings it, and how to get it."""
    done = sah("demo")
    assert done.returncode == 2
    assert done.stderr.startswith("`sah demo` comes from sah-model-needle")
    assert done.stderr.count("\n") == 1


def test_a_failure_that_is_foreseen_is_its_message_alone(sah: Sah) -> None:
    """An error of ours is printed as its message, nothing around it, and leaves with its exit code."""
    done = sah("fail")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "NaN in layer 3\n")


def test_a_bug_is_one_sentence(sah: Sah) -> None:
    """An exception that nobody foresaw is one sentence that says how to see more, and leaves with 1."""
    done = sah("crash")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "unexpected LookupError: a bug (run with --debug to see where)\n"


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [(["--debug", "fail"], {}), (["fail", "--debug"], {}), (["fail"], {"SAH_DEBUG": "1"})],
)
def test_debug_shows_the_traceback(sah: Sah, arguments: list[str], environ: dict[str, str]) -> None:
    """--debug, wherever it stands, or SAH_DEBUG=1 shows the traceback; the exit code stays."""
    done = sah(*arguments, **environ)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("sah_core.errors.NumericalError: NaN in layer 3\n")


def test_debug_after_two_dashes_is_an_argument(sah: Sah) -> None:
    """What follows ``--`` is not an option."""
    assert sah("greet", "--", "--debug").stdout == "hello --debug\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_ctrl_c_leaves_with_130_and_keeps_what_was_printed(sah_script: str, plugin_environ: dict[str, str]) -> None:
    """Ctrl-C in the middle leaves with 130 and one word; answers printed before it stay."""
    with subprocess.Popen(
        [sah_script, "wait"],
        env=plugin_environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "first answer\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read() == "interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a closed pipe in other words")
@pytest.mark.parametrize("arguments", [["schema"], ["maskers"], ["greet", "you"], ["--help"]])
def test_a_reader_that_leaves_early_is_no_error(
    sah_script: str, plugin_environ: dict[str, str], arguments: list[str]
) -> None:
    """``sah schema | head`` prints nothing on stderr when head has gone, however the command prints."""
    with subprocess.Popen(
        [sah_script, *arguments], env=plugin_environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_schema_writes_a_file(sah: Sah, tmp_path: Path) -> None:
    """``sah schema --output FILE`` writes what ``sah schema`` prints."""
    target = tmp_path / "sah.schema.json"
    assert sah("schema", "--output", str(target)).returncode == 0
    assert target.read_text(encoding="utf-8") == sah("schema").stdout
