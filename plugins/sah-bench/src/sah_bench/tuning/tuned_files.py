"""The files that a study leaves: tuned run configs, a benchmark of all of them, and its result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from sah_bench.config.load import load_bench
from sah_bench.store.whole_files import write_whole
from sah_core.config import AttentionConfig, load_config

if TYPE_CHECKING:
    from sah_bench.config.tune import TuneConfig

__all__ = ["file_names", "write_bench_config", "write_run_config"]


def file_names(methods: tuple[str, ...]) -> dict[str, str]:
    """For each method the name of its file, ``tuned/quest.yaml``: what may not stand in a name is replaced."""
    names: dict[str, str] = {}
    for method in methods:
        stem = re.sub(r"[^\w.]+", "-", method).strip("-.") or "method"
        name, number = stem, 1
        while name.lower() in (each.lower() for each in names.values()):
            number += 1
            name = f"{stem}-{number}"
        names[method] = name
    return {method: f"tuned/{name}.yaml" for method, name in names.items()}


def write_run_config(path: Path, config: TuneConfig, attention: AttentionConfig) -> None:
    """A config that `sah run` takes: the study's model and protocol, and this attention. It is checked beforehand."""
    value = {
        "version": 1,
        "model": config.model.config.model_dump(mode="json", exclude_defaults=True),
        "attention": attention.model_dump(mode="json", exclude_unset=True),
        "protocol": {"sparse_from": config.protocol},
        "generation": dict(config.generation),
    }
    load_config(value)
    _write(path, value)


def write_bench_config(path: Path, config: TuneConfig, tuned: Mapping[str, AttentionConfig]) -> None:
    """A config that `sah bench` takes: dense attention and every tuned config, on the samples that no trial saw.

    It is checked beforehand.
    """
    bench = config.bench({"dense": None, **tuned}, config.confirm.seeds)
    value = bench.model_dump(mode="json", exclude_none=True)
    load_bench(value)
    _write(path, value)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 120
    text = StringIO()
    yaml.dump(dict(value), text)
    write_whole(path, text.getvalue().encode())
