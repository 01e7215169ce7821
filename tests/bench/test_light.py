"""What stays light: the plugin, its hooks, and a benchmark's config."""

import json
import subprocess
import sys

HEAVY = ("torch", "transformers", "pyarrow", "altair", "vl_convert", "jinja2", "numpy", "optuna")

CHECK = """
import json, sys
from sah_core.cli.app import build_app
from sah_core.plugins import default_registry
registry = default_registry()
build_app(registry, [])
assert {"needle", "file"} <= set(registry.tasks.names), registry.records
assert {"exact", "f1", "contains"} <= set(registry.scorers.names)
from sah_bench.config.load import load_bench, load_tune
load_bench({"version": 1, "models": ["needle"], "attention": ["dense"], "tasks": ["needle"], "lengths": [64]})
asked = {"tasks": ["needle"], "lengths": [64], "budget": {"density": 0.1}}
load_tune({"version": 1, "model": "needle", "methods": ["quest"], **asked})
print(json.dumps(sorted(sys.modules)))
"""


def test_hooks_commands_and_configs_load_nothing_heavy() -> None:
    """`sah --help` and a checked config wait for neither torch nor pyarrow nor plots nor optuna."""
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert [name for name in HEAVY if name in loaded] == []
