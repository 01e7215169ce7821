"""The networks phi that map a query or a key to the signature's real values, one for each head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import silu

from sah_core import Calibration

__all__ = ["Network", "Networks", "load_network", "phi"]

Network = Sequence[tuple[Tensor, Tensor]]
"""Weight (h, in, out) and bias (h, out) of each linear layer."""


def phi(network: Network, x: Tensor) -> Tensor:
    """The values (b, h, n, bits) of vectors (b, h, n, d): linear layers with SiLU between them, in x's dtype."""
    for depth, (weight, bias) in enumerate(network):
        x = torch.matmul(silu(x) if depth else x, weight.to(x.dtype)) + bias.to(x.dtype).unsqueeze(1)
    return x


class Networks:
    """The networks of a calibration in float64 on the device where they are used, converted once and then kept."""

    def __init__(self, calibration: Calibration, bits: int) -> None:
        self._calibration = calibration
        self._bits = bits
        self._found: dict[tuple[str, int, int, int, torch.device], Network] = {}

    def __reduce__(self) -> tuple[type[Networks], tuple[Calibration, int]]:
        # What was converted is made again where it is needed: it is twice as large, and may be on another device.
        return Networks, (self._calibration, self._bits)

    def of(self, name: str, layer: int, heads: int, width: int, device: torch.device) -> Network:
        """The layer's ``query`` or ``key`` network; errors as `load_network`."""
        wanted = (name, layer, heads, width, device)
        if wanted not in self._found:
            network = load_network(self._calibration, name, layer, heads, width, self._bits)
            self._found[wanted] = [(weight.to(device).double(), bias.to(device).double()) for weight, bias in network]
        return self._found[wanted]


def load_network(calibration: Calibration, name: str, layer: int, heads: int, width: int, bits: int) -> Network:
    """The layer's ``query`` or ``key`` network from d = ``width`` to ``bits``; depth and hidden widths are the file's.

    Raises CalibrationError for a layer that the calibration lacks, or for other heads, width or bits.
    """
    depth = max(1, sum(tensor.startswith(f"{name}.") and tensor.endswith(".bias") for tensor in calibration.tensors))
    network = []
    for i in range(depth):
        found = calibration.tensors.get(f"{name}.{i}.bias", {}).get(layer)
        out = bits if i == depth - 1 or found is None else found.shape[-1]
        weight = calibration.of_layer(f"{name}.{i}.weight", layer, (heads, width, out))
        network.append((weight, calibration.of_layer(f"{name}.{i}.bias", layer, (heads, out))))
        width = out
    return network
