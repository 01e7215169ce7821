"""Whether the kernels can run: a reason in a sentence, and no Triton where none is needed."""

import os
import subprocess
import sys

import pytest
import torch

from sah_core import AttentionInputs
from sah_core.kernels.available import triton_missing, triton_refuses

SHOW = "import torch; from sah_core.kernels.available import triton_missing; print(triton_missing(torch.device('cpu')))"


def printed(program: str, **environment: str) -> str:
    """What a Python of its own prints."""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


@pytest.mark.parametrize("interpret", ["0", ""])
def test_the_cpu_is_no_gpu(interpret: str) -> None:
    """Tensors on the CPU are refused, by name of their device, unless kernels are interpreted."""
    assert printed(SHOW, TRITON_INTERPRET=interpret) == "the GPU kernels run on cuda, and the tensors are on cpu"


def test_other_devices_are_named() -> None:
    """Nor are there kernels for any other device."""
    assert triton_missing(torch.device("meta")) == "the GPU kernels run on cuda, and the tensors are on meta"
    nowhere = torch.zeros(1, 1, 1, 1, device="meta")
    inputs = AttentionInputs(nowhere, nowhere, nowhere)
    assert triton_refuses(inputs) == triton_missing(torch.device("meta"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_that_is_not_there() -> None:
    """Asked for and absent: the reason says which of Triton and the device is missing."""
    reason = triton_missing(torch.device("cuda"))
    assert reason is not None
    assert "finds no CUDA device" in reason or "not installed" in reason


def test_triton_that_is_not_installed() -> None:
    """The reason is the command that installs it."""
    hidden = f"import sys; sys.modules['triton'] = None; {SHOW}"
    reason = "the GPU kernels need Triton, which is not installed: pip install 'sah-core[gpu]'"
    assert printed(hidden, TRITON_INTERPRET="1") == reason


def test_asking_imports_no_triton() -> None:
    """Neither does the front door, nor anything that comes with the backends."""
    program = f"{SHOW}; import sys, sah_core.attention.create, sah_core.kernels.attention, sah_core.kernels.paging"
    assert printed(f"{program}; print('triton' in sys.modules)", TRITON_INTERPRET="0").endswith("False")
