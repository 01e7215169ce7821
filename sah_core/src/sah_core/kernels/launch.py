"""How a launch of the kernels is cut into programs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from attrs import frozen

__all__ = ["OPTIONS", "Launch", "next_power", "on", "processors"]

OPTIONS = {"enable_fp_fusion": True}
"""Of every launch: what Triton would fall back on, with a warning from 3.9 on."""
PROGRAMS_A_PROCESSOR = 2
"""Programs in flight that keep a multiprocessor's loads busy while others compute."""
MOST_SPLITS = 128
"""Partial results that one program of the merge holds at a time."""


@frozen
class Launch:
    """Blocks and splits of one attention call.

    A program reads ``split_width`` entries of a set, ``block_keys`` at a time, for ``block_members`` of its queries.
    """

    block_members: int
    block_keys: int
    block_width: int
    block_value_width: int
    split_width: int
    splits: int
    warps: int
    stages: int

    @classmethod
    def of(
        cls, sets: int, members: int, entries: int, width: int, value_width: int, itemsize: int, processors: int
    ) -> Launch:
        """For so many sets of up to ``entries`` keys, read by ``members`` queries each; widths of up to 256.

        Sets are split until every multiprocessor has `PROGRAMS_A_PROCESSOR` programs, as far as there are blocks.
        """
        block_width, block_value_width = next_power(width, 16), next_power(value_width, 16)
        # Two blocks of keys and values in flight take 64 KiB of shared memory: room for three programs on an H100, two
        # on an A100, and for one where there are 99 KiB, with the bias of 32 members. The matrix units take 16 or more.
        most = 2**14 // (itemsize * max(block_width, block_value_width))
        block_members = min(next_power(members, 16), 32, most)
        block_keys = min(64, most)
        programs = sets * -(-members // block_members)
        # So few keys leave multiprocessors idle, and there the time is of one program's loads: make them fewer.
        while block_keys > 16 and programs * -(-entries // block_keys) < processors:
            block_keys //= 2
        splits = min(-(-entries // block_keys), -(-PROGRAMS_A_PROCESSOR * processors // programs), MOST_SPLITS)
        split_width = -(-entries // (splits * block_keys)) * block_keys
        return cls(
            block_members,
            block_keys,
            block_width,
            block_value_width,
            split_width,
            -(-entries // split_width),
            warps=4,
            # With fewer, Triton keeps one block of keys and values, and loads the next one when it is used up.
            stages=5,
        )


def on(device: torch.device) -> AbstractContextManager[None]:
    """Makes a GPU the current one, as a launch needs."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@cache
def processors(device: torch.device) -> int:
    """The multiprocessors of a GPU; a few for the interpreter, which runs one program after another."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 8


def next_power(n: int, least: int) -> int:
    """The smallest power of two that is at least n and ``least``."""
    return max(least, 1 << (n - 1).bit_length())
