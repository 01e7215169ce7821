"""Whether compiled loops can run on tensors; said without importing numba where it is missing."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

__all__ = ["compiles", "loops_missing", "numba_missing"]

DTYPES = (torch.float32, torch.bfloat16)


def compiles(*tensors: Tensor) -> bool:
    """Whether loops can read these tensors: numba is there, they are on the CPU, in float32 or bfloat16.

    Loops have no gradient: they are not for tensors that need one. SAH_COMPILED=0 in the environment turns loops off.
    """
    if loops_missing() is not None:
        return False
    for tensor in tensors:
        if tensor.dtype not in DTYPES or not tensor.is_cpu or (tensor.requires_grad and torch.is_grad_enabled()):
            return False
    return True


def loops_missing() -> str | None:
    """Why no loop runs here, in one sentence; None where loops do."""
    return "SAH_COMPILED=0 turns compiled loops off" if os.environ.get("SAH_COMPILED") == "0" else numba_missing()


@cache
def numba_missing() -> str | None:
    """Why loops cannot be compiled here, in one sentence; None where they can."""
    if find_spec("numba") is None:
        return "compiled loops need numba, which is not installed: pip install 'sah-core[cpu]'"
    try:
        import numba  # noqa: F401
    except ImportError as error:  # such as a NumPy that this numba does not know
        return f"numba is installed and cannot be imported: {error}"
    return None
