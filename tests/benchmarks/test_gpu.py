"""The benchmark of the GPU kernels: what it says without a GPU, what it compares, how a line reads."""

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from benchmarks.calls.call import Heads
from benchmarks.gpu import command
from benchmarks.gpu.works import Work, decode_works

CHECK = """
import torch
from benchmarks.calls.call import Heads
from benchmarks.gpu.works import decode_works
for dtype in (torch.float32, torch.bfloat16):
    for work in decode_works(200, 0.1, Heads(4, 2, 16), dtype, torch.device("cpu")):
        print(f"{work.name}: {work.nbytes} {work.error() < 1e-5 or work.dense and work.error() < 0.01}")
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence that gives the reason, status 2, and no numbers."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    with pytest.raises(SystemExit) as left:
        command.run(parser.parse_args([]))
    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("nothing was measured: the GPU kernels ")
    assert said.err.count("\n") == 1


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_every_work_gives_what_is_expected() -> None:
    """Dense and sparse, each against float64; bytes by hand for 200 keys of 2 heads of 16, and 20 of them or 2 pages.

    In float32 a key and its value are 128 bytes: 2 * 200 of them densely, 2 * 20 and 8 bytes an entry for lists of a
    KV head, 4 * 20 for those of a query head, 2 * 2 * 16 for pages; scores read 2 * 12 pages' maxima and minima.
    """
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    ended = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[:6] == [
        f"SDPA flash, grouped heads: {2 * 200 * 128} True",
        f"SDPA flash, group as queries: {2 * 200 * 128} True",
        f"keys listed for a KV head: {2 * 20 * (128 + 8)} True",
        f"keys listed for a query head: {4 * 20 * (128 + 8)} True",
        f"pages listed for a KV head: {2 * 2 * (16 * 128 + 8)} True",
        f"scores of pages of 16: {2 * 12 * 128} True",
    ]
    assert len(lines) == 12
    assert all(line.endswith("True") for line in lines)


def test_a_line_by_hand() -> None:
    """A dense work of 2 MB in 20 us: 100 GB/s; a kernel's 0.5 MB in 5 us: the same bandwidth, 4 times as fast."""
    nothing = torch.zeros(1)
    works = [
        Work("slow", nothing.clone, 2_000_000, nothing, dense=True),
        Work("dense", nothing.clone, 2_000_000, nothing, dense=True),
        Work("few", nothing.clone, 500_000, nothing),
    ]
    on_device = {"slow": (4e-5, 4e-5), "dense": (2e-5, 2e-5), "few": (5e-6, 5e-6)}
    table = command.lines(works, on_device, {"slow": (5e-5,), "dense": (3e-5,), "few": (2e-5,)})
    assert " ".join(table[3].split()) == "few 5.00 (5.00 to 5.00) 100 20.0 4.00 (4.00 to 4.00)"
    assert table[1].endswith("  0.500 (0.500 to 0.500)")
    assert table[4] == "times as fast as: dense"


def test_an_error_is_the_largest_difference() -> None:
    """Against the expected values, in their shape."""
    work = Work("one", lambda: torch.tensor([[1.0, 2.5]]), 0, torch.tensor([1.0, 2.0]).double())
    assert work.error() == 0.5


def test_a_share_is_read() -> None:
    """2 % of 3200 keys: 64 of them, or 4 pages of 16, and the same bytes but for the lists."""
    works = {work.name: work for work in decode_works(3200, 0.02, Heads(4, 2, 8), torch.bfloat16, torch.device("cpu"))}
    keys, pages = works["keys listed for a KV head"], works["pages listed for a KV head"]
    assert keys.nbytes - 2 * 64 * 8 == pages.nbytes - 2 * 4 * 8 == 2 * 64 * 2 * 8 * 2
