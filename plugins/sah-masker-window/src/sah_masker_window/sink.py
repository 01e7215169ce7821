"""The attention sink: the first tokens of the sequence."""

from __future__ import annotations

from torch import Tensor

from sah_core import AttentionInputs, PositionalMasker

from . import SinkConfig

__all__ = ["Sink"]


class Sink(PositionalMasker[SinkConfig]):
    """Keep the first ``size`` tokens, as far as a query sees them (Xiao et al. 2024, arXiv:2309.17453, section 3).

    Left padding does not count as tokens. A sliding window that has moved past them leaves none. Positions stay what
    they are: StreamingLLM's renumbering inside the cache is not part of a mask.
    """

    def spans(self, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        """[first token, first token + size)."""
        first = inputs.first_tokens.reshape(-1, 1, 1)
        if isinstance(self.config.size, int):
            return first, first + self.config.size
        return first, first + inputs.keys_of_size(self.config.size)
