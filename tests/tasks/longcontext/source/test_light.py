"""What stays light: offering the sets and checking configs of them; and rows and scores without torch."""

from __future__ import annotations

import json
import subprocess
import sys

CONFIGS = """
from sah_core.plugins import default_registry
registry = default_registry()
assert {"longbench", "longbench_v2", "aime"} <= set(registry.tasks.names), registry.records
assert {"longbench_rouge", "boxed_answer"} <= set(registry.scorers.names), registry.records
from sah_bench.config.load import load_bench
task = {"kind": "longbench", "dataset": "qasper"}
load_bench({"version": 1, "models": ["needle"], "attention": ["dense"], "tasks": [task]})
"""
TASKS = """
import sah_tasks_longcontext.hub
from sah_core.plugins import default_registry
registry = default_registry()
ours = lambda offers: [name for name in offers.names if offers.record(name).distribution == "sah-tasks-longcontext"]
found = [offers.load(name) for offers in (registry.tasks, registry.scorers) for name in ours(offers)]
assert len(found) > 10
"""


def loaded_by(code: str) -> set[str]:
    """The modules that a process has loaded after running this."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_configs_load_nothing_heavy() -> None:
    """A config is checked without the hub's client, tables, and what scorers stand on."""
    heavy = {
        "torch",
        "transformers",
        "numpy",
        "pyarrow",
        "huggingface_hub",
        "jieba",
        "rouge",
        "rouge_score",
        "rapidfuzz",
    }
    assert heavy & loaded_by(CONFIGS) == set()


def test_tasks_and_scorers_load_no_torch() -> None:
    """Rows are made and scored where torch is not loaded."""
    assert {"torch", "transformers"} & loaded_by(TASKS) == set()
