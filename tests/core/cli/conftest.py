"""The ``sah`` script in a process of its own, and broken plugins installed for real beside a good one."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

BROKEN_PLUGINS = Path(__file__).parents[2] / "broken_plugins"

Sah = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def installed_plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed every package of tests/broken_plugins."""
    target = tmp_path_factory.mktemp("installed")
    packages = sorted(str(project.parent) for project in BROKEN_PLUGINS.glob("*/pyproject.toml"))
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    pip = [sys.executable, "-m", "pip", "install", *offline, "--target", str(target), *packages]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def sah_script() -> str:
    """The installed ``sah`` script."""
    script = Path(sysconfig.get_path("scripts")) / ("sah.exe" if os.name == "nt" else "sah")
    assert script.exists(), "sah-core is not installed in this environment"
    return str(script)


@pytest.fixture(scope="session")
def plugin_environ(installed_plugins: Path) -> dict[str, str]:
    """An environment in which the test plugins, and of all plugins only the good one, are used."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SAH_", "PYTHON"))}
    return {**inherited, "PYTHONPATH": str(installed_plugins), "SAH_PLUGINS": "sah-test-good", "COLUMNS": "200"}


@pytest.fixture(scope="session")
def sah(sah_script: str, plugin_environ: dict[str, str]) -> Sah:
    """Run ``sah`` with these arguments; keywords change the environment (None removes a variable)."""

    def run(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in {**plugin_environ, **changes}.items() if value is not None}
        return subprocess.run(
            [sah_script, *arguments], env=environ, capture_output=True, text=True, check=False, timeout=120
        )

    return run
