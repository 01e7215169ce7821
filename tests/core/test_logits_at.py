"""The logits of a few keys: read once for the heads that share them, and nothing beyond them is converted."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sah_core import AttentionInputs
from sah_core.testing import attention_inputs


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Notes how many elements the largest computed tensor has; views of a given one are not counted."""

    def __init__(self, given: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.given = given.untyped_storage().data_ptr()
        self.elements = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.untyped_storage().data_ptr() != self.given:
            self.elements = max(self.elements, result.numel())
        return result


@given(attention_inputs(dtype=torch.float64), st.data())
def test_a_row_stands_for_the_heads_that_share_it(inputs: AttentionInputs, data: st.DataObject) -> None:
    """Indices of fewer heads give what the same indices give when they are repeated, and what all logits say."""
    b, hq, q, k = inputs.shape
    heads = data.draw(st.sampled_from([n for n in range(inputs.kv_heads, hq + 1, inputs.kv_heads) if hq % n == 0]))
    m, seed = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 99))
    indices = torch.randint(k, (b, heads, q, m), generator=torch.Generator().manual_seed(seed))
    every = indices.repeat_interleave(hq // heads, 1)
    shared = inputs.logits_at(indices)
    assert shared.shape == (b, hq, q, m)
    torch.testing.assert_close(shared, inputs.logits_at(every), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(shared, inputs.logits.gather(-1, every), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_keys_are_converted_after_they_are_read(dtype: torch.dtype) -> None:
    """5 of 1000 keys of a cache that is larger still: no tensor is as large as the keys, and precision is full."""
    random = torch.Generator().manual_seed(0)
    cache = torch.randn(2, 1200, 2, 8, generator=random).to(dtype).transpose(1, 2)
    queries, keys = torch.randn(2, 4, 1, 8, generator=random).to(dtype), cache[:, :, :1000]
    inputs = AttentionInputs(queries, keys, keys)
    indices = torch.randint(1000, (2, 2, 1, 5), generator=random)
    with Largest(cache) as largest:
        logits = inputs.logits_at(indices)
    assert 0 < largest.elements <= 2 * 4 * 5 * 8
    assert logits.dtype == inputs.compute_dtype
    exact = AttentionInputs(queries.double(), keys.double(), keys.double()).logits_at(indices)
    torch.testing.assert_close(logits.double(), exact, rtol=1e-5, atol=1e-5)
