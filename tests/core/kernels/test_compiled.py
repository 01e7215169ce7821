"""The kernels compile for real GPUs, without one: to machine code that fits their shared memory."""

import inspect
import os
import re
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sah_core.kernels.launch import OPTIONS, Launch

TRITON = tuple(int(part) for part in version("triton").split(".")[:2]) if find_spec("triton") else (0, 0)

pytestmark = [
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed"),
    pytest.mark.skipif(TRITON < (3, 7), reason="before Triton 3.7 a kernel may be described in another way"),
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="kernels are interpreted here"),
    # Triton 3.7's own compiler uses what Python 3.13 deprecates.
    pytest.mark.filterwarnings("ignore:AnnAssign.__init__ missing:DeprecationWarning"),
]

SHARED = {80: 99 * 1024, 90: 227 * 1024}
"""Bytes of shared memory a program may have, by compute capability; an 8.6 or 8.9 has less than the 163 KiB of 8.0."""


def compiled(kernel: Any, capability: int, types: dict[str, str], fixed: dict[str, Any], **options: Any) -> Any:
    """A kernel for arguments of these types (int32 unless named) and fixed values, on aligned memory."""
    triton, targets = import_module("triton.compiler"), import_module("triton.backends.compiler")
    names = list(inspect.signature(kernel.fn).parameters)
    signature = {name: "constexpr" if name in fixed else types.get(name, "i32") for name in names}
    aligned = re.compile(r"\*|width|value_width|(queries|keys|values|highest|opposite)_[bhqkp]$")
    attributes = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if name not in fixed and (aligned.match(types.get(name, "")) or aligned.match(name))
    }
    target = targets.GPUTarget("cuda", capability, 32)
    source = triton.ASTSource(kernel, signature, fixed, attributes)
    return triton.compile(source, target=target, options={**OPTIONS, **options})


@pytest.fixture(autouse=True)
def _no_cache_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("capability", SHARED)
@pytest.mark.parametrize(
    ("dtype", "members", "width", "everything"),
    [("bf16", 4, 128, False), ("fp16", 80, 96, True), ("fp32", 80, 64, True)],
)
def test_attention_compiles(capability: int, dtype: str, members: int, width: int, everything: bool) -> None:
    """With and without weights, ragged lists, pages and biases; two blocks of keys are in flight.

    The 16-bit products are done by the matrix units.
    """
    from sah_core.kernels.attend import attend

    launch = Launch.of(8, members, 2622, width, width, 4 if dtype == "fp32" else 2, processors=132)
    types = dict.fromkeys(("queries", "keys", "values"), f"*{dtype}")
    types |= dict.fromkeys(("probs", "bias", "maxima", "totals", "sums"), "*fp32")
    types |= {"indices": "*i64", "shift": "*i64", "valid": "*u8", "scaling": "fp32", "softcap": "fp32"}
    fixed: dict[str, Any] = dict.fromkeys(("queries_d", "keys_d", "values_d", "bias_k"), 1)
    fixed |= {"page_size": 16 if everything else 1}
    fixed |= {"capped": everything, "two_terms": dtype != "fp32"}
    fixed |= {"block_members": launch.block_members, "block_keys": launch.block_keys}
    fixed |= {"block_width": launch.block_width, "block_value_width": launch.block_value_width}
    if not everything:
        fixed |= dict.fromkeys(("probs", "bias", "shift", "valid"))
    kernel = compiled(attend, capability, types, fixed, num_warps=launch.warps, num_stages=launch.stages)
    assert kernel.asm["cubin"]
    block = (4 if dtype == "fp32" else 2) * launch.block_keys * (launch.block_width + launch.block_value_width)
    assert 2 * block <= kernel.metadata.shared <= SHARED[capability]
    ptx = kernel.asm["ptx"]
    assert "cp.async" in ptx
    assert ("mma" in ptx) == (dtype != "fp32")


@pytest.mark.parametrize("capability", SHARED)
@pytest.mark.parametrize("splits", [1, 128])
def test_the_merge_compiles(capability: int, splits: int) -> None:
    """With sinks and without, for one part and for as many as there can be."""
    from sah_core.kernels.merge import merge

    types = dict.fromkeys(("maxima", "totals", "sums", "output"), "*fp32") | {"sinks": "*bf16"}
    for sinks in ({}, {"sinks": None}):
        fixed: dict[str, Any] = {"block_splits": splits, "block_value_width": 32, **sinks}
        assert compiled(merge, capability, types, fixed).asm["cubin"]


@pytest.mark.parametrize("capability", SHARED)
@pytest.mark.parametrize(("dtype", "pages"), [("bf16", 64), ("fp32", 32)])
def test_page_scoring_compiles(capability: int, dtype: str, pages: int) -> None:
    """In 16 bits on the matrix units."""
    from sah_core.kernels.bounds import bounds

    types = dict.fromkeys(("queries", "highest", "opposite"), f"*{dtype}") | {"output": "*fp32", "scaling": "fp32"}
    fixed = {"queries_d": 1, "highest_d": 1, "opposite_d": 1}
    fixed |= {"block_members": 16, "block_pages": pages, "block_width": 128}
    kernel = compiled(bounds, capability, types, fixed)
    assert kernel.asm["cubin"]
    assert kernel.metadata.shared <= SHARED[capability]
    assert ("mma" in kernel.asm["ptx"]) == (dtype == "bf16")
