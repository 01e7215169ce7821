"""`Speeds`: how fast a device does each part of the work; and data sheets, with what is assumed to be left of them."""

from __future__ import annotations

from typing import Final

import attrs

__all__ = ["ASSUMED", "GPUS", "Device", "Shares", "Speeds"]


@attrs.frozen
class Speeds:
    """Of one device with one precision.

    ``matrices`` and ``attention``: operations a second, of the weights' products and of attention over a whole context.
    ``weights`` and ``keys``: bytes a second, of the weights in a decode step, and of keys and values, which are read,
    searched and copied. ``layer``: seconds that a layer takes beside all that for a forward, however small.
    """

    matrices: float
    attention: float
    weights: float
    keys: float
    layer: float


@attrs.frozen
class Shares:
    """What is left of a data sheet's peaks in practice.

    ``calls``: how many times as long as on the measured machine it takes to call what a layer calls.
    """

    matrices: float
    attention: float
    bandwidth: float
    calls: float


@attrs.frozen
class Device:
    """A data sheet: operations a second on matrices of 16-bit numbers that are not sparse; bytes a second; bytes."""

    name: str
    flops: float
    bandwidth: float
    memory: float
    source: str

    def at(self, shares: Shares, layer: float) -> Speeds:
        """Its speeds, if these shares of the peaks are reached; ``layer`` is the measured machine's `Speeds.layer`."""
        bandwidth = self.bandwidth * shares.bandwidth
        flops = (self.flops * shares.matrices, self.flops * shares.attention)
        return Speeds(*flops, bandwidth, bandwidth, layer * shares.calls)


GPUS: Final = {
    "A100": Device("A100 SXM 80 GB", 312e12, 2.039e12, 80e9, "https://www.nvidia.com/en-us/data-center/a100/"),
    "H100": Device("H100 SXM 80 GB", 989e12, 3.35e12, 80e9, "https://www.nvidia.com/en-us/data-center/h100/"),
    "H200": Device("H200 SXM 141 GB", 989e12, 4.8e12, 141e9, "https://www.nvidia.com/en-us/data-center/h200/"),
}

ASSUMED: Final = {
    "low": Shares(matrices=0.3, attention=0.2, bandwidth=0.4, calls=2.0),
    "middle": Shares(matrices=0.5, attention=0.35, bandwidth=0.6, calls=1.0),
    "high": Shares(matrices=0.7, attention=0.6, bandwidth=0.8, calls=0.5),
}
"""For GPUs that nobody measured: assumptions, and a range to see what hangs on them."""
