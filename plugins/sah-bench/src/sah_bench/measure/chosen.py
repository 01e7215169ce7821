"""Which attention calls are measured: decided for each call from what names it, and from nothing else."""

from __future__ import annotations

import hashlib
import struct

from attrs import field, frozen

from sah_core import UsageError

__all__ = ["ChosenCalls"]


@frozen
class ChosenCalls:
    """Each call with probability ``rate``: the same calls whatever else is run, skipped or measured.

    Raises UsageError for a rate that is no share.
    """

    rate: float
    seed: int
    _below: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise UsageError(f"the rate of measured calls should be from 0 to 1, not {self.rate!r}")
        object.__setattr__(self, "_below", int(self.rate * 2**64))

    def includes(self, sample: int, layer: int, step: int) -> bool:
        """Whether the call of this sample, layer and step is measured."""
        name = struct.pack("<4q", self.seed, sample, layer, step)
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little") < self._below
