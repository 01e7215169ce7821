"""The label cache: a few channels of every key, in a few bits each."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core import GrowingTensor, KeyIndex
from sah_core.compiled.available import compiles

from .blocks import keys_at_once, products_in_blocks
from .packing import field_width, fields_of, pack, planes

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

    ``channels`` (hkv, r) int64, on the keys' device. Nothing is learned from the keys. Codes lie channel by channel, so
    that unpacking and multiplying them are operations on long rows.
    """

    saved = ("_codes", "_scales", "_zeros")

    def __init__(self, channels: Tensor, bits: int) -> None:
        self.channels = channels
        self.bits = bits
        self._codes = GrowingTensor()  # (b, hkv * bytes, n), or labels (b, hkv * r, n) of 16 bits
        self._scales = GrowingTensor()  # (b, hkv, n)
        self._zeros = GrowingTensor()  # (b, hkv, n)

    def fit(self, keys: Tensor) -> None:
        """Cover these first keys."""
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Cover these next keys."""
        labels = read_channels(keys.detach(), self.channels)  # (b, hkv, n, r)
        if self.bits < 16:
            codes, scale, zero = quantise(labels, self.bits)
            labels = pack(codes, self.bits)
            self._scales.append(scale.squeeze(-1))
            self._zeros.append(zero.squeeze(-1))
        self._codes.append(labels.transpose(2, 3).flatten(1, 2))
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        """Cover only the first ``length`` keys."""
        for entries in (self._codes, self._scales, self._zeros):
            entries.truncate(length)
        self.length = min(self.length, length)

    def products(self, queries: Tensor) -> Tensor:
        """Inner products (b, hkv, rows, n), in the dtype of ``queries`` (b, hkv, rows, r), with the labels of all keys.

        sum over c of q_c (zero + scale code_c) = zero sum q + scale sum over c of q_c code_c, some keys after others:
        what is unpacked of them stays in cache until it is multiplied.
        """
        if self.bits < 16 and compiles(queries, self._scales.entries):
            from .loops import packed_products

            entries = (self._codes.entries, self._scales.entries, self._zeros.entries)
            return packed_products(queries, *entries, field_width(self.bits))
        b, hkv, rows, r = queries.shape
        stored = torch.unflatten(self._codes.entries, 1, (hkv, -1))  # (b, hkv, bytes or r, n)
        if self.bits == 16:
            return products_in_blocks(queries, stored)
        products = queries.new_empty((b, hkv, rows, self.length))
        fields = fields_of(self.bits)
        ordered = pad(queries, (0, -r % fields)).reshape(b, hkv, rows, -1, fields).mT.flatten(-2)  # plane after plane
        sums = queries.sum(-1, keepdim=True)
        at_once = keys_at_once((b, hkv, ordered.shape[-1]))
        unpacked = queries.new_empty((b, hkv, ordered.shape[-1], min(at_once, self.length)))
        stretches = (stored, self._scales.entries, self._zeros.entries, products)
        for packed, scale, zero, out in zip(*(torch.split(all_of, at_once, -1) for all_of in stretches), strict=True):
            codes = unpacked[..., : packed.shape[-1]]
            for place, plane in zip(torch.split(codes, stored.shape[2], 2), planes(packed, self.bits), strict=True):
                place.copy_(plane)
            torch.mul(ordered @ codes, scale.unsqueeze(2), out=out)
            out.addcmul_(sums, zero.unsqueeze(2))
        return products
