"""Products with labels and keys by compiled loops: those of torch, wherever a key stands."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_masker_double_sparsity.blocks import products_in_blocks
from sah_masker_double_sparsity.labels import LabelCache, quantise, read_channels

pytestmark = pytest.mark.usefixtures("loops")

DTYPES = st.sampled_from([torch.float32, torch.bfloat16])
ROUNDING = 1e-6
"""Of a sum in float32, in parts of the sum of its terms' sizes."""


def cached(keys: Tensor, channels: Tensor, bits: int) -> LabelCache:
    """A label cache of these keys, which came three at a time."""
    cache = LabelCache(channels, bits)
    for part in torch.split(keys, 3, 2):
        cache.append(part)
    return cache


def by_torch(cache: LabelCache, queries: Tensor) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAH_COMPILED", "0")
        return cache.products(queries)


@given(st.integers(1, 15), st.integers(1, 19), st.integers(1, 9), st.integers(1, 5), DTYPES, st.integers(0, 2**16))
def test_products_are_those_of_torch(bits: int, r: int, n: int, rows: int, dtype: torch.dtype, seed: int) -> None:
    """To the rounding of float32, for any number of bits and of channels, whether or not they fill the last byte."""
    random = torch.Generator().manual_seed(seed)
    keys = (torch.randn(2, 2, n, 19, generator=random) + 3).to(dtype)
    channels = torch.stack([torch.randperm(19, generator=random)[:r] for _ in range(2)])
    cache, queries = cached(keys, channels, bits), torch.randn(2, 2, rows, r, generator=random)
    codes, scale, zero = quantise(read_channels(keys, channels), bits)
    sizes = queries.double().abs() @ (zero.double().abs() + scale.double() * codes).mT
    found, expected = cache.products(queries), by_torch(cache, queries.double())
    assert found.dtype == torch.float32
    assert bool(((found - expected).abs() <= ROUNDING * sizes).all())


@given(st.booleans(), st.integers(1, 40), st.integers(1, 30), st.integers(1, 5), DTYPES, st.integers(0, 2**16))
def test_products_with_channels_as_they_are(
    by_key: bool, c: int, n: int, rows: int, dtype: torch.dtype, seed: int
) -> None:
    """To the rounding of float32, whether a key's numbers lie beside each other or a channel's do, within others."""
    random = torch.Generator().manual_seed(seed)
    held = torch.randn(2, 3, n + 2, c + 2, generator=random).to(dtype)[:, 1:, 1:-1, 1:-1]
    channels = held.mT if by_key else held.mT.contiguous()
    queries = torch.randn(2, 2, rows, c, generator=random)
    found = products_in_blocks(queries, channels)
    assert found.dtype == torch.float32
    room = ROUNDING * queries.double().abs() @ channels.double().abs()
    assert bool(((found - queries.double() @ channels.double()).abs() <= room).all())
    assert torch.equal(products_in_blocks(queries[1:, :, -1:], channels[1:]), found[1:, :, -1:])


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 15, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_equal_keys_have_equal_products(bits: int, dtype: torch.dtype) -> None:
    """To the last bit, at the beginning, in the middle and at the end, with queries beside it or alone."""
    random = torch.Generator().manual_seed(bits)
    keys = torch.randn(1, 2, 1, 16, generator=random).to(dtype).expand(1, 2, 4999, 16)
    cache = LabelCache(torch.arange(13).expand(2, 13), bits)
    cache.fit(keys)
    queries = torch.randn(1, 2, 5, 13, generator=random)
    for products_of in (cache.products, lambda rows: products_in_blocks(rows, keys[..., :13].mT)):
        products = products_of(queries)
        assert torch.equal(products, products[..., :1].expand_as(products))
        assert torch.equal(products_of(queries[:, :, 3:4]), products[:, :, 3:4])


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
def test_every_key_is_multiplied_once(bits: int) -> None:
    """Of more keys than are read at once; labels and queries are whole numbers, so that products are exact."""
    random = torch.Generator().manual_seed(bits)
    keys = torch.randint(0, 2**bits, (1, 2, 4999, 6), generator=random).float()
    keys[..., 0], keys[..., 1] = 0, 2**bits - 1  # so that the scale is 1, but for the step that it is rounded up by
    cache = LabelCache(torch.arange(6).expand(2, 6), bits)
    cache.fit(keys)
    queries = torch.randint(-3, 4, (1, 2, 3, 6), generator=random).float()
    torch.testing.assert_close(cache.products(queries), queries @ keys.mT, rtol=1e-6, atol=1e-5 * 2**bits)


def test_products_by_hand() -> None:
    """Labels 0, 3, 15 in 4 bits are the bytes 0x30 and 0x0f, of scale 1 and zero 0: 0 + 2 * 3 + 4 * 15 = 66."""
    cache = LabelCache(torch.tensor([[2, 0, 1]]), 4)
    cache.fit(torch.tensor([3.0, 15.0, 0.0]).reshape(1, 1, 1, 3))
    assert cache.products(torch.tensor([1.0, 2.0, 4.0]).reshape(1, 1, 1, 3)).item() == pytest.approx(66, rel=1e-6)


def test_a_nan_spoils_its_own_key_alone() -> None:
    """Keys 1, NaN and 2 of one channel: products 1, NaN and 2."""
    cache = LabelCache(torch.tensor([[0]]), 4)
    cache.fit(torch.tensor([1.0, torch.nan, 2.0]).reshape(1, 1, 3, 1))
    products = cache.products(torch.ones(1, 1, 1, 1)).flatten()
    assert products[1].isnan()
    assert products[[0, 2]].tolist() == [1.0, 2.0]
