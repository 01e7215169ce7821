"""The index of PQCache: centroids of the context, codes of every key."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import NumericalError
from sah_masker_pqcache import PQCacheConfig
from sah_masker_pqcache.codebook import Codebook

pytestmark = pytest.mark.usefixtures("reader")
METRICS = st.sampled_from(["euclidean", "inner_product"])
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
SEEDS = st.integers(0, 2**16)


def keys_of(n: int, seed: int = 0, dtype: torch.dtype = torch.float64, b: int = 2, ties: bool = False) -> Tensor:
    keys = torch.randn(b, 2, n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (keys.round().clamp(-1, 1) if ties else keys).to(dtype)


def codebook_of(context: Tensor, *later: Tensor, padding: tuple[int, ...] = (), **config: Any) -> Codebook:
    given_padding = torch.tensor(padding or [0] * context.shape[0])
    index = Codebook(PQCacheConfig(**config), given_padding, ("test", 7))
    index.fit(context)
    for keys in later:
        index.append(keys)
    return index


def decoded(index: Codebook) -> Tensor:
    """The keys as the codes give them, (b, hkv, n, d)."""
    codes = index.codes.long().transpose(2, 3)  # (b, hkv, M, n)
    parts = torch.take_along_dim(index.centroids, codes.unsqueeze(-1), 3)  # (b, hkv, M, n, d / M)
    return parts.transpose(2, 3).flatten(3)


@given(
    st.integers(1, 20),
    st.lists(st.integers(0, 7), max_size=5),
    st.integers(1, 3),
    METRICS,
    DTYPES,
    SEEDS,
    st.booleans(),
)
def test_any_number_of_keys_at_a_time(
    context: int, steps: list[int], bits: int, metric: str, dtype: torch.dtype, seed: int, ties: bool
) -> None:
    """fit(A), append(B), append(C) is fit(A), append(B and C), exactly; and the centroids are those of A alone."""
    keys = keys_of(context + sum(steps), seed, dtype, ties=ties)
    config: dict[str, Any] = {"bits": bits, "metric": metric}
    fitted, rest = keys[:, :, :context], keys[:, :, context:]
    alone = codebook_of(fitted, **config)
    one = codebook_of(fitted, rest, **config)
    many = codebook_of(fitted, *torch.split(rest, steps, 2) if steps else [], **config)
    assert torch.equal(many.codes, one.codes)
    assert torch.equal(many.centroids, alone.centroids)
    assert torch.equal(one.centroids, alone.centroids)
    assert many.length == one.length == keys.shape[2]


@given(st.integers(1, 20), st.integers(0, 9), st.integers(0, 30), METRICS)
def test_truncate_is_never_having_seen_the_rest(context: int, more: int, length: int, metric: str) -> None:
    """Codes of later keys are gone, and come back the same."""
    keys = keys_of(context + more)
    length = max(context, length)
    fitted, rest = keys[:, :, :context], keys[:, :, context:]
    index = codebook_of(fitted, rest, bits=2, metric=metric)
    all_codes = index.codes.clone()
    index.truncate(length)
    assert torch.equal(
        index.codes, codebook_of(keys[:, :, :context], keys[:, :, context:length], bits=2, metric=metric).codes
    )
    assert index.length == min(length, context + more)
    index.append(keys[:, :, index.length :])
    assert torch.equal(index.codes, all_codes)


@given(st.integers(1, 8), st.sampled_from([1, 2, 4]), METRICS, DTYPES, SEEDS, st.booleans())
def test_few_keys_are_covered_exactly(
    n: int, subvectors: int, metric: str, dtype: torch.dtype, seed: int, ties: bool
) -> None:
    """A context of at most 2 ** bits keys has a centroid a key, duplicates or not: decoded, they are the keys."""
    keys = keys_of(n, seed, dtype, ties=ties)
    index = codebook_of(keys, bits=3, subvectors=subvectors, metric=metric)
    torch.testing.assert_close(decoded(index), keys, rtol=0, atol=1e-12)
    assert index.centroids.shape == (2, 2, subvectors, n, 4 // subvectors)
    assert index.centroids.dtype == dtype


@given(st.integers(1, 40), st.integers(1, 3), METRICS, SEEDS)
def test_codes_name_centroids(n: int, bits: int, metric: str, seed: int) -> None:
    """Every code is below min(2 ** bits, n)."""
    index = codebook_of(keys_of(n, seed), keys_of(5, seed + 1), bits=bits, metric=metric)
    assert index.codes.dtype == torch.uint8
    assert int(index.codes.max()) < min(2**bits, n)


@given(st.integers(3, 40), st.integers(1, 3), SEEDS)
def test_a_key_that_is_a_centroid_gets_it(n: int, bits: int, seed: int) -> None:
    """Appended keys made of centroids are decoded exactly."""
    index = codebook_of(keys_of(n, seed), bits=bits)
    centroids = index.centroids.transpose(2, 3).flatten(3)  # (b, hkv, C, d): centroid c of every part
    index.append(centroids)
    assert torch.equal(decoded(index)[:, :, n:], centroids)


@given(st.integers(1, 12), st.integers(0, 9), st.integers(0, 12), METRICS, SEEDS)
def test_a_row_is_alone(n: int, more: int, pad: int, metric: str, seed: int) -> None:
    """Neither the other rows of the batch nor padding, whatever it holds, change a row's centroids and codes."""
    keys = keys_of(n + more, seed)
    config: dict[str, Any] = {"bits": 2, "metric": metric}
    garbage = torch.full((1, 2, pad, 4), torch.nan, dtype=torch.float64)
    padded = torch.cat([garbage, keys[:1]], 2)
    other = keys_of(pad + n + more, seed + 1, b=1)
    batch = torch.cat([padded, other])
    context = pad + n
    together = codebook_of(batch[:, :, :context], batch[:, :, context:], padding=(pad, 0), **config)
    alone = codebook_of(keys[:1, :, :n], keys[:1, :, n:], **config)
    assert torch.equal(together.codes[:1, :, pad:], alone.codes)
    used = alone.centroids.shape[3]
    assert torch.equal(together.centroids[:1, :, :, :used], alone.centroids)
    neighbour = codebook_of(other[:, :, :context], other[:, :, context:], **config)
    assert torch.equal(together.codes[1:], neighbour.codes)


def test_a_row_of_padding_alone_has_one_centroid() -> None:
    """A context that is all padding teaches a row nothing: its later keys have code 0, centroid 0."""
    index = codebook_of(keys_of(3), keys_of(2, 1), padding=(3, 0))
    assert int(index.codes[0].max()) == 0
    assert not bool(index.centroids[0].any())
    assert not bool(index.centroids.isnan().any())


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_a_context_without_keys(metric: str) -> None:
    """Nothing is learned from nothing: later keys have code 0."""
    index = codebook_of(keys_of(0), keys_of(2), metric=metric)
    assert index.codes.flatten().tolist() == [0] * 16


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
@pytest.mark.parametrize("key", [0.0, 1 / 3, 2.5])
def test_equal_keys_share_a_centroid(metric: str, key: float) -> None:
    """All keys of the context equal: all have the lowest code, and decode to themselves."""
    keys = torch.full((1, 1, 9, 4), key)
    index = codebook_of(keys, bits=2, metric=metric)
    assert int(index.codes.max()) == 0
    assert torch.equal(decoded(index), keys)


def test_the_inner_product_metric_by_hand() -> None:
    """Keys 1 and 4: phi = 16, points (1, 3.87) and (4, 0). 2.8 is (2.8, 2.86): nearer to 1; plainly, to 4.

    Squared distances 4.27 and 9.60 on the sphere, 3.24 and 1.44 on the line. A key of 8 is beyond phi: (8, 0), so 4.
    """
    context, later = (torch.tensor(keys).reshape(1, 1, -1, 1) for keys in ([1.0, 4.0], [2.8, 8.0]))
    config: dict[str, Any] = {"subvectors": 1, "bits": 1}
    on_sphere = codebook_of(context, later, metric="inner_product", **config)
    on_line = codebook_of(context, later, **config)
    assert decoded(on_sphere).flatten().tolist() == [1.0, 4.0, 1.0, 4.0]
    assert decoded(on_line).flatten().tolist() == [1.0, 4.0, 4.0, 4.0]
    assert on_sphere.centroids.shape == on_line.centroids.shape == (1, 1, 1, 2, 1)


def test_iterations_are_those_of_k_means() -> None:
    """One iteration is not enough for 40 Gaussian keys, and no more than asked for are made."""
    one, two, many = (codebook_of(keys_of(40), bits=2, iterations=n).centroids for n in (1, 2, 100))
    assert not torch.equal(one, two)
    assert not torch.equal(two, many)
    assert torch.equal(many, codebook_of(keys_of(40), bits=2, iterations=101).centroids)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_context_with_nan_teaches_nothing(value: float) -> None:
    """NaN or infinity in a key of the context would poison centroids, and is refused with its place."""
    keys = keys_of(5)
    keys[1, 0, 2, 3] = value
    with pytest.raises(NumericalError, match="batch row 1, KV head 0"):
        codebook_of(keys)


def test_what_it_stores() -> None:
    """M bytes a key and KV head, and C * d numbers of the keys' 16 bits a KV head; a few bytes more for phi."""
    few, many = (
        codebook_of(torch.randn(1, 2, n, 128, dtype=torch.bfloat16), subvectors=2, iterations=1).nbytes
        for n in (200, 300)
    )
    assert many - few == 100 * 2 * 2
    assert few - 200 * 2 * 2 == 2 * 64 * 128 * 2 + 2 * 2 * 8 + 8
