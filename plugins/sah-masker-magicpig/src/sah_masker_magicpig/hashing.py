"""Codes of vectors: on which side of random hyperplanes they lie."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["sign_codes"]

BLOCK = 512
"""Vectors hashed at once: bounds the d x K L products made on the way."""


def sign_codes(vectors: Tensor, projections: Tensor) -> Tensor:
    """The codes, int16 (b, hkv, n, L), of float64 ``vectors`` (b, hkv, n, d) under W = ``projections`` (hkv, d, L, K):

        bit i of code_l(x) = x . W[:, l, i] > 0

    W is float64, so that a vector has one code however many are hashed with it. A zero vector's codes are zero.
    """
    tables, bits = projections.shape[2:]
    place = 2 ** torch.arange(bits, dtype=torch.int16, device=vectors.device)
    codes = []
    for block in torch.split(vectors, BLOCK, 2):
        products = block @ projections.flatten(2)  # (b, hkv, block, L * K)
        signs = products.reshape(*products.shape[:-1], tables, bits) > 0
        codes.append((signs * place).sum(-1, dtype=torch.int16))
    return torch.cat(codes, 2)
