"""Plugins written as source, with the metadata that an installer would leave beside them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from textwrap import dedent

import pytest

WritePlugin = Callable[[str, str], EntryPoint]

_numbers = itertools.count()


@pytest.fixture
def write_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WritePlugin]:
    """Write a distribution of this name whose plugin has this source; its entry point.

    ``{module}`` in the source stands for the module's own name, and a masker's config class ``Config`` for the kind
    ``kind`` can be had with ``make_config("kind")``, defined above it.
    """
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(distribution: str, source: str) -> EntryPoint:
        module = f"written_plugin_{next(_numbers)}"
        written.append(module)
        (tmp_path / f"{module}.py").write_text(PRELUDE + dedent(source).replace("{module}", module), encoding="utf-8")
        info = tmp_path / f"{distribution.replace('-', '_')}-3.1.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 3.1\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[sah]\nplugin = {module}\n", encoding="utf-8")
        (found,) = (found for found in distributions(path=[str(tmp_path)]) if found.name == distribution)
        (entry_point,) = found.entry_points
        return entry_point

    yield write
    for module in written:
        sys.modules.pop(module, None)


PRELUDE = """
from typing import Literal
from pydantic import create_model
from sah_core import MaskerConfig, hookimpl

SAH_API_VERSION = 1

def make_config(kind):
    return create_model(f"{kind.title()}Config", __base__=MaskerConfig, kind=(Literal[kind], kind))

class Masker:
    def __init__(self, config):
        self.config = config
    def add_mask(self, inputs, previous):
        return previous

"""
