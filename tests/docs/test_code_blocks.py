"""Every code block in the documentation runs, and prints what the page says it prints.

* ``python``: executed, the blocks of a page one after another in one namespace; a ``text`` block right after one is
  what it prints.
* ``yaml``: the blocks that are whole configs, of a run, a benchmark or a search, are checked as such.
* ``console``: each ``$ sah ...`` line is run and has to succeed; a ``text`` block after it is for the eye.
* ``bash``: the set-up commands, tried from a fresh clone by whoever releases; not here.
"""

import contextlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen
from markdown_it import MarkdownIt

from sah_bench.config.bench import BenchConfig
from sah_bench.config.load import load_bench, load_tune
from sah_bench.config.tune import TuneConfig
from sah_core import RunConfig, load_config

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "sah_*/README.md", "plugins/*/README.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
)
LANGUAGES = {"python", "text", "yaml", "console", "bash", "json", "toml"}


@frozen
class Block:
    language: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [
        Block(token.info.strip(), token.content, (token.map or [0])[0] + 1) for token in tokens if token.type == "fence"
    ]


def in_pages(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def loaded(config: Path) -> RunConfig | BenchConfig | TuneConfig:
    """What a file of a run, of a benchmark or of a search says."""
    text = config.read_text(encoding="utf-8")
    if "\nmodels:" in text:
        return load_bench(config)
    return load_tune(config) if "\nmethods:" in text else load_config(config)


def test_every_block_says_what_it_is() -> None:
    """A block in no known language is run by nothing."""
    unknown = [f"{name(p)}:{b.line} {b.language!r}" for p in PAGES for b in blocks(p) if b.language not in LANGUAGES]
    assert unknown == []
    assert in_pages("python")
    assert in_pages("console")


@pytest.mark.parametrize("page", in_pages("python"), ids=name)
def test_python_blocks(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executed in order, each printing what stands in the text block after it."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    found = blocks(page)
    for block, after in zip(found, [*found[1:], None], strict=True):
        if block.language != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.code, f"{name(page)}:{block.line}", "exec"), namespace)
        if after is not None and after.language == "text":
            assert printed.getvalue() == after.code, f"{name(page)}:{after.line}"


@pytest.mark.parametrize("page", in_pages("yaml"), ids=name)
def test_yaml_blocks_that_are_configs(page: Path, tmp_path: Path) -> None:
    """A block with a version is a config that loads."""
    for block in blocks(page):
        if block.language == "yaml" and "version:" in block.code:
            path = tmp_path / f"line{block.line}.yaml"
            path.write_text(block.code, encoding="utf-8")
            assert loaded(path).version == 1


@pytest.mark.parametrize("config", sorted((ROOT / "examples").glob("*.yaml")), ids=name)
def test_example_configs(config: Path) -> None:
    """Each is a config that loads; one that a page says it shows is shown as it is."""
    assert loaded(config).version == 1
    for page in PAGES:
        if f"This is [examples/{config.name}]" in page.read_text(encoding="utf-8"):
            assert config.read_text() in [block.code for block in blocks(page) if block.language == "yaml"], name(page)


@pytest.mark.parametrize("page", in_pages("console"), ids=name)
def test_console_blocks(page: Path, tmp_path: Path) -> None:
    """Each `$ sah` line succeeds beside the examples, and beside the page's own last config as `run.yaml`."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in blocks(page):
        if block.language == "yaml" and "version:" in block.code:
            (tmp_path / "run.yaml").write_text(block.code, encoding="utf-8")
    commands = [
        line.removeprefix("$ ")
        for block in blocks(page)
        if block.language == "console"
        for line in block.code.splitlines()
        if line.startswith("$ sah ")
    ]
    assert commands
    for command in commands:
        arguments = [sys.executable, "-m", "sah_core.cli", *shlex.split(command, comments=True)[1:]]
        done = subprocess.run(
            arguments, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ, COLUMNS="120"), check=False
        )
        assert done.returncode == 0, f"{name(page)}: {command}\n{done.stdout}\n{done.stderr}"
