"""The codes of the keys: by hand, as keys come and go, and behind padding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import NumericalError
from sah_masker_magicpig import MagicPigConfig
from sah_masker_magicpig.codes import KeyCodes


def some_keys(n: int, seed: int) -> Tensor:
    """Keys that are multiples of 1 / 8, so that many are equal and sums are exact."""
    return (torch.randn(1, 2, n, 4, generator=torch.Generator().manual_seed(seed)) * 8).round() / 8


def fitted(keys: Tensor, *pieces: Tensor, pads: int = 0, center: bool = True) -> KeyCodes:
    """An index of 12 tables of 3 bits, for two KV heads of dimension 4; always under the same projections."""
    projections = torch.randn(2, 4, 12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    codes = KeyCodes(MagicPigConfig(tables=12, bits=3, center=center), projections, torch.tensor([pads]))
    codes.fit(keys)
    for piece in pieces:
        codes.append(piece)
    return codes


@given(
    st.integers(1, 30),
    st.integers(0, 20),
    st.integers(1, 20),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from([torch.bfloat16, torch.float32, torch.float64]),
)
def test_keys_in_pieces_are_keys_at_once(
    context: int, more: int, rest: int, seed: int, center: bool, dtype: torch.dtype
) -> None:
    """fit(A), append(B), append(C) has the codes of fit(A), append(B and C); truncated, it never saw the rest."""
    keys = torch.randn(1, 2, context + more + rest, 4, generator=torch.Generator().manual_seed(seed)).to(dtype)
    a, b, c = torch.split(keys, [context, more, rest], 2)
    pieces, at_once = fitted(a, b, c, center=center), fitted(a, torch.cat([b, c], 2), center=center)
    one_by_one = fitted(a, *torch.split(torch.cat([b, c], 2), 1, 2), center=center)
    for other in (at_once, one_by_one):
        assert torch.equal(pieces.codes, other.codes)
        assert torch.equal(pieces.mean, other.mean)
        assert pieces.length == other.length == keys.shape[2]
    pieces.truncate(context + more)
    assert torch.equal(pieces.codes, fitted(a, b, center=center).codes)
    assert pieces.length == context + more


@given(st.integers(1, 30), st.integers(1, 20), st.integers(0, 99))
def test_a_question_never_changes_the_context(context: int, more: int, seed: int) -> None:
    """Keys a hundred times larger, appended, change neither the mean nor a code that was there."""
    keys = some_keys(context, seed)
    before, after = fitted(keys), fitted(keys, 100 * some_keys(more, seed + 1))
    assert torch.equal(before.mean, after.mean)
    assert torch.equal(before.codes, after.codes[:, :, :context])


@given(st.integers(1, 20), st.integers(1, 5), st.sampled_from([0.0, torch.nan, torch.inf, 1e30]), st.integers(0, 99))
def test_padding_does_not_enter_the_mean(context: int, pads: int, fill: float, seed: int) -> None:
    """Behind padding of anything, tokens have the codes they have without."""
    keys = some_keys(context, seed)
    alone = fitted(keys)
    padded = fitted(torch.cat([torch.full((1, 2, pads, 4), fill), keys], 2), pads=pads)
    assert torch.equal(alone.mean, padded.mean)
    assert torch.equal(alone.codes, padded.codes[:, :, pads:])


def test_a_row_of_padding_alone_has_mean_zero() -> None:
    """A context shorter than the padding has no token to learn from."""
    assert bool((fitted(some_keys(3, 0), pads=5).mean == 0).all())


@given(st.integers(0, 99), st.sampled_from([3.0, 0.25, 1e20]))
def test_a_code_is_of_the_direction(seed: int, factor: float) -> None:
    """Scaled keys have the same codes, opposite ones the complement in every bit."""
    keys = torch.randn(1, 2, 9, 4, generator=torch.Generator().manual_seed(seed))
    codes = fitted(keys, center=False).codes
    assert torch.equal(codes, fitted(keys * factor, center=False).codes)
    assert torch.equal(codes, 7 - fitted(-keys, center=False).codes)


def test_codes_by_hand() -> None:
    """Mean (2, 1); less it, (1, 2) and (-1, -2). Table 0 has the bits x1, x2; table 1 has -x1, x1 - x2."""
    projections = torch.tensor([[[1.0, 0.0], [-1.0, 1.0]], [[0.0, 1.0], [0.0, -1.0]]], dtype=torch.float64)
    codes = KeyCodes(MagicPigConfig(tables=2, bits=2), projections.unsqueeze(0), torch.zeros(1, dtype=torch.int64))
    codes.fit(torch.tensor([[3.0, 3.0], [1.0, -1.0]]).reshape(1, 1, 2, 2))
    assert codes.mean.flatten().tolist() == [2, 1]
    assert codes.codes[0, 0].tolist() == [[0b11, 0b00], [0b00, 0b11]]
    codes.append(torch.tensor([[2.0, 1.0], [4.0, 0.0]]).reshape(1, 1, 2, 2))  # zero, and (2, -1)
    assert codes.codes[0, 0, 2:].tolist() == [[0b00, 0b00], [0b01, 0b10]]


def test_the_longest_code_is_positive() -> None:
    """Fifteen bits of one fit an int16."""
    codes = KeyCodes(
        MagicPigConfig(tables=2, bits=15, center=False),
        torch.ones(1, 1, 2, 15, dtype=torch.float64),
        torch.zeros(1, dtype=torch.int64),
    )
    codes.fit(torch.ones(1, 1, 1, 1))
    assert codes.codes.dtype == torch.int16
    assert codes.codes.flatten().tolist() == [2**15 - 1] * 2


def test_many_keys_are_hashed_in_blocks() -> None:
    """A key has the code in a batch of 2000 that it has alone."""
    keys = torch.randn(1, 2, 2000, 4, generator=torch.Generator().manual_seed(0))
    codes = fitted(keys, center=False)
    for place in (0, 511, 512, 1999):
        assert torch.equal(codes.codes[:, :, place], fitted(keys[:, :, place : place + 1], center=False).codes[:, :, 0])


def test_it_stores_sixteen_bits_a_table() -> None:
    """Of a token and KV head."""
    keys = some_keys(30, 0)
    assert (fitted(keys, keys).nbytes - fitted(keys).nbytes) * 8 == 30 * 2 * 12 * 16


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_mean_is_not_learned_from_nan(bad: float) -> None:
    """The error names the row and the head."""
    keys = some_keys(5, 0)
    keys[0, 1, 3, 2] = bad
    with pytest.raises(NumericalError, match="batch row 0, KV head 1: a key of the context is NaN or infinite"):
        fitted(keys)
