"""Whether loops can run: only on what they can read, and without importing numba where it is not needed."""

import os
import subprocess
import sys

import pytest
import torch

from sah_core.compiled.available import compiles, numba_missing

SHOW = "from sah_core.compiled.available import numba_missing; print(numba_missing())"


def printed(program: str) -> str:
    """What a Python of its own prints."""
    ended = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_numba_that_is_not_installed() -> None:
    """The reason is the command that installs it."""
    reason = "compiled loops need numba, which is not installed: pip install 'sah-core[cpu]'"
    assert printed(f"import sys; sys.modules['numba'] = None; {SHOW}") == reason


def test_numba_that_cannot_be_imported() -> None:
    """The reason is what its import said."""
    broken = "import sys, types; sys.modules['llvmlite'] = types.ModuleType('llvmlite')"
    if numba_missing() is None:
        assert printed(f"{broken}; {SHOW}").startswith("numba is installed and cannot be imported: ")


@pytest.mark.skipif(numba_missing() is not None, reason="numba is not installed")
def test_what_loops_can_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float32 and bfloat16 on the CPU that need no gradient, unless the environment says no."""
    single, half = torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)
    trained = torch.zeros(2, requires_grad=True)
    assert compiles(single, half)
    for other in (torch.zeros(2, dtype=torch.float16), torch.zeros(2, dtype=torch.float64), trained):
        assert not compiles(single, other)
    assert not compiles(torch.zeros(2, device="meta"))
    with torch.no_grad():
        assert compiles(single, trained)
    monkeypatch.setenv("SAH_COMPILED", "0")
    assert not compiles(single)


def test_the_front_door_imports_no_numba() -> None:
    """Neither do the backends, before attention is computed."""
    program = "import sys, sah_core, sah_core.attention.create, sah_core.maskers; print('numba' in sys.modules)"
    assert printed(program) == "False"
