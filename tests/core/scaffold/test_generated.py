"""What `sah new-masker` writes, and what the tutorial makes of it, installs, is listed, obeys every rule and runs."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[3]

FAMILIES = {"try_top_k": "top-k", "try-positional": "positional", "sampling2": "sampling", "block_mean": "top-k"}
"""The kinds that are generated, and from which example; `block_mean` is then made into the tutorial's method."""

every_package = pytest.mark.parametrize("kind", FAMILIES)


def needs(module: str) -> pytest.MarkDecorator:
    """For what sah-core alone does not bring."""
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


@frozen
class Written:
    """Where each kind's package is, and where pip has installed them all."""

    packages: dict[str, Path]
    installed: Path

    def run(self, *arguments: str, cwd: Path | None = None, **environ: str) -> str:
        """What a Python module prints in a process that has the packages installed; it has to succeed."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SAH_", "PYTHON"))}
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=cwd,
            env={**inherited, "PYTHONPATH": str(self.installed), "OMP_NUM_THREADS": "1", **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A package of each family and the tutorial's, installed together."""
    folder = tmp_path_factory.mktemp("packages")
    packages = {kind: folder / f"sah-masker-{kind.replace('_', '-')}" for kind in FAMILIES}
    written = Written(packages, tmp_path_factory.mktemp("installed"))
    for kind, family in FAMILIES.items():
        written.run("sah_core.cli", "new-masker", kind, "--kind", family, "--output", str(folder))
    follow_the_tutorial(packages["block_mean"])
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    written.run("pip", "install", *offline, "--target", str(written.installed), *map(str, packages.values()))
    return written


def follow_the_tutorial(package: Path) -> None:
    """Put the code of docs/tutorial.md where the page says it belongs."""
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    config, masker, _, test = re.findall(r"```python\n(.*?)```", page.partition("\n## 5. ")[0], re.DOTALL)

    file = package / "src/sah_masker_block_mean/__init__.py"
    before, _, after = file.read_text(encoding="utf-8").partition("class BlockMeanConfig")
    config_class, hook = config[config.index("class ") :], after[after.index("\n\n@hookimpl") :]
    file.write_text(before + config_class + hook, encoding="utf-8")

    file = package / "src/sah_masker_block_mean/masker.py"
    generated = file.read_text(encoding="utf-8")
    docstring, kept = generated.partition("from sah_core")[0], generated.partition("from . ")[2].partition("class ")[0]
    imports, _, masker_class = masker.partition("\n\n\n")
    file.write_text(f"{docstring}{imports}\n\nfrom . {kept}{masker_class}", encoding="utf-8")

    file = package / "tests/test_conformance.py"
    docstring = file.read_text(encoding="utf-8").partition("\n")[0]
    imports, _, function = test.partition("\n\n\n")
    config_import = "from sah_masker_block_mean import BlockMeanConfig"
    file.write_text(f"{docstring}\n\n{imports}\n\n{config_import}\n\n\n{function}", encoding="utf-8")


def test_each_is_listed(written: Written) -> None:
    """`sah maskers` shows every one with its distribution, type, description and fields."""
    shown = json.loads(written.run("sah_core.cli", "maskers", "--json"))["maskers"]
    found = {masker["kind"]: masker for masker in shown}
    assert [(found[kind]["distribution"], found[kind]["type"]) for kind in FAMILIES] == [
        ("sah-masker-try-top-k", "deterministic"),
        ("sah-masker-try-positional", "deterministic"),
        ("sah-masker-sampling2", "sampling"),
        ("sah-masker-block-mean", "deterministic"),
    ]
    assert found["sampling2"]["summary"] == "Draw keys at random, near ones more often than far ones."
    assert [field["name"] for field in found["block_mean"]["fields"]] == ["budget", "block_size"]


@every_package
def test_its_own_tests_pass(written: Written, kind: str) -> None:
    """The conformance kit, run as the package's author would run it, on fewer examples; nothing of it is skipped."""
    (written.installed / "fewer_examples.py").write_text(
        "from hypothesis import settings\nsettings.register_profile('fewer', max_examples=25)\n", encoding="utf-8"
    )
    options = ["-q", "-p", "no:cacheprovider", "-p", "fewer_examples", "--hypothesis-profile", "fewer"]
    said = written.run("pytest", *options, cwd=written.packages[kind]).splitlines()[-1]
    assert " passed" in said
    assert "skipped" not in said


@needs("sah_model_needle")
def test_they_run_in_the_demo(written: Written) -> None:
    """Each has a row below that of the sink and window, and adds keys to those."""
    sizes: dict[str, dict[str, float]] = {
        "try_top_k": {"budget": 20},
        "sampling2": {"rate": 0.1},
        "block_mean": {"budget": 20},
    }
    maskers = [json.dumps({"kind": kind, **sizes[kind]}) if kind in sizes else kind for kind in FAMILIES]
    options = [word for masker in maskers for word in ("--masker", masker)]
    shown = written.run("sah_core.cli", "demo", "--json", "--questions", "1", "--length", "256", *options)
    _, _, before, *chosen = json.loads(shown)["rows"]
    assert [row["method"].split()[1] for row in chosen] == list(FAMILIES)
    assert all(row["density"] > before["density"] for row in chosen)


@needs("ruff")
@every_package
def test_it_is_formatted_and_linted(written: Written, kind: str) -> None:
    """As this project's own code is."""
    settings = ["--config", str(ROOT / "pyproject.toml"), "--config", 'src=["src"]', "--no-cache", "."]
    written.run("ruff", "format", "--check", *settings, cwd=written.packages[kind])
    written.run("ruff", "check", *settings, cwd=written.packages[kind])


@needs("mypy")
def test_their_types_are_complete(written: Written) -> None:
    """Strictly, with this project's own settings."""
    sources = [str(package / "src") for package in written.packages.values()]
    written.run("mypy", *sources, cwd=ROOT, MYPYPATH=os.pathsep.join(sources))
