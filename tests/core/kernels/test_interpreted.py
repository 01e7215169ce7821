"""The kernels compute what they should: the tests of ``interpreted``, in a process with Triton's interpreter."""

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TRITON = tuple(int(part) for part in version("triton").split(".")[:2]) if find_spec("triton") else (0, 0)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.skipif(TRITON < (3, 7), reason="Triton 3.2's interpreter fails with NumPy 2.4, and 3.7's works")
@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="its tests are collected with this one")
def test_under_the_interpreter() -> None:
    """Every test of the folder passes, and none is skipped."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "interpreted")]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    ended = subprocess.run(command, env=environment, cwd=HERE.parents[2], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = ended.stdout.splitlines()[-1]
    assert "passed" in summary
    assert "skipped" not in summary
