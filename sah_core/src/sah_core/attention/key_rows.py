"""Keys or values as one long list of rows, to gather from."""

from __future__ import annotations

from math import gcd

import torch
from attrs import frozen
from torch import Tensor

__all__ = ["KeyRows", "lies_in_rows", "set_starts"]

KEYS_AT_ONCE = 4096
"""Keys gathered before they are used: with 128 channels in float32, the 2 MiB that a core keeps at hand."""


def lies_in_rows(tensor: Tensor) -> bool:
    """Whether the channels of each key or value (b, hkv, k, d) lie beside each other in memory."""
    return tensor.stride(3) == 1 or tensor.shape[3] == 1


@frozen(eq=False)
class KeyRows:
    """Keys or values (b, hkv, k, d) as the r sets of m keys of a mask read them; nothing is copied but what is read.

    Where the channels of a key lie beside each other, as in slices, caches and projections split into heads, the
    tensor's memory is one matrix ``rows`` (n, d), whose rows may overlap, of which set i reads the rows ``places[i]``:
    gathering whole rows of a matrix is the fastest. Any other layout is gathered through batch row, head and position,
    several times slower.
    """

    tensor: Tensor
    rows: Tensor | None
    places: Tensor
    """int64 (r, m)."""
    dtype: torch.dtype
    """What is read is converted to this."""
    _room: dict[torch.dtype, Tensor] | None
    """Memory that is written to again for every block; None where a gradient needs what was read."""

    @classmethod
    def of(
        cls, tensor: Tensor, indices: Tensor, sets: tuple[int, int, int], dtype: torch.dtype, *, reuse: bool = True
    ) -> KeyRows:
        """For sets numbered (b, heads, rows), heads a multiple of the KV heads; ``indices`` (r, m).

        ``reuse``: what was read may be overwritten by what is read next, which no gradient survives.
        """
        b, kv_heads, keys, width = tensor.shape
        flat = None
        if lies_in_rows(tensor):
            unit = gcd(*tensor.stride()[:3]) or width
            batch_step, head_step, step = (stride // unit for stride in tensor.stride()[:3])
            count = (b - 1) * batch_step + (kv_heads - 1) * head_step + (keys - 1) * step + 1
            flat = tensor.as_strided((count, width), (unit, 1))
        else:  # the places are numbered as if the tensor were contiguous
            batch_step, head_step, step = kv_heads * keys, keys, 1
        first = set_starts(tensor, sets, batch_step, head_step)
        return cls(tensor, flat, (indices if step == 1 else indices * step) + first, dtype, {} if reuse else None)

    def beside(self, tensor: Tensor, indices: Tensor, sets: tuple[int, int, int]) -> KeyRows:
        """The same sets of another tensor, the values beside these keys."""
        if self.rows is None or tensor.stride() != self.tensor.stride() or tensor.shape != self.tensor.shape:
            return KeyRows.of(tensor, indices, sets, self.dtype, reuse=self._room is not None)
        flat = tensor.as_strided(self.rows.shape, self.rows.stride())
        return KeyRows(tensor, flat, self.places, self.dtype, self._room)

    def products(self, queries: Tensor) -> Tensor:
        """Inner products (r, n, m) of queries (r, n, d) in ``dtype`` with the keys that their set reads."""
        products = []
        for sets in self._blocks():
            parts = [queries[sets] @ self.at(sets, span).mT for span in self._spans()]
            products.append(parts[0] if len(parts) == 1 else torch.cat(parts, -1))
        return products[0] if len(products) == 1 else torch.cat(products)

    def average(self, weights: Tensor) -> Tensor:
        """The sums (r, n, d) of the values read, under weights (r, n, m)."""
        outputs = []
        for sets in self._blocks():
            parts = [weights[sets, :, span] @ self.at(sets, span) for span in self._spans()]
            outputs.append(parts[0] if len(parts) == 1 else torch.stack(parts).sum(0))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def at(self, sets: slice, keys: slice) -> Tensor:
        """What these sets read at these of their m places, (sets, keys, d); the next call may write to it."""
        places = self.places[sets, keys]
        if self.rows is None:
            _, kv_heads, length, _ = self.tensor.shape
            head = places // length
            return self.tensor[head // kv_heads, head % kv_heads, places % length].to(self.dtype)
        shape = (*places.shape, self.rows.shape[1])
        if self._room is None:
            return self.rows.index_select(0, places.reshape(-1)).view(shape).to(self.dtype)
        # Fresh memory for every block costs more than filling it.
        read = _space(self._room, self.rows, places.numel(), self.rows.dtype)
        torch.index_select(self.rows, 0, places.reshape(-1), out=read)
        if self.rows.dtype != self.dtype:
            read = _space(self._room, self.rows, places.numel(), self.dtype).copy_(read)
        return read.view(shape)

    def _blocks(self) -> list[slice]:
        """The sets that are gathered together."""
        sets, width = self.places.shape
        step = max(1, KEYS_AT_ONCE // max(width, 1))
        return [slice(first, first + step) for first in range(0, sets, step)]

    def _spans(self) -> list[slice]:
        """The keys of a set that are gathered together."""
        width = self.places.shape[1]
        return [slice(first, first + KEYS_AT_ONCE) for first in range(0, max(width, 1), KEYS_AT_ONCE)]


def set_starts(tensor: Tensor, sets: tuple[int, int, int], batch_step: int, head_step: int) -> Tensor:
    """Where the keys (b, hkv, k, d) of sets (b, heads, rows) begin, in units of these steps: int64 (r, 1)."""
    b, heads, rows = sets
    kv_heads = tensor.shape[1]
    starts = [batch * batch_step + head * kv_heads // heads * head_step for batch in range(b) for head in range(heads)]
    first = torch.tensor(starts, device=tensor.device).unsqueeze(-1)
    return first.repeat_interleave(rows, 0) if rows > 1 else first


def _space(room: dict[torch.dtype, Tensor], rows: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """Room for so many rows of this dtype, taken once."""
    held = room.get(dtype)
    if held is None or held.shape[0] < count:
        held = room[dtype] = torch.empty((count, rows.shape[1]), dtype=dtype, device=rows.device)
    return held[:count]
