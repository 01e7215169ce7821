"""The label cache: a few channels of every key, in a few bits each."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import GrowingTensor, KeyIndex

from .packing import pack, unpack

__all__ = ["LabelCache", "quantise", "read_channels"]


def read_channels(vectors: Tensor, channels: Tensor) -> Tensor:
    """The channels (h, r) int64 of each head's vectors (b, h, n, d): (b, h, n, r)."""
    b, h, n, _ = vectors.shape
    return vectors.gather(-1, channels.reshape(1, h, 1, -1).expand(b, h, n, -1))


def quantise(labels: Tensor, bits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (..., r) int64 in [0, L], L = 2^bits - 1, scale and zero point (..., 1) of labels (..., r).

    A label x is stored as round((x - zero) / scale), zero the least of its r labels and scale their range / L. Both
    have the labels' dtype, so that zero is exact; scale is rounded up, so that no code exceeds L and zero + scale code
    is within scale / 2 of x, where scale <= range / L (1 + 2 eps).
    """
    eps, largest = torch.finfo(labels.dtype).eps, torch.finfo(labels.dtype).max
    zero = labels.amin(-1, keepdim=True)
    offsets = labels.double() - zero.double()
    scale = (offsets.amax(-1, keepdim=True) / (2**bits - 1) * (1 + eps)).clamp(max=largest).to(labels.dtype)
    steps = offsets / torch.where(scale == 0, 1.0, scale.double())
    return steps.round().clamp(0, 2**bits - 1).nan_to_num(0.0).long(), scale, zero


class LabelCache(KeyIndex):
    """The heavy channels of every key, quantised per token and KV head; 16 bits: as they are.

    ``channels`` (hkv, r) int64, on the keys' device. Nothing is learned from the keys.
    """

    def __init__(self, channels: Tensor, bits: int) -> None:
        self.channels = channels
        self.bits = bits
        self._codes = GrowingTensor()  # (b, hkv, n, bytes), or labels (b, hkv, n, r) of 16 bits
        self._scales = GrowingTensor()  # (b, hkv, n, 1)
        self._zeros = GrowingTensor()  # (b, hkv, n, 1)

    def fit(self, keys: Tensor) -> None:
        """Cover these first keys."""
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Cover these next keys."""
        labels = read_channels(keys, self.channels)  # (b, hkv, n, r)
        if self.bits == 16:
            self._codes.append(labels)
        else:
            codes, scale, zero = quantise(labels, self.bits)
            self._codes.append(pack(codes, self.bits))
            self._scales.append(scale)
            self._zeros.append(zero)
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        """Cover only the first ``length`` keys."""
        for entries in (self._codes, self._scales, self._zeros):
            entries.truncate(length)
        self.length = min(self.length, length)

    def labels(self, dtype: torch.dtype) -> Tensor:
        """Zero + scale code, (b, hkv, n, r) of this dtype."""
        if self.bits == 16:
            return self._codes.entries.to(dtype)
        codes = unpack(self._codes.entries, self.bits, self.channels.shape[1])
        return torch.addcmul(self._zeros.entries.to(dtype), self._scales.entries.to(dtype), codes.to(dtype))
