"""The index of Quest: a box a page, whatever the order in which the keys come."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_masker_quest.pages import PageIndex

PAGE_SIZES = st.integers(1, 5)
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])


def normal_keys(n: int, dtype: torch.dtype = torch.float32, b: int = 2) -> Tensor:
    return torch.randn(b, 2, n, 3, generator=torch.Generator().manual_seed(n)).to(dtype)


def pages_of(*parts: Tensor, page_size: int = 3, padding: tuple[int, ...] = (0, 0)) -> PageIndex:
    index = PageIndex(page_size, torch.tensor(padding))
    index.fit(parts[0])
    for part in parts[1:]:
        index.append(part)
    return index


def same(one: PageIndex, two: PageIndex) -> bool:
    boxes = torch.equal(one.minima, two.minima) and torch.equal(one.maxima, two.maxima)
    return boxes and one.length == two.length and one.nbytes == two.nbytes


@given(st.lists(st.integers(0, 7), min_size=1, max_size=5), PAGE_SIZES, DTYPES, st.integers(0, 9))
def test_any_number_of_keys_at_a_time(steps: list[int], page_size: int, dtype: torch.dtype, pad: int) -> None:
    """fit(A), append(B), append(C) is fit(A and B and C), exactly: nothing is learned."""
    keys = normal_keys(sum(steps), dtype)
    one = pages_of(keys, page_size=page_size, padding=(pad, 0))
    assert same(pages_of(*torch.split(keys, steps, 2), page_size=page_size, padding=(pad, 0)), one)


@given(st.integers(1, 20), PAGE_SIZES, DTYPES)
def test_a_box_is_the_smallest_that_holds_its_keys(n: int, page_size: int, dtype: torch.dtype) -> None:
    """Minima and maxima are those of the page's keys, recomputed page by page; the last page may be short."""
    keys = normal_keys(n, dtype)
    index = pages_of(keys, page_size=page_size)
    pages = torch.split(keys, page_size, 2)
    assert torch.equal(index.minima, torch.stack([page.amin(2) for page in pages], 2))
    assert torch.equal(index.maxima, torch.stack([page.amax(2) for page in pages], 2))
    assert index.minima.dtype == index.maxima.dtype == dtype


@given(st.integers(0, 20), st.integers(0, 20), PAGE_SIZES)
def test_truncate_is_never_having_seen_the_rest(n: int, length: int, page_size: int) -> None:
    """What is left is an index of its first keys: all of them, or as many as fill whole pages."""
    keys = normal_keys(n)
    index = pages_of(keys, page_size=page_size)
    index.truncate(length)
    assert index.length == (n if length >= n else length // page_size * page_size)
    assert same(index, pages_of(keys[:, :, : index.length], page_size=page_size))
    index.append(keys[:, :, index.length :])
    assert same(index, pages_of(keys, page_size=page_size))


@given(st.integers(1, 20), PAGE_SIZES, st.integers(1, 19))
def test_padding_enters_no_page(n: int, page_size: int, pad: int) -> None:
    """Whatever stands in a row's leading padding, the boxes are those of its tokens; other rows keep theirs."""
    keys = normal_keys(n)
    garbage = keys.clone()
    garbage[0, :, :pad] = torch.nan
    padded = pages_of(garbage, page_size=page_size, padding=(pad, 0))
    assert same(padded, pages_of(keys, page_size=page_size, padding=(pad, 0)))
    assert torch.equal(padded.minima[1], pages_of(keys, page_size=page_size).minima[1])
    for page in range(pad // page_size + 1, -(-n // page_size)):
        tokens = keys[0, :, max(pad, page * page_size) : (page + 1) * page_size]
        assert torch.equal(padded.minima[0, :, page], tokens.amin(1))


def test_by_hand() -> None:
    """Pages of two of the keys 3 1 | 2 5 | 4: boxes [1, 3], [2, 5] and [4, 4]; a 7 opens the last to [4, 7]."""
    index = pages_of(torch.tensor([3.0, 1, 2, 5, 4]).reshape(1, 1, 5, 1), page_size=2, padding=(0,))
    assert (index.minima.flatten().tolist(), index.maxima.flatten().tolist()) == ([1, 2, 4], [3, 5, 4])
    index.append(torch.tensor([7.0]).reshape(1, 1, 1, 1))
    assert (index.minima.flatten().tolist(), index.maxima.flatten().tolist()) == ([1, 2, 4], [3, 5, 7])


@pytest.mark.parametrize(("page_size", "bits"), [(16, 256), (64, 64)])
def test_what_it_stores(page_size: int, bits: int) -> None:
    """2 * d * 16 / P bits a key and KV head for keys of 16 bits, and 8 bytes a batch row."""
    keys = torch.zeros(1, 2, 640, 128, dtype=torch.bfloat16)
    index = pages_of(keys, page_size=page_size, padding=(0,))
    assert (index.nbytes - 8) * 8 == bits * 640 * 2
