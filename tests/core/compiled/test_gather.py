"""Compiled reading: products and sums in place, whatever the strides, and in as many threads as torch has."""

import re
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, EmptyRowError, Mask, NumericalError, masked_attention
from sah_core.attention.compiled_rows import FEW, CompiledRows
from sah_core.attention.gathered import gathered_attention
from sah_core.testing import attention_inputs, masks

pytestmark = pytest.mark.usefixtures("loops")

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda keys: keys,
    "slice of a longer cache": lambda keys: torch.cat([keys, keys], 2)[:, :, : keys.shape[2]],
    "heads beside each other": lambda keys: keys.transpose(1, 2).contiguous().transpose(1, 2),
    "beside something else": lambda keys: torch.nn.functional.pad(keys, (3, 2))[..., 3:-2],
    "the same for all heads": lambda keys: keys[:, :1].expand_as(keys),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_places_follow_the_strides(layout: str, dtype: torch.dtype) -> None:
    """Products and sums of whole numbers are exact, from wherever the keys lie."""
    random = torch.Generator().manual_seed(0)
    keys = LAYOUTS[layout](torch.randint(-4, 5, (2, 3, 11, 6), generator=random).to(dtype))
    queries = torch.randint(-4, 5, (12, 2, 6), generator=random).float()  # sets of 2 batch rows, 6 heads, 1 row
    indices = torch.randint(0, 11, (12, 4), generator=random)
    rows = CompiledRows.of(keys, indices, (2, 6, 1))
    head = torch.arange(12)
    wanted = keys[head // 6, head % 6 // 2].float()[head.unsqueeze(1), indices]  # (12, 4, 6)
    assert torch.equal(rows.products(queries), queries @ wanted.mT)
    weights = torch.randint(-4, 5, (12, 2, 4), generator=random).float()
    assert torch.equal(rows.average(weights), weights @ wanted)


@pytest.fixture
def threads() -> Iterator[None]:
    """Two of them, whatever torch had."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_threads_change_nothing() -> None:
    """Sets read by two threads are those read by one, to the last bit."""
    keys, queries = torch.randn(1, 8, 3000, 64), torch.randn(8, 4, 64)
    rows = CompiledRows.of(keys, torch.randint(0, 3000, (8, 2100)), (1, 8, 1))  # 8 * 2100 * 64 numbers: two parts
    by_two = rows.products(queries)
    torch.set_num_threads(1)
    assert torch.equal(rows.products(queries), by_two)


@given(attention_inputs(dtype=torch.float32), st.data())
def test_any_mask_gives_what_the_maths_says(inputs: AttentionInputs, data: st.DataObject) -> None:
    """Masks however stored, with probabilities, over padding, biases, sinks and soft caps; or the same error."""
    mask = data.draw(masks(inputs.shape))
    try:
        expected = masked_attention(inputs, mask)
    except EmptyRowError as refused:
        with pytest.raises(EmptyRowError, match=re.escape(str(refused))):
            gathered_attention(inputs, mask)
        return
    output, path = gathered_attention(inputs, mask)
    assert path == "compiled"
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("members", "path"), [(FEW, "compiled"), (FEW + 1, "gathered")])
def test_many_queries_of_a_key_are_a_matrix_product(members: int, path: str) -> None:
    """What many queries share is gathered for torch."""
    inputs = AttentionInputs(torch.ones(1, 1, members, 4), torch.ones(1, 1, 64, 4), torch.ones(1, 1, 64, 4))
    assert gathered_attention(inputs, Mask.from_indices(inputs.shape, torch.tensor([[[[3]]]])))[1] == path


def broken(value: float) -> tuple[AttentionInputs, Mask]:
    """A call of which one query head reads a key with this number in it, and another does not."""
    keys = torch.ones(1, 2, 5, 4)
    keys[0, 1, 3, 2] = value
    inputs = AttentionInputs(torch.ones(1, 2, 1, 4), keys, torch.ones(1, 2, 5, 4))
    return inputs, Mask.from_indices(inputs.shape, torch.tensor([[[[2, 3]]]]))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf], ids=str)
def test_a_broken_key_is_named(value: float) -> None:
    """Compiled sums keep NaN and infinity what they are, and the row is named."""
    inputs, mask = broken(value)
    with pytest.raises(NumericalError, match="query head 1, query 0: the logit of an attended key is NaN or infinite"):
        gathered_attention(inputs, mask)
