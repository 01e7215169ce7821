"""What PQCache keeps of the keys: a codebook learned from the context, and every key's codes."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import GrowingTensor, KeyIndex, NumericalError
from sah_core.mask import IndexRows
from sah_core.randomness import generator

from . import PQCacheConfig
from .joint import joint_codes, part_codes, parts_together
from .k_means import k_means, nearest

__all__ = ["Codebook"]

BLOCK = 4096
"""Keys that are coded at once: bounds the float64 copies and distances made on the way."""


class Codebook(KeyIndex):
    """A product quantiser per KV head: M = ``subvectors`` parts a key, and for each the nearest of C centroids.

    The C = min(2 ** bits, n) centroids are learned from the n keys of the context, each part by itself; they start at
    C random keys, at the same positions for every KV head and part, drawn by ``name``. ``padding`` (b,) int64: the
    leading columns of each batch row that are no tokens, left out of the fit.

    For the metric "inner_product" a part x is clustered as [x, sqrt(phi - |x|^2)], phi the largest |x|^2 of the part in
    the context: on that sphere the nearest point is the one of largest inner product. Appended parts beyond phi have 0.

    Codes are stored joined (`joint`), as many parts to a number as the context has keys for: scores of all joint codes
    are then few beside scores of all keys. Where one number holds all parts, it is counted how many keys have it.
    """

    saved = ("_centroids", "_phi", "together", "_codes", "_counts")

    def __init__(self, config: PQCacheConfig, padding: Tensor, name: tuple[int | str, ...]) -> None:
        self.config = config
        self.padding = padding
        self.name = name
        self._codes = GrowingTensor()  # (b, hkv * numbers, n)
        self._counts: Tensor | None = None  # int32 (b, hkv, C^M)

    @property
    def centroids(self) -> Tensor:
        """The centroids, in the keys' dtype (b, hkv, M, C, d / M); a row with fewer keys than C repeats its own."""
        return self._centroids[..., :-1] if self.config.metric == "inner_product" else self._centroids

    @property
    def joint_codes(self) -> Tensor:
        """The codes of all keys as they are stored, uint8 or int16 (b, hkv, ceil(M / together), n)."""
        return torch.unflatten(self._codes.entries, 1, (self._centroids.shape[1], -1))

    @property
    def codes(self) -> Tensor:
        """Which centroid stands for each part of each key, uint8 (b, hkv, n, M)."""
        m, c = self._centroids.shape[2:4]
        return part_codes(self.joint_codes, c, self.together, m).transpose(2, 3)

    def open_counts(self, closed: IndexRows) -> Tensor | None:
        """How many keys outside the ``closed`` ones have each joint code, int32 (b, hkv, 1 or q, C^M).

        ``closed``: stored rows for (b, a divisor of hkv, 1 or q). None where joint codes do not hold all parts.
        """
        if self._counts is None or self.length == 0:
            return None
        counts = self._counts.unsqueeze(2)
        if closed.indices.shape[-1] == 0:
            return counts
        b, hkv, _, codes = counts.shape
        rows = closed.expand((b, hkv, closed.rows[2])).indices  # (b, hkv, 1 | q, m)
        held = self._codes.entries.gather(-1, rows.clamp(max=self.length - 1).flatten(2)).view(rows.shape)
        taken = (rows < self.length).to(counts.dtype)
        return counts.expand(b, hkv, rows.shape[2], codes).scatter_add(-1, held.long(), -taken)

    def fit(self, keys: Tensor) -> None:
        """Learn the centroids and code these keys; NumericalError where a token's key holds NaN or infinity."""
        b, hkv, n, d = keys.shape
        m, c = self.config.subvectors, min(2**self.config.bits, max(n, 1))
        inner = self.config.metric == "inner_product"
        self._phi = torch.zeros((b, hkv, m, 1), dtype=torch.float64, device=keys.device)
        self._centroids = keys.new_zeros((b, hkv, m, c, d // m + inner))
        for row, start in enumerate(self.padding.clamp(max=n).tolist()):
            if start == n:
                continue  # nothing but padding: one centroid, 0
            order = torch.randperm(n - start, generator=generator(*self.name), device="cpu")
            first = order[torch.arange(c, device="cpu") % (n - start)].to(keys.device)
            for head in range(hkv):
                parts = self._parts(keys[row, head, start:])  # (M, n - start, w)
                if not bool(parts.isfinite().all()):
                    raise NumericalError(f"batch row {row}, KV head {head}: a key of the context is NaN or infinite")
                self._phi[row, head] = parts.square().sum(-1).amax(-1, keepdim=True)
                points = self._points(parts, self._phi[row, head])
                self._centroids[row, head] = k_means(points, points[:, first], self.config.iterations)
        self.together = parts_together(m, c, n)
        if self.together == m:
            self._counts = torch.zeros((b, hkv, c**m), dtype=torch.int32, device=keys.device)
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Give each part of these keys its nearest centroid; the centroids stay."""
        for block in torch.split(keys, BLOCK, 2):
            points = self._points(self._parts(block), self._phi)  # (b, hkv, M, block, w)
            codes = nearest(points, self._centroids)  # (b, hkv, M, block)
            joined = joint_codes(codes, self._centroids.shape[3], self.together).flatten(1, 2)
            self._codes.append(joined)
            self._count(joined, 1)
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        """Drop the codes of later keys."""
        self._count(self._codes.entries[..., length:], -1)
        self._codes.truncate(length)
        self.length = len(self._codes)

    def _count(self, joined: Tensor, times: int) -> None:
        """Count these codes (b, hkv, n) in, or out."""
        if self._counts is not None:
            each = torch.full((1, 1, 1), times, dtype=torch.int32, device=joined.device)
            self._counts.scatter_add_(-1, joined.long(), each.expand(joined.shape))

    def _parts(self, keys: Tensor) -> Tensor:
        """Keys (..., n, d) cut into float64 (..., M, n, d / M)."""
        m = self.config.subvectors
        return keys.detach().double().reshape(*keys.shape[:-1], m, keys.shape[-1] // m).transpose(-3, -2)

    def _points(self, parts: Tensor, phi: Tensor) -> Tensor:
        """What is clustered of parts (..., M, n, d / M), with phi (..., M, 1)."""
        if self.config.metric == "euclidean":
            return parts
        rest = (phi - parts.square().sum(-1)).clamp(min=0).sqrt()
        return torch.cat([parts, rest.unsqueeze(-1)], -1)
