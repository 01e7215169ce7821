"""What several files here look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor


@pytest.fixture
def logits(tokens: Any) -> Callable[[Any], Tensor]:
    """Of the last of 12 tokens, after the 11 before it."""
    ids = tokens(12)

    @torch.no_grad()
    def run(model: Any) -> Tensor:
        cache = model(input_ids=ids[:, :11]).past_key_values
        last: Tensor = model(input_ids=ids[:, 11:], past_key_values=cache).logits
        return last

    return run
