"""In how many bits signatures agree: counted by a compiled loop, or else looked up by bytes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core.compiled.available import compiles

__all__ = ["agreement"]


def agreement(bits: Tensor, packed: Tensor) -> Tensor:
    """The sums over heads and bits of sign sign, +1 where two bits agree and -1 where not; float32 (b, hkv, rows, n).

    ``bits`` bool (b, hkv, rows, heads, B): the signatures of each row's heads; ``packed`` (b, hkv, bytes, n): the keys'
    signatures, as `pack_bits` packs them. The sums are exact, whatever the order.
    """
    if packed.device.type == "cpu" and compiles():
        return _by_loop(bits, packed)
    return _looked_up(bits.sum(3), bits.shape[3], packed)


def _by_loop(bits: Tensor, packed: Tensor) -> Tensor:
    """`agreement` by a compiled loop."""
    from sah_core.compiled.memory import array, flat_memory
    from sah_core.compiled.over_rows import over_rows

    from .loops import agreements

    if packed.stride(3) != 1:
        packed = packed.contiguous()  # an index holds the bytes of all keys beside each other as it is
    scores = torch.empty((*bits.shape[:3], packed.shape[3]), dtype=torch.float32, device=packed.device)
    arrays = (array(bits.contiguous()), flat_memory(packed), packed.stride()[:3], array(scores))
    over_rows(agreements, bits[..., 0, 0].numel(), scores.numel() * bits.shape[3], *arrays)
    return scores


def _looked_up(ones: Tensor, heads: int, packed: Tensor) -> Tensor:
    """`agreement` by tables; ``ones`` (b, hkv, rows, B): how many of a row's ``heads`` signatures have a 1 at each bit.

    A row has a table a byte, of how many bits each of the 256 bytes agrees in. Several rows' tables lie side by side in
    the bits of one int32 table, so that one look-up serves them all.
    """
    b, hkv, rows, bits = ones.shape
    most = bits * heads
    width = 32 if rows == 1 or most >= 2**16 else 16 if most >= 2**8 else 8
    tables = _side_by_side(_tables(ones, heads), width)  # (b, hkv, words, bytes, 256)
    n, step = packed.shape[3], 32 // width
    scores = torch.empty((b, hkv, rows, n), dtype=torch.float32, device=packed.device)
    # One KV head at a time, in memory that is taken once: it stays in cache.
    codes = torch.empty(packed.shape[2:], dtype=torch.int64, device=packed.device)
    found = torch.empty(packed.shape[2:], dtype=torch.int32, device=packed.device)
    fewest = torch.tensor(-float(most), device=packed.device)
    for table, keys, out in zip(tables.flatten(0, 1), packed.flatten(0, 1), scores.flatten(0, 1), strict=True):
        codes.copy_(keys)
        for word, of_word in zip(table, out.split(step), strict=True):
            torch.gather(word, -1, codes, out=found)
            sums = torch.sum(found, 0, dtype=torch.int32)
            for place, row in enumerate(of_word):
                count = sums if step == 1 else torch.bitwise_and(sums >> place * width, 2**width - 1)
                torch.add(fewest, count, alpha=2, out=row)
    return scores


def _tables(ones: Tensor, heads: int) -> Tensor:
    """How many bits of the rows agree with each byte, int32 (b, hkv, rows, bytes, 256); bits past B do not count."""
    unused = -ones.shape[-1] % 8
    places = torch.arange(8, device=ones.device)
    byte = (torch.arange(256, device=ones.device).unsqueeze(-1) >> places & 1).float()  # (256, 8)
    zeros = heads - ones.float()
    ones, zeros = (torch.unflatten(pad(count, (0, unused)), -1, (-1, 8)) for count in (ones.float(), zeros))
    return (ones @ byte.mT + zeros @ (1 - byte).mT).to(torch.int32)


def _side_by_side(tables: Tensor, width: int) -> Tensor:
    """Tables (b, hkv, rows, bytes, 256) of numbers below 2 ** width, 32 / width rows to an int32."""
    step = 32 // width
    words = torch.unflatten(pad(tables, (0, 0, 0, 0, 0, -tables.shape[2] % step)), 2, (-1, step))
    places = torch.arange(0, 32, width, dtype=torch.int32, device=tables.device).reshape(-1, 1, 1)
    return (words << places).sum(3, dtype=torch.int32)
