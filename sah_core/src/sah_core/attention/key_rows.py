"""Keys or values as one long list of rows, to gather from."""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor

__all__ = ["KeyRows"]


@frozen(eq=False)
class KeyRows:
    """Keys or values (b, hkv, k, d) as the r sets of keys of a mask read them; nothing is copied but what is read.

    Where the strides allow it, and those of slices, caches and projections split into heads do, key j of a set is row
    ``first[set] + j * step`` of one matrix ``rows`` over the tensor's memory: gathering whole rows of a matrix is the
    fastest. Any other layout is gathered through its batch row, head and position, several times slower.
    """

    tensor: Tensor
    rows: Tensor | None
    """(n, d)."""
    first: Tensor
    """int64 (r, 1)."""
    step: int
    dtype: torch.dtype
    """What is read is converted to this."""

    @classmethod
    def of(cls, tensor: Tensor, heads: int, rows: int, dtype: torch.dtype) -> KeyRows:
        """For sets numbered (b, ``heads``, ``rows``), ``heads`` a multiple of the KV heads."""
        b, kv_heads, keys, width = tensor.shape
        regular = tensor.stride(3) == 1 and all(stride % width == 0 for stride in tensor.stride()[:3])
        # Without rows the places are numbered as if the tensor were contiguous.
        strides = tensor.stride()[:3] if regular else (kv_heads * keys * width, keys * width, width)
        batch_step, head_step, step = (stride // width for stride in strides)
        flat = None
        if regular:
            count = (b - 1) * batch_step + (kv_heads - 1) * head_step + (keys - 1) * step + 1
            flat = tensor.as_strided((count, width), (width, 1))
        first = torch.arange(heads, device=tensor.device) // (heads // kv_heads) * head_step
        if b > 1:
            first = first + torch.arange(b, device=tensor.device).unsqueeze(1) * batch_step
        first = first.reshape(-1, 1)
        return cls(tensor, flat, first if rows == 1 else first.repeat_interleave(rows, 0), step, dtype)

    def at(self, start: int, indices: Tensor) -> Tensor:
        """The rows at ``indices`` (n, m) of the sets from ``start`` on, (n, m, d)."""
        places = indices if self.step == 1 else indices * self.step
        places = places + self.first[start : start + indices.shape[0]]
        if self.rows is not None:
            return self.rows.index_select(0, places.reshape(-1)).view(*indices.shape, -1).to(self.dtype)
        _, kv_heads, keys, _ = self.tensor.shape
        head = places // keys
        return self.tensor[head // kv_heads, head % kv_heads, indices].to(self.dtype)
