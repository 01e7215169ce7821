"""Signatures: bits of keys, how they are packed, and that nothing depends on the order of arrival."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_core.compiled.available import numba_missing
from sah_masker_hashattention.networks import FEW, phi
from sah_masker_hashattention.signatures import Signatures, pack_bits, signs, unpack_bits
from sah_masker_hashattention.training import Training

pytestmark = pytest.mark.usefixtures("reader")


def network(heads: int, *widths: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """A random one, as training starts from."""
    parameters = Training.start(list(widths), heads, heads, torch.Generator().manual_seed(seed)).parameters
    return [(parameters[f"key.{i}.weight"], parameters[f"key.{i}.bias"]) for i in range(len(widths) - 1)]


@given(st.lists(st.booleans(), min_size=1, max_size=64))
def test_unpacking_undoes_packing(bits: list[bool]) -> None:
    """From 1 to 64 bits, in ceil(bits / 8) bytes."""
    packed = pack_bits(torch.tensor([bits]))
    assert packed.shape == (1, -(-len(bits) // 8))
    assert unpack_bits(packed, len(bits)).tolist() == [bits]


def test_packing_by_hand() -> None:
    """Bits 0, 3 and 8 are the bytes 9 and 1."""
    bits = torch.zeros(10, dtype=torch.bool)
    bits[[0, 3, 8]] = True
    assert pack_bits(bits).tolist() == [9, 1]


def test_a_network_by_hand() -> None:
    """x = (1, -2): first layer x + (0, 1) = (1, -1); silu .7311, -.2689; second layer their sum - 1 = -.5379."""
    first = (torch.eye(2).reshape(1, 2, 2), torch.tensor([[0.0, 1.0]]))
    second = (torch.ones(1, 2, 1), torch.tensor([[-1.0]]))
    x = torch.tensor([1.0, -2.0], dtype=torch.float64).reshape(1, 1, 1, 2)
    assert phi([first], x).flatten().tolist() == [1.0, -1.0]
    assert float(phi([first, second], x)) == pytest.approx(0.731059 - 0.268941 - 1, abs=1e-6)
    assert signs([first], x).flatten().tolist() == [True, False]
    assert signs([first, second], x).flatten().tolist() == [False]


def test_zero_is_not_positive() -> None:
    """phi = 0 gives a 0 bit, so that every bit is one of two."""
    assert not signs([(torch.ones(1, 2, 3), torch.zeros(1, 3))], torch.zeros(1, 1, 1, 2)).any()


def test_each_head_has_its_own_network() -> None:
    """Head 1 sees the negative of what head 0 sees: all its bits are the others."""
    weight = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(0))
    both = [(torch.cat([weight, -weight]), torch.zeros(2, 16))]
    x = torch.ones(1, 1, 3, 4).expand(1, 2, 3, 4)
    bits = signs(both, x)
    assert torch.equal(bits[:, 0], ~bits[:, 1])


@given(
    st.integers(0, 2**16),
    st.sampled_from([1, 8, 11, 32, 64]),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
)
def test_keys_may_come_in_any_portions(seed: int, bits: int, dtype: torch.dtype, portions: list[int]) -> None:
    """fit(A), append(B), append(C) stores the very same bits as fit of all at once."""
    keys = torch.randn(2, 2, sum(portions) + 1, 8, generator=torch.Generator().manual_seed(seed)).to(dtype)
    networks = network(2, 8, 16, bits, seed=seed)
    once, by_portion = Signatures(networks), Signatures(networks)
    once.fit(keys)
    by_portion.fit(keys[:, :, :1])
    for portion in portions:
        by_portion.append(keys[:, :, by_portion.length : by_portion.length + portion])
    assert by_portion.length == once.length == keys.shape[2]
    assert torch.equal(by_portion.bits, once.bits)
    assert by_portion.nbytes == once.nbytes == 2 * 2 * keys.shape[2] * -(-bits // 8)


@given(st.integers(0, 2**16), st.integers(1, 12), st.integers(1, 12))
def test_truncating_forgets(seed: int, length: int, more: int) -> None:
    """truncate(n) and other keys after it: as if the first ones had never been there."""
    random = torch.Generator().manual_seed(seed)
    keys, other = torch.randn(1, 1, length + more, 4, generator=random), torch.randn(1, 1, more, 4, generator=random)
    networks = network(1, 4, 16, 12, seed=seed)
    cut, fresh = Signatures(networks), Signatures(networks)
    cut.fit(keys)
    cut.truncate(length)
    cut.append(other)
    fresh.fit(torch.cat([keys[:, :, :length], other], 2))
    assert cut.length == fresh.length
    assert torch.equal(cut.bits, fresh.bits)
    assert cut.nbytes == fresh.nbytes


@pytest.mark.skipif(numba_missing() is not None, reason="numba is not installed")
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=5),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, FEW + 1),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.integers(0, 2**16),
)
def test_a_loop_computes_what_matrix_products_do(
    widths: list[int], heads: int, b: int, n: int, dtype: torch.dtype, seed: int
) -> None:
    """Any network of float32 or bfloat16: values alike to the rounding of float64, and the same signature."""
    x = torch.randn(b, heads, n, widths[0], generator=torch.Generator().manual_seed(seed)).double() * 3
    saved = [(weight.to(dtype), bias.to(dtype)) for weight, bias in network(heads, *widths, seed=seed)]
    converted = [(weight.double(), bias.double()) for weight, bias in saved]
    torch.testing.assert_close(phi(saved, x), phi(converted, x), rtol=1e-12, atol=1e-14)
    assert torch.equal(signs(saved, x), signs(converted, x))


def test_extreme_values_by_hand() -> None:
    """SiLU of -2000 is 0 and of 2000 is itself; NaN stays NaN, in its vector alone."""
    one = (torch.ones(1, 1, 1), torch.zeros(1, 1))
    x = torch.tensor([-2000.0, 2000.0, torch.nan, 0.0], dtype=torch.float64).reshape(1, 1, 4, 1)
    expected = torch.tensor([0.0, 2000.0, torch.nan, 0.0], dtype=torch.float64)
    assert torch.equal(phi([one, one], x).flatten().nan_to_num(nan=-1.0), expected.nan_to_num(nan=-1.0))
