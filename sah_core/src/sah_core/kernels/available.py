"""Whether the GPU kernels can run here, and on these inputs; said without importing Triton where it cannot run."""

from __future__ import annotations

import os
import shutil
from functools import cache
from importlib.util import find_spec

import torch

from sah_core.inputs import AttentionInputs

__all__ = ["interpreted", "kernels_missing", "triton_missing", "triton_refuses"]

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
WIDEST = 256
"""Channels of a head; wider ones do not fit a multiprocessor's shared memory in useful blocks."""


@cache
def triton_missing(device: torch.device) -> str | None:
    """Why the kernels cannot run on this device, in one sentence; None where they can.

    They run on CUDA; with TRITON_INTERPRET=1 in the environment, under Triton's interpreter, on the CPU too.
    """
    if device.type != "cuda" and not (device.type == "cpu" and interpreted()):
        return f"the GPU kernels run on cuda, and the tensors are on {device.type}"
    if find_spec("triton") is None:
        return "the GPU kernels need Triton, which is not installed: pip install 'sah-core[gpu]'"
    return _missing_on_cuda(device) if device.type == "cuda" else None


def triton_refuses(inputs: AttentionInputs) -> str | None:
    """Why the kernels cannot take these inputs, in one sentence; None where they can."""
    missing = triton_missing(inputs.device)
    if missing is not None:
        return missing
    tensors = (inputs.queries, inputs.keys, inputs.values)
    if inputs.dropout:
        return "the GPU kernels have no dropout"
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return "the GPU kernels have no gradient: compute under torch.no_grad()"
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) > 1 or not dtypes <= set(DTYPES):
        names = ", ".join(str(tensor.dtype).removeprefix("torch.") for tensor in tensors)
        return f"the GPU kernels take queries, keys and values all in float32, bfloat16 or float16, not {names}"
    width = max(inputs.keys.shape[3], inputs.values.shape[3])
    return f"the GPU kernels take heads of up to {WIDEST} channels, not {width}" if width > WIDEST else None


def kernels_missing() -> str | None:
    """Why the kernels run on no device here, in one sentence; None where they run on a CUDA device."""
    return triton_missing(torch.device("cuda"))


def interpreted() -> bool:
    """Whether kernels run under Triton's interpreter, by the words that Triton takes for yes when it is imported."""
    return os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "y", "yes", "on", "true")


def _missing_on_cuda(device: torch.device) -> str | None:
    if not torch.cuda.is_available():
        return "the GPU kernels run on cuda, and torch finds no CUDA device"
    major, minor = torch.cuda.get_device_capability(device)
    if torch.version.hip is None and major < 8:
        return f"the GPU kernels need compute capability 8.0 or more, and this GPU has {major}.{minor}"
    # Triton builds its launchers with a C compiler, and says so only when the first kernel is launched.
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton needs a C compiler (gcc, clang, or the one that CC names) and finds none"
    try:
        import triton  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401  # no stubs; optional
    except ImportError as error:
        return f"Triton is installed and cannot be imported: {error}"
    return None
