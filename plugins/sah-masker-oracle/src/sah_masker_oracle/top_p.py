"""The best possible top-p: by the exact attention mass."""

from __future__ import annotations

from torch import Tensor

from sah_core import AttentionInputs, KeyIndex, TopPMasker

from . import OracleTopPConfig

__all__ = ["OracleTopP"]


class OracleTopP(TopPMasker[OracleTopPConfig]):
    """Keep the fewest keys, largest first, that hold the share ``mass`` of exact attention.

    What a row needs decides how many keys it gets: few where attention is sharp, many where it is flat.
    """

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """The logits s_j = scaling <q, k_j> + mask_j, one row a query head."""
        return inputs.logits
