"""Codes of vectors: on which side of random hyperplanes they lie."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["BLOCK", "SignHash"]

BLOCK = 512
"""Vectors hashed at once: bounds the d x K L products made on the way."""
SMALLEST = torch.finfo(torch.float64).tiny
"""Below any length that float64 can square: only a zero vector stays one when divided by it."""


class SignHash:
    """The sign codes of vectors x under W = ``projections`` float32 (hkv, d, L, K), one for each KV head:

        bit i of code_l(x) = x . W[:, l, i] > 0

    A product is taken in float32 and, where that leaves its sign in doubt, about once in ten thousand, in float64: so
    a vector has one code, however many are hashed with it and however long it is.
    """

    def __init__(self, projections: Tensor) -> None:
        self.tables, self.bits = projections.shape[2:]
        self._columns = projections.transpose(2, 3).flatten(2)  # (hkv, d, K * L): a bit of all tables beside each other
        longest = float(torch.linalg.vector_norm(projections, dim=1).max())
        # Of a unit vector: its rounding, that of d products and of their sum.
        self._doubt = (projections.shape[1] + 4) * torch.finfo(torch.float32).eps * longest

    @property
    def nbytes(self) -> int:
        """Bytes of the projections."""
        return self._columns.nbytes

    def __call__(self, vectors: Tensor) -> Tensor:
        """The codes, int16 (b, hkv, n, L), of float64 ``vectors`` (b, hkv, n, d); a zero vector's are zero."""
        codes = []
        for block in torch.split(vectors, BLOCK, 2):
            signs = self._signs(block).reshape(*block.shape[:3], self.bits, self.tables).unbind(3)
            code = signs[0].to(torch.int16)
            for bit, sign in enumerate(signs[1:], 1):
                code += sign.to(torch.int16) << bit
            codes.append(code)
        return torch.cat(codes, 2)

    def _signs(self, vectors: Tensor) -> Tensor:
        """Which products are positive, bool (b, hkv, n, K * L)."""
        if vectors.device.type != "cpu" or not _float32_is_float32():
            return torch.gt(vectors @ self._columns.double(), 0)
        lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        unit = vectors / lengths.clamp(min=SMALLEST)
        products = unit.float() @ self._columns
        signs = torch.gt(products, 0)
        doubtful = (products.abs_() <= self._doubt) & (lengths > 0)
        row, head, vector, column = doubtful.nonzero(as_tuple=True)
        exact = (unit[row, head, vector] * self._columns[head, :, column]).sum(-1)
        signs[row, head, vector, column] = exact > 0
        return signs


def _float32_is_float32() -> bool:
    """Whether products of float32 matrices have its precision: torch can be told to take fewer bits."""
    try:
        return torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # told for some backends only
        return False
