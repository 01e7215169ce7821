"""One broken plugin among good ones: the good ones work, and ``sah doctor`` names the bad one and why."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Sah = Callable[..., "subprocess.CompletedProcess[str]"]

WHY = {
    "sah-test-raises-on-import": (
        "failed to load: importing sah_test_raises_on_import raised RuntimeError: no such library"
    ),
    "sah-test-wrong-api-version": (
        "failed to load: it was made for plugin API version 2, and this sah-core has version 1: "
        "install a release of one that fits the other"
    ),
    "sah-test-no-api-version": (
        "failed to load: it declares no SAH_API_VERSION; this sah-core expects SAH_API_VERSION = 1"
    ),
    "sah-test-raises-midway": "failed to load: sah_register_maskers raised ZeroDivisionError: in the middle",
    "sah-test-bad-register": (
        "failed to load: sah_register_maskers: register expects a subclass of MaskerConfig, not <class 'dict'>"
    ),
    "sah-test-twin-a and sah-test-twin-b": (
        "masker 'twin' is offered more than once: uninstall one, or set SAH_DISABLE_PLUGINS"
    ),
    "sah-test-missing-class": (
        "masker 'classless' of sah-test-missing-class: there is no Classless in sah_test_missing_class"
    ),
    "sah-test-broken-command": "sah_register_commands raised OSError: no terminal",
}

EVERY = ",".join(
    [
        "sah-test-good",
        "sah-test-malformed-hook",
        *(name for names in WHY for name in names.split(" and ")),
    ]
)
"""All test plugins, and none of those that may be installed beside them."""


@pytest.fixture(scope="module")
def doctor(sah: Sah) -> dict[str, Any]:
    """What ``sah doctor --json`` says with every broken plugin installed."""
    done = sah("doctor", "--json", SAH_PLUGINS=EVERY)
    assert done.returncode == 1
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("distribution", WHY)
def test_doctor_says_why(doctor: dict[str, Any], distribution: str) -> None:
    """Every broken plugin is a problem under its own name, with its own reason."""
    said = [problem["what"] for problem in doctor["problems"] if problem["distribution"] == distribution]
    assert said == [WHY[distribution]]


def test_doctor_names_the_malformed_hook_and_its_argument(doctor: dict[str, Any]) -> None:
    """A hook with a wrong argument is told with its signature and the argument that it should not have."""
    (said,) = [problem["what"] for problem in doctor["problems"] if "malformed" in problem["distribution"]]
    assert said.startswith("failed to load: malformed hook: sah_register_maskers(registry")
    assert "'registry'" in said.partition("Argument(s)")[2]


def test_doctor_blames_nobody_else(doctor: dict[str, Any]) -> None:
    """Each broken plugin is one problem, and there are no others."""
    blamed = [problem["distribution"] for problem in doctor["problems"]]
    assert sorted(blamed) == sorted([*WHY, "sah-test-malformed-hook"])


def test_doctor_shows_what_the_good_plugin_offers(doctor: dict[str, Any]) -> None:
    """The good plugin is loaded whole, whatever is broken around it."""
    (good,) = [plugin for plugin in doctor["plugins"] if plugin["distribution"] == "sah-test-good"]
    assert good == {
        "distribution": "sah-test-good",
        "version": "1.2",
        "entry_point": "good",
        "module": "sah_test_good",
        "status": "ok",
        "reason": None,
        "maskers": ["good"],
        "models": ["good-model"],
        "tasks": [],
        "scorers": [],
        "metrics": [],
        "commands": ["greet", "wait", "fail", "crash"],
    }


def test_a_plugin_that_fails_midway_leaves_nothing_behind(sah: Sah) -> None:
    """What a plugin registered before it failed is not offered; asking for it tells of the failure."""
    done = sah("maskers", "half", SAH_PLUGINS=EVERY)
    assert done.returncode == 2
    assert "masker 'half' comes from sah-test-raises-midway 1.0, which failed to load: " in done.stderr
    assert "ZeroDivisionError: in the middle" in done.stderr


def test_good_maskers_are_listed_among_broken_plugins(sah: Sah) -> None:
    """``sah maskers --json`` lists what works, what clashes and what failed."""
    done = sah("maskers", "--json", SAH_PLUGINS=EVERY)
    assert done.returncode == 0
    listed = json.loads(done.stdout)
    assert [masker["kind"] for masker in listed["maskers"]] == ["classless", "good"]
    assert listed["conflicts"] == {"twin": ["sah-test-twin-a", "sah-test-twin-b"]}
    assert set(listed["failed"]) == {
        "sah-test-bad-register",
        "sah-test-malformed-hook",
        "sah-test-no-api-version",
        "sah-test-raises-midway",
        "sah-test-raises-on-import",
        "sah-test-wrong-api-version",
    }


def test_the_table_is_followed_by_what_cannot_be_used(sah: Sah) -> None:
    """``sah maskers`` shows on stdout what works, and names on stderr, a line each, what does not."""
    done = sah("maskers", SAH_PLUGINS=EVERY)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["masker", "classless", "good"]
    lines = done.stderr.splitlines()
    assert "masker 'twin' cannot be used: sah-test-twin-a and sah-test-twin-b both offer it" in lines
    assert len([line for line in lines if " failed to load: " in line]) == 6


def test_a_kind_offered_twice_names_both(sah: Sah) -> None:
    """A masker that two plugins offer is an error that names both, when it is used."""
    done = sah("maskers", "twin", SAH_PLUGINS=EVERY)
    assert done.returncode == 1
    assert "masker 'twin' is offered by sah-test-twin-a 1.0 and sah-test-twin-b 1.0" in done.stderr


def test_disabling_a_twin_settles_the_conflict(sah: Sah) -> None:
    """With one of the two disabled, by a name spelt as package indexes allow, the other's masker is there."""
    done = sah("maskers", "twin", "--json", SAH_PLUGINS=EVERY, SAH_DISABLE_PLUGINS="Sah_Test.Twin-B")
    assert done.returncode == 0
    assert json.loads(done.stdout)["distribution"] == "sah-test-twin-a"


def test_commands_of_a_good_plugin_run_among_broken_ones(sah: Sah) -> None:
    """A broken command hook costs its own plugin's commands, is reported on stderr, and nothing else."""
    done = sah("greet", "world", SAH_PLUGINS=EVERY)
    assert (done.returncode, done.stdout) == (0, "hello world\n")
    assert done.stderr == (
        "sah-test-broken-command: sah_register_commands raised OSError: no terminal; its commands are left out\n"
    )
    assert sah("halfway", SAH_PLUGINS=EVERY).returncode == 2


def test_doctor_is_content_with_good_plugins_alone(sah: Sah) -> None:
    """With only the good plugin allowed nothing is wrong, and a switch that matches nothing is noted."""
    done = sah("doctor", SAH_PLUGINS="sah-test-good,sah-test-goood")
    assert done.returncode == 0
    assert "note: SAH_PLUGINS names 'sah-test-goood', and no installed plugin is called that" in done.stdout
    assert "All is well." in done.stdout


def test_doctor_shows_tracebacks_with_debug(sah: Sah) -> None:
    """A plugin's author sees where it failed with --debug."""
    done = sah("doctor", "--debug", SAH_PLUGINS="sah-test-raises-midway")
    assert done.returncode == 1
    assert "problem: sah-test-raises-midway: failed to load: " in done.stdout
    assert "Traceback (most recent call last):" in done.stderr
    assert "ZeroDivisionError: in the middle" in done.stderr
