"""Signatures: a few bits of every key."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core import GrowingTensor, KeyIndex

from .networks import Network, phi

__all__ = ["Signatures", "pack_bits", "signs", "unpack_bits"]

_AT_ONCE = 4096
"""Keys that go through the network together: its hidden layers are much larger than their signatures."""


def signs(network: Network, x: Tensor) -> Tensor:
    """The signature phi(x) > 0 of vectors (b, h, n, d), bool (b, h, n, bits).

    In float64: the rounding of a float32 product depends on how many vectors are multiplied at once, and would flip
    bits whose value is near 0.
    """
    return phi(network, x.detach().double()) > 0


def pack_bits(bits: Tensor) -> Tensor:
    """Bits (..., n) bool as bytes (..., ceil(n / 8)), the first bit lowest."""
    octets = pad(bits.to(torch.uint8), (0, -bits.shape[-1] % 8))
    octets = octets.reshape(*bits.shape[:-1], octets.shape[-1] // 8, 8)
    return torch.sum(octets << _places(bits.device), -1, dtype=torch.uint8)


def unpack_bits(packed: Tensor, n: int) -> Tensor:
    """The bits (..., n) bool that `pack_bits` was given."""
    octets = torch.bitwise_and(packed.unsqueeze(-1) >> _places(packed.device), 1)
    return octets.flatten(-2)[..., :n].bool()


class Signatures(KeyIndex):
    """The signatures of all keys, ceil(bits / 8) bytes a token and KV head; nothing is learned from the keys."""

    saved = ("_packed",)

    def __init__(self, network: Network) -> None:
        self._network = network
        self._packed = GrowingTensor()  # (b, hkv * ceil(bits / 8), n): one byte of all keys is read at a time

    def fit(self, keys: Tensor) -> None:
        """Cover these first keys."""
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Cover these next keys."""
        for part in torch.split(keys, _AT_ONCE, 2):
            self._packed.append(pack_bits(signs(self._network, part)).transpose(2, 3).flatten(1, 2))
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        """Cover only the first ``length`` keys."""
        self._packed.truncate(length)
        self.length = min(self.length, length)

    @property
    def packed(self) -> Tensor:
        """The bytes of the signatures, uint8 (b, hkv, ceil(bits / 8), n)."""
        return torch.unflatten(self._packed.entries, 1, (self._network[-1][1].shape[0], -1))

    @property
    def bits(self) -> Tensor:
        """The signatures, bool (b, hkv, n, bits)."""
        return unpack_bits(self.packed.transpose(2, 3), self._network[-1][1].shape[-1])


def _places(device: torch.device) -> Tensor:
    return torch.arange(8, dtype=torch.uint8, device=device)
