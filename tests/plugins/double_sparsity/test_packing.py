"""Small whole numbers in few bytes, and labels in small whole numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_masker_double_sparsity.labels import quantise
from sah_masker_double_sparsity.packing import pack, planes

BYTES_OF_20 = {1: 3, 2: 5, 3: 10, 4: 10, 5: 20, 8: 20, 9: 40, 15: 40}


@given(st.data(), st.integers(1, 15), st.integers(1, 20))
def test_unpacking_undoes_packing(data: st.DataObject, bits: int, n: int) -> None:
    """Whatever the numbers, their bits and how many there are."""
    numbers = st.lists(st.integers(0, 2**bits - 1), min_size=n, max_size=n)
    codes = torch.tensor(data.draw(st.lists(numbers, min_size=1, max_size=3)))
    found = torch.stack(planes(pack(codes, bits), bits), -1).flatten(-2)
    assert torch.equal(found[:, :n].long(), codes)
    assert not found[:, n:].any()


@pytest.mark.parametrize(("bits", "expected"), BYTES_OF_20.items())
def test_bytes_of_twenty_numbers(bits: int, expected: int) -> None:
    """Eight, four, two or one to a byte; two bytes each from nine bits on."""
    assert pack(torch.zeros(20, dtype=torch.int64), bits).nbytes == expected


def test_packing_by_hand() -> None:
    """4-bit 1, 2, 3 are the bytes 0x21 and 0x03; their first fields are 1 and 3, their second 2 and none."""
    packed = pack(torch.tensor([1, 2, 3]), 4)
    assert packed.tolist() == [0x21, 0x03]
    assert [plane.tolist() for plane in planes(packed, 4)] == [[1, 3], [2, 0]]


@given(
    st.integers(1, 15),
    st.sampled_from([torch.bfloat16, torch.float16, torch.float32, torch.float64]),
    st.integers(1, 9),
    st.sampled_from([1e-3, 1.0, 100.0]),
    st.sampled_from([0.0, 50.0]),
    st.integers(0, 2**16),
)
def test_a_label_is_off_by_half_a_step_at_most(
    bits: int, dtype: torch.dtype, r: int, spread: float, shift: float, seed: int
) -> None:
    """|zero + scale code - x| <= range / (2 L) (1 + 2 eps), eps of the keys' dtype, the least label exactly."""
    values = torch.randn(7, r, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x = (values * spread + shift).to(dtype)
    codes, scale, zero = quantise(x, bits)
    assert scale.dtype == zero.dtype == dtype
    assert 0 <= int(codes.min()) <= int(codes.max()) < 2**bits
    exact, width = x.double(), (x.double().amax(-1) - x.double().amin(-1)).unsqueeze(-1)
    error = (zero.double() + scale.double() * codes - exact).abs()
    # A float16 scale under 2^-14 is a multiple of 2^-24: it may fall short by half of that, L times over.
    subnormal = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps * (2**bits - 1) / 2
    bound = width / (2 * (2**bits - 1)) * (1 + 2 * torch.finfo(dtype).eps) + subnormal
    assert bool((error <= bound + 1e-15).all())
    assert torch.equal(zero, x.amin(-1, keepdim=True))


def test_quantisation_by_hand() -> None:
    """0, 1, 2.4, 3 in two bits: L = 3, scale 1, codes 0 1 2 3; equal labels have scale 0 and code 0."""
    codes, scale, zero = quantise(torch.tensor([[0.0, 1.0, 2.4, 3.0], [5.0, 5.0, 5.0, 5.0]], dtype=torch.float64), 2)
    assert codes.tolist() == [[0, 1, 2, 3], [0, 0, 0, 0]]
    assert scale.flatten().tolist() == pytest.approx([1.0, 0.0])
    assert zero.flatten().tolist() == [0.0, 5.0]
