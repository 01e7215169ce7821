"""The networks phi that map a query or a key to the signature's real values, one for each head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import silu

from sah_core import Calibration
from sah_core.compiled.available import compiles

__all__ = ["Network", "Networks", "load_network", "phi"]

Network = Sequence[tuple[Tensor, Tensor]]
"""Weight (h, in, out) and bias (h, out) of each linear layer."""

FEW = 8
"""Vectors of a head up to which a loop that reads each weight once beats matrix products."""


def phi(network: Network, x: Tensor) -> Tensor:
    """The values (b, h, n, bits) of vectors (b, h, n, d): linear layers with SiLU between them, in x's dtype."""
    few = x.dtype == torch.float64 and x.shape[0] * x.shape[2] <= FEW and not x.requires_grad
    if few and compiles(*(tensor for layer in network for tensor in layer)):
        return _by_loop(network, x)
    for depth, (weight, bias) in enumerate(network):
        x = torch.matmul(silu(x) if depth else x, weight.to(x.dtype)) + bias.to(x.dtype).unsqueeze(1)
    return x


def _by_loop(network: Network, x: Tensor) -> Tensor:
    """`phi` of float64 vectors, by a compiled loop."""
    from sah_core.compiled.memory import array
    from sah_core.compiled.over_rows import over_rows

    from . import loops

    b, h, n, d = x.shape
    weights, biases = zip(*network, strict=True)
    of_heads = x.transpose(0, 1).reshape(h, b * n, d).contiguous()
    found = x.new_empty((h, b * n, biases[-1].shape[1]))
    # A tuple that a loop takes has arrays of one kind.
    layers = (tuple(array(tensor.float().contiguous()) for tensor in tensors) for tensors in (weights, biases))
    over_rows(loops.network, h, sum(weight.numel() for weight in weights), array(of_heads), *layers, array(found))
    return torch.unflatten(found, 1, (b, n)).transpose(0, 1)


class Networks:
    """The networks of a calibration on the device where they are used, converted once and then kept.

    They are in float64, as what they compute is; where compiled loops run, they stay as they were saved, in float32:
    half as much to read for every new vector. The values are the same.
    """

    def __init__(self, calibration: Calibration, bits: int) -> None:
        self._calibration = calibration
        self._bits = bits
        self._found: dict[tuple[str, int, int, int, torch.device], Network] = {}

    def __reduce__(self) -> tuple[type[Networks], tuple[Calibration, int]]:
        # What was converted is made again where it is needed: it may be twice as large, and on another device.
        return Networks, (self._calibration, self._bits)

    def of(self, name: str, layer: int, heads: int, width: int, device: torch.device) -> Network:
        """The layer's ``query`` or ``key`` network; errors as `load_network`."""
        wanted = (name, layer, heads, width, device)
        if wanted not in self._found:
            network = load_network(self._calibration, name, layer, heads, width, self._bits)
            placed = [(weight.to(device), bias.to(device)) for weight, bias in network]
            loops = compiles(*(tensor for pair in placed for tensor in pair))
            self._found[wanted] = placed if loops else [(weight.double(), bias.double()) for weight, bias in placed]
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
