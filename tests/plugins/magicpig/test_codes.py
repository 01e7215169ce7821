"""The codes of the keys: by hand, behind padding, and what is kept of them as keys come and go."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import NumericalError
from sah_masker_magicpig import MagicPigConfig
from sah_masker_magicpig.codes import KeyCodes
from sah_masker_magicpig.hashing import SignHash


def some_keys(n: int, seed: int) -> Tensor:
    """Keys that are multiples of 1 / 8, so that many are equal and sums are exact."""
    return (torch.randn(1, 2, n, 4, generator=torch.Generator().manual_seed(seed)) * 8).round() / 8


def fitted(keys: Tensor, *pieces: Tensor, pads: int = 0, center: bool = True, tail: int = 4) -> KeyCodes:
    """An index of 12 tables of 3 bits, for two KV heads of dimension 4; always under the same projections."""
    projections = torch.randn(2, 4, 12, 3, generator=torch.Generator().manual_seed(0))
    codes = KeyCodes(MagicPigConfig(tables=12, bits=3, center=center), projections, torch.tensor([pads]), tail)
    codes.fit(keys)
    for piece in pieces:
        codes.append(piece)
    return codes


def codes_of(index: KeyCodes, keys: Tensor) -> Tensor:
    """The codes of these keys, int16 (1, 2, n, 12)."""
    return index.hash(index.centered(keys))


def found(index: KeyCodes) -> Tensor:
    """What eight queries collide with, bool (1, 4, 2, n)."""
    queries = torch.randn(1, 4, 2, 4, generator=torch.Generator().manual_seed(1))
    return index.collisions(queries, index.length).to_dense() > 0


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
    """fit(A), append(B), append(C) finds what fit(A), append(B and C) finds; truncated, it never saw the rest."""
    keys = torch.randn(1, 2, context + more + rest, 4, generator=torch.Generator().manual_seed(seed)).to(dtype)
    a, b, c = torch.split(keys, [context, more, rest], 2)
    pieces, at_once = fitted(a, b, c, center=center), fitted(a, torch.cat([b, c], 2), center=center)
    one_by_one = fitted(a, *torch.split(torch.cat([b, c], 2), 1, 2), center=center)
    for other in (at_once, one_by_one):
        assert torch.equal(found(pieces), found(other))
        assert torch.equal(pieces.lengths, other.lengths)
        assert torch.equal(pieces.mean, other.mean)
        assert pieces.length == other.length == keys.shape[2]
    pieces.truncate(context + more)
    never = fitted(a, b, center=center)
    assert torch.equal(found(pieces), found(never))
    assert torch.equal(pieces.lengths, never.lengths)
    assert pieces.length == context + more


@given(st.integers(1, 30), st.integers(1, 20), st.integers(0, 99))
def test_a_question_never_changes_the_context(context: int, more: int, seed: int) -> None:
    """Keys a hundred times larger, appended, change neither the mean nor a collision that was there."""
    keys = some_keys(context, seed)
    before, after = fitted(keys), fitted(keys, 100 * some_keys(more, seed + 1))
    assert torch.equal(before.mean, after.mean)
    assert torch.equal(found(before), found(after)[..., :context])


@given(st.integers(1, 20), st.integers(1, 5), st.sampled_from([0.0, torch.nan, torch.inf, 1e30]), st.integers(0, 99))
def test_padding_does_not_enter_the_mean(context: int, pads: int, fill: float, seed: int) -> None:
    """Behind padding of anything, tokens have the codes, lengths and collisions they have without."""
    keys = some_keys(context, seed)
    alone = fitted(keys)
    padded = fitted(torch.cat([torch.full((1, 2, pads, 4), fill), keys], 2), pads=pads)
    assert torch.equal(alone.mean, padded.mean)
    assert torch.equal(codes_of(alone, keys), codes_of(padded, keys))
    assert torch.equal(alone.lengths, padded.lengths[:, :, pads:])
    assert torch.equal(found(alone), found(padded)[..., pads:])


def test_a_row_of_padding_alone_has_mean_zero() -> None:
    """A context shorter than the padding has no token to learn from."""
    assert bool((fitted(some_keys(3, 0), pads=5).mean == 0).all())


@given(st.integers(0, 99), st.sampled_from([3.0, 0.25, 1e20]))
def test_a_code_is_of_the_direction(seed: int, factor: float) -> None:
    """Scaled keys have the same codes, opposite ones the complement in every bit."""
    keys = torch.randn(1, 2, 9, 4, generator=torch.Generator().manual_seed(seed))
    index = fitted(keys, center=False)
    codes = codes_of(index, keys)
    assert torch.equal(codes, codes_of(index, keys * factor))
    assert torch.equal(codes, 7 - codes_of(index, -keys))


def test_codes_by_hand() -> None:
    """Mean (2, 1); less it, (1, 2) and (-1, -2). Table 0 has the bits x1, x2; table 1 has -x1, x1 - x2."""
    projections = torch.tensor([[[1.0, 0.0], [-1.0, 1.0]], [[0.0, 1.0], [0.0, -1.0]]])
    index = KeyCodes(MagicPigConfig(tables=2, bits=2), projections.unsqueeze(0), torch.zeros(1, dtype=torch.int64))
    context = torch.tensor([[3.0, 3.0], [1.0, -1.0]]).reshape(1, 1, 2, 2)
    index.fit(context)
    assert index.mean.flatten().tolist() == [2, 1]
    assert codes_of(index, context)[0, 0].tolist() == [[0b11, 0b00], [0b00, 0b11]]
    later = torch.tensor([[2.0, 1.0], [4.0, 0.0]]).reshape(1, 1, 2, 2)  # zero, and (2, -1)
    assert codes_of(index, later)[0, 0].tolist() == [[0b00, 0b00], [0b01, 0b10]]
    index.append(later)
    # The codes of (5, 1) are 11 and 10, those of (-1, -5) 00 and 11: one key has both.
    queries = torch.tensor([[5.0, 1.0], [-1.0, -5.0]]).reshape(1, 1, 2, 2)
    assert index.hash(queries.double())[0, 0].tolist() == [[0b11, 0b10], [0b00, 0b11]]
    assert index.collisions(queries, 4).indices[0, 0].tolist() == [[4], [1]]
    assert index.lengths.flatten().tolist() == [5**0.5, 5**0.5, 0, 5**0.5]


def test_the_longest_code_is_positive() -> None:
    """Fifteen bits of one fit an int16."""
    codes = SignHash(torch.ones(1, 1, 2, 15))(torch.ones(1, 1, 1, 1, dtype=torch.float64))
    assert codes.dtype == torch.int16
    assert codes.flatten().tolist() == [2**15 - 1] * 2


def test_many_keys_are_hashed_in_blocks() -> None:
    """A key has the code in a batch of 2000 that it has alone."""
    keys = torch.randn(1, 2, 2000, 4, generator=torch.Generator().manual_seed(0))
    index = fitted(keys, center=False)
    codes = codes_of(index, keys)
    for place in (0, 511, 512, 1999):
        assert torch.equal(codes[:, :, place], codes_of(index, keys[:, :, place : place + 1])[:, :, 0])
    assert torch.equal(found(index), found(fitted(keys, center=False, tail=2000)))


@given(st.integers(0, 99), st.sampled_from([1e-30, 1.0, 1e30]), st.sampled_from(["highest", "medium"]))
def test_codes_are_the_signs_of_products_in_float64(seed: int, scale: float, precision: str) -> None:
    """Of vectors of any length, some of them nearly in a hyperplane, in whatever precision torch multiplies."""
    random = torch.Generator().manual_seed(seed)
    projections, vectors = (torch.randn(s, generator=random) for s in ((2, 64, 9, 4), (1, 2, 20, 64)))
    normal = projections[:, :, 0, 0].double()  # (2, 64), of bit 0 of table 0
    vectors = vectors.double()
    along = (vectors * normal.unsqueeze(1)).sum(-1, keepdim=True) / (normal**2).sum(-1).reshape(2, 1, 1)
    nearness = torch.logspace(-12, -1, 20, dtype=torch.float64).reshape(20, 1) * torch.tensor([[[1.0]], [[-1.0]]])
    vectors = (vectors - (along - nearness) * normal.unsqueeze(1)) * scale
    vectors[0, 0, 3] = 0
    signs = torch.einsum("bhnd,hdlk->bhnlk", vectors, projections.double()) > 0
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        codes = SignHash(projections)(vectors)
    finally:
        torch.set_float32_matmul_precision(before)
    assert torch.equal(codes, (signs * 2 ** torch.arange(4)).sum(-1).short())
    assert (codes[0, :, :, 0] % 2).tolist() == [[0 if n == 3 else 1 for n in range(20)], [0] * 20]


def test_what_it_stores_of_a_key() -> None:
    """Of a token and KV head, 64 bits for its length; and a table 32 bits once it is sorted, 16 in the tail."""
    keys = some_keys(30, 0)
    assert (fitted(keys, keys).nbytes - fitted(keys).nbytes) * 8 == 30 * 2 * (64 + 12 * 32)
    assert (fitted(keys, keys, tail=60).nbytes - fitted(keys, tail=60).nbytes) * 8 == 30 * 2 * (64 + 12 * 16)


def test_a_longer_context_has_a_longer_tail() -> None:
    """A 64th of 6502 keys is 101: the 102nd key that is appended to 6400 has all of them sorted."""
    keys = some_keys(6502, 0)
    index = fitted(keys[:, :, :6400])
    index.append(keys[:, :, 6400:6501])
    before = index.nbytes
    index.append(keys[:, :, 6501:])
    assert (index.nbytes - before) * 8 == 2 * (102 * 12 * 32 - 101 * 12 * 16 + 64)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_mean_is_not_learned_from_nan(bad: float) -> None:
    """The error names the row and the head."""
    keys = some_keys(5, 0)
    keys[0, 1, 3, 2] = bad
    with pytest.raises(NumericalError, match="batch row 0, KV head 1: a key of the context is NaN or infinite"):
        fitted(keys)
