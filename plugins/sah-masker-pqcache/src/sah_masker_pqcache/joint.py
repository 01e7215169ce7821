"""Codes of several parts as one number, so that a key is looked up once."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.compiled.available import compiles

__all__ = ["joint_codes", "joint_table", "looked_up", "part_codes", "parts_together"]

MOST = 2**15
"""Joint codes at most: what an int16 holds."""


def parts_together(parts: int, centroids: int, keys: int) -> int:
    """How many of the parts share a joint code: as many as leave no more joint codes than there are keys.

    So a table over joint codes is never larger than the keys that are looked up in it.
    """
    together = 1
    while together < parts and centroids ** (together + 1) <= min(keys, MOST):
        together += 1
    return together


def joint_codes(codes: Tensor, centroids: int, together: int) -> Tensor:
    """Codes (b, hkv, M, n) as one number for every ``together`` parts, (b, hkv, ceil(M / together), n).

    The first part counts the most: c_1 centroids + c_2 for two. Uint8 where that is enough, or else int16.
    """
    joined = []
    for parts in torch.split(codes.long(), together, 2):
        number = parts[:, :, 0]
        for code in parts.unbind(2)[1:]:
            number = number * centroids + code
        joined.append(number)
    return torch.stack(joined, 2).to(torch.uint8 if centroids**together <= 256 else torch.int16)


def part_codes(joined: Tensor, centroids: int, together: int, parts: int) -> Tensor:
    """What `joint_codes` was given, uint8 (b, hkv, M, n)."""
    found: list[Tensor] = []
    for number in joined.long().unbind(2):
        count = min(together, parts - len(found))
        found += [number // centroids**place % centroids for place in reversed(range(count))]
    return torch.stack(found, 2).to(torch.uint8)


def joint_table(tables: Tensor) -> Tensor:
    """Tables (b, hkv, parts, rows, C) of the parts as one, (b, hkv, rows, C^parts): the sums, by joint code."""
    first, *others = tables.unbind(2)
    for table in others:
        first = (first.unsqueeze(-1) + table.unsqueeze(-2)).flatten(-2)
    return first


def looked_up(table: Tensor, codes: Tensor) -> Tensor:
    """What ``table`` (b, hkv, rows, joint codes) holds for keys' ``codes`` (b, hkv, keys): (b, hkv, rows, keys)."""
    if table.dtype == torch.float32 and compiles(table):
        return _by_loop(table, codes)
    return table.gather(-1, codes.long().unsqueeze(2).expand(-1, -1, table.shape[2], -1))


def _by_loop(table: Tensor, codes: Tensor) -> Tensor:
    """`looked_up` by a compiled loop, which reads the codes as they are."""
    from sah_core.compiled.memory import array, flat_memory
    from sah_core.compiled.over_rows import over_rows

    from .loops import look_up

    if codes.stride(2) != 1:
        codes = codes.contiguous()  # an index holds the codes of all keys beside each other as it is
    found = table.new_empty((*table.shape[:3], codes.shape[2]))
    arrays = (array(table.contiguous()), flat_memory(codes), codes.stride()[:2], array(found))
    over_rows(look_up, table[..., 0].numel(), found.numel(), *arrays)
    return found
