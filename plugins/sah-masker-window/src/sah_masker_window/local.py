"""The local window: the most recent tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, PositionalMasker

from . import LocalConfig

__all__ = ["Local"]


class Local(PositionalMasker[LocalConfig]):
    """Keep the last ``window`` keys that a query sees up to its own position, its own included.

    Keys that the query cannot see, padding among them, do not count.
    """

    def spans(self, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        """(query - window, query], reaching further back over keys that are not visible."""
        window = self.config.window
        if isinstance(window, int):
            keys = torch.full((1, 1, 1), window, dtype=torch.int64, device=inputs.device)
        else:
            keys = inputs.keys_of_size(window)
        return inputs.start_of_last(keys), inputs.positions.unsqueeze(1) + 1
