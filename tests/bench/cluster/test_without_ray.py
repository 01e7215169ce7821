"""Where Ray is not installed, only `--executor ray` notices, and says how to get it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECK = """
import sys
sys.modules["ray"] = None  # what an import finds of a package that is not there
from sah_bench.config.sections import WorkersConfig
from sah_bench.config.where import Where
from sah_bench.executor.opened import opened
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import UsageError
directory = ResultsDirectory.created(__import__("pathlib").Path(sys.argv[1]))
with opened(Where.local, WorkersConfig(devices=("cpu",), threads=1), directory) as there:
    print(there.kind)
try:
    with opened(Where.ray, WorkersConfig(), directory):
        pass
except UsageError as error:
    print(error)
"""


def test_ray_is_asked_for_where_it_is_needed(tmp_path: Path) -> None:
    """In a sentence with the line that installs it."""
    command = [sys.executable, "-c", CHECK, str(tmp_path / "results")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = '--executor ray needs Ray, which is not installed: pip install "sah-bench[ray]"'
    assert done.stdout.splitlines() == ["cpu", said]
