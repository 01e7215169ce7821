"""Where the GPU kernel scores pages: under Triton's interpreter, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

import pytest

TRITON = tuple(int(part) for part in version("triton").split(".")[:2]) if find_spec("triton") else (0, 0)

SCRIPT = """
import os, torch
from sah_core import AttentionInputs, create_masker
from sah_core.maskers.indexing import index_of
torch.manual_seed(0)
for dtype in (torch.float32, torch.bfloat16):
    q, k, v = (torch.randn(1, h, n, 16).to(dtype) for h, n in ((4, 1), (2, 100), (2, 100)))
    bounds = []
    for interpreted in ("1", "0"):
        os.environ["TRITON_INTERPRET"] = interpreted
        masker = create_masker({"kind": "quest", "page_size": 4})
        inputs = AttentionInputs(q, k, v)
        bounds.append(masker.scores(inputs, index_of(masker.config, inputs, masker.create_index)))
    kernel, product = bounds
    assert kernel.dtype == product.dtype == torch.float32
    # The product of 16-bit numbers is rounded up by at most two steps; the kernel's sums are float32.
    room = 0 if dtype == torch.float32 else 2 * torch.finfo(dtype).eps
    assert bool((product >= kernel - 1e-5).all())
    assert bool((product <= kernel + room * kernel.abs() + 1e-5).all())
    assert dtype == torch.float32 or bool((kernel != product).any())
print("both")
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.skipif(TRITON < (3, 7), reason="Triton 3.2's interpreter fails with NumPy 2.4, and 3.7's works")
def test_the_kernels_bounds_are_those_of_the_product() -> None:
    """In float32 the same to rounding; in 16 bits the kernel's are the exact ones, which the product rounds up."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "SAH_COMPILED": "0"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert (ended.stdout, ended.returncode) == ("both\n", 0), ended.stderr
