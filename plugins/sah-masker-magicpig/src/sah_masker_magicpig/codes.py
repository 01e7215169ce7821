"""What MagicPIG keeps of the keys: their codes in every hash table."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import GrowingTensor, KeyIndex, NumericalError

from . import MagicPigConfig

__all__ = ["KeyCodes"]

BLOCK = 512
"""Vectors hashed at once: bounds the d x K L products made on the way."""


class KeyCodes(KeyIndex):
    """Sign codes of the keys k less the context's mean mu, in L = ``tables`` tables of K = ``bits`` bits:

        bit i of code_l(x) = x . W[:, l, i] > 0        W ~ N(0, 1), one for each KV head.

    ``projections`` float64 (hkv, d, L, K) is W. ``padding`` (b,) int64: leading columns of each batch row that are no
    tokens, left out of the mean. Products are float64, so that a key has one code however many are hashed with it.
    """

    def __init__(self, config: MagicPigConfig, projections: Tensor, padding: Tensor) -> None:
        self.config = config
        self.projections = projections
        self.padding = padding
        self._codes = GrowingTensor()

    @property
    def codes(self) -> Tensor:
        """The keys' codes, int16 (b, hkv, n, L)."""
        return self._codes.entries

    def fit(self, keys: Tensor) -> None:
        """Learn mu, float64 (b, hkv, 1, d), zero unless ``center``; NumericalError if that would be NaN or infinite."""
        b, hkv, n, d = keys.shape
        self.mean = torch.zeros((b, hkv, 1, d), dtype=torch.float64, device=keys.device)
        if self.config.center:
            tokens = (torch.arange(n, device=keys.device) >= self.padding.unsqueeze(-1)).reshape(b, 1, n, 1)
            total = torch.where(tokens, keys, 0.0).sum(2, keepdim=True, dtype=torch.float64)
            self.mean = total / tokens.sum(2, keepdim=True).clamp(min=1)
        wrong = ~self.mean.isfinite().all(-1).squeeze(-1)
        if bool(wrong.any()):
            row, head = wrong.nonzero()[0].tolist()
            raise NumericalError(f"batch row {row}, KV head {head}: a key of the context is NaN or infinite")
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Hash these keys; mu stays."""
        self._codes.append(self.hash(self.centered(keys)))
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        """Drop the codes of later keys."""
        self._codes.truncate(length)
        self.length = len(self._codes)

    def centered(self, keys: Tensor) -> Tensor:
        """k - mu, float64, of keys (b, hkv, n, d)."""
        return keys.double() - self.mean

    def hash(self, vectors: Tensor) -> Tensor:
        """The codes, int16 (b, hkv, n, L), of float64 vectors (b, hkv, n, d); a zero vector's are zero."""
        place = 2 ** torch.arange(self.config.bits, dtype=torch.int16, device=vectors.device)
        codes = []
        for block in torch.split(vectors, BLOCK, 2):
            products = block @ self.projections.flatten(2)  # (b, hkv, block, L * K)
            bits = products.reshape(*products.shape[:-1], *self.projections.shape[2:]) > 0  # (b, hkv, block, L, K)
            codes.append((bits * place).sum(-1, dtype=torch.int16))
        return torch.cat(codes, 2)
