"""Attention over lists of pages: what the lists of their keys give."""

import pytest
import torch
from torch import Tensor

from sah_core import AttentionInputs
from sah_core.attention.gathered import KeySets
from sah_core.kernels.attention import triton_attention
from sah_core.kernels.sets import PageSets


def inputs_of(b: int, k: int, dtype: torch.dtype = torch.float32) -> AttentionInputs:
    """8 query heads on 2 KV heads."""
    random = torch.Generator().manual_seed(0)
    shapes = ((b, 8, 1, 32), (b, 2, k, 32), (b, 2, k, 24))
    queries, keys, values = (torch.randn(shape, generator=random).to(dtype) for shape in shapes)
    return AttentionInputs(queries, keys, values, sinks=torch.linspace(-1, 1, 8))


def key_lists(pages: PageSets, probs: Tensor | None) -> KeySets:
    """The same sets, key by key: a page's keys in order, without those that are not there."""
    b = pages.shape[0]
    shift = torch.zeros(b, dtype=torch.int64) if pages.shift is None else pages.shift
    first = pages.indices * pages.size - shift.repeat_interleave(pages.indices.shape[0] // b).unsqueeze(-1)
    columns = (first.unsqueeze(-1) + torch.arange(pages.size)).flatten(-2)
    valid = (columns >= 0) & (columns < pages.keys)
    if pages.valid is not None:
        valid &= pages.valid.repeat_interleave(pages.size, -1)
    columns = torch.where(valid, columns, 0)
    probs = None if probs is None else probs.repeat_interleave(pages.size, -1)
    return KeySets(pages.shape, pages.heads, pages.rows, columns, valid, probs)


@pytest.mark.parametrize("size", [1, 3, 16, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_pages_are_lists_of_their_keys(size: int, dtype: torch.dtype) -> None:
    """Page sizes that fit a block or not, ragged lists with weights, a last page with fewer keys, shifted pages."""
    inputs = inputs_of(2, 77, dtype)
    random = torch.Generator().manual_seed(1)
    count = -(-77 // size)
    indices = torch.rand((4, count), generator=random).argsort(-1)[:, : min(count, 5)]
    indices[0, 0], indices[2, 0] = count - 1, 0  # the open page, and the one that the shift cuts
    valid = torch.arange(indices.shape[1]) < torch.tensor([5, 1, 2, 5]).unsqueeze(-1)
    probs = torch.rand(indices.shape, generator=random) * 0.9 + 0.1
    shift = torch.tensor([0, size - 1])
    pages = PageSets((2, 8, 1), 2, 1, indices, size, 77, shift, valid, probs)
    torch.testing.assert_close(
        triton_attention(inputs, pages), triton_attention(inputs, key_lists(pages, probs)), rtol=0, atol=1e-5
    )


def test_pages_by_hand() -> None:
    """Equal logits, values 0 .. 9: pages 0 and 2 of 4, of which 2 has two keys, average (0 + 1 + 2 + 3 + 8 + 9) / 6."""
    values = torch.arange(10.0).reshape(1, 1, 10, 1)
    inputs = AttentionInputs(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 10, 1), values)
    pages = PageSets((1, 1, 1), 1, 1, torch.tensor([[0, 2]]), size=4, keys=10)
    assert triton_attention(inputs, pages).item() == pytest.approx(23 / 6)


def test_columns_past_the_keys_are_not_read() -> None:
    """A static cache is longer than its keys: with 9 of the 10 columns, the same pages average 14 / 5."""
    values = torch.arange(10.0).reshape(1, 1, 10, 1)
    values[..., 9, :] = torch.nan
    inputs = AttentionInputs(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 10, 1), values)
    pages = PageSets((1, 1, 1), 1, 1, torch.tensor([[0, 2]]), size=4, keys=9)
    assert triton_attention(inputs, pages).item() == pytest.approx(14 / 5)
