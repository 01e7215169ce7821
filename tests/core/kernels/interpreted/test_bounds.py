"""Quest's bounds of pages: the formula, and that no key's product is above its page's bound."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import InputsError
from sah_core.kernels.paging import page_bounds


def formula(queries: Tensor, highest: Tensor, lowest: Tensor, scaling: float) -> Tensor:
    """Channel by channel the better corner, in float64."""
    group = queries.shape[1] // highest.shape[1]
    q = queries.double().unsqueeze(3) * scaling
    high, low = (page.double().repeat_interleave(group, 1).unsqueeze(2) for page in (highest, lowest))
    return torch.maximum(q * high, q * low).sum(-1)


@settings(max_examples=15)
@given(st.integers(1, 2), st.sampled_from([1, 2, 5]), st.integers(1, 3), st.integers(1, 9), st.integers(0, 2**16))
def test_no_key_is_above_its_pages_bound(b: int, group: int, q: int, pages: int, seed: int) -> None:
    """For queries of any sign, the largest product in a page is at most the bound, to rounding."""
    random = torch.Generator().manual_seed(seed)
    queries = torch.randn((b, 2 * group, q, 8), generator=random)
    keys = torch.randn((b, 2, pages, 4, 8), generator=random)
    bounds = page_bounds(queries, keys.amax(3), -keys.amin(3))
    products = torch.einsum("bgnqd,bgpsd->bgnqps", queries.reshape(b, 2, group, q, 8), keys).amax(-1)
    assert (products.flatten(1, 2) <= bounds + 1e-5).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("b", "heads", "q", "pages", "width"), [(1, (1, 1), 1, 1, 1), (2, (8, 2), 1, 70, 96), (1, (12, 2), 12, 33, 128)]
)
@pytest.mark.parametrize("scaling", [1.0, -0.3])
def test_the_formula(
    b: int, heads: tuple[int, int], q: int, pages: int, width: int, scaling: float, dtype: torch.dtype
) -> None:
    """Several blocks of pages and of queries, widths that fill no block, and a scaling that turns the box over."""
    random = torch.Generator().manual_seed(0)
    queries = torch.randn((b, heads[0], q, width), generator=random).to(dtype)
    lowest = torch.randn((b, pages, heads[1], width), generator=random).to(dtype).transpose(1, 2)
    highest = lowest + torch.rand(lowest.shape, generator=random).to(dtype)
    bounds = page_bounds(queries, highest, -lowest, scaling)
    torch.testing.assert_close(bounds.double(), formula(queries, highest, lowest, scaling), rtol=1e-5, atol=1e-4)


def test_a_bound_by_hand() -> None:
    """q = (2, -3), a box from (0, 1) to (4, 5): 2 * 4 - 3 * 1 = 5; no pages, no bounds."""
    queries = torch.tensor([2.0, -3.0]).reshape(1, 1, 1, 2)
    highest, lowest = torch.tensor([4.0, 5.0]).reshape(1, 1, 1, 2), torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    assert page_bounds(queries, highest, -lowest).item() == 5.0
    assert page_bounds(queries, highest[:, :, :0], -lowest[:, :, :0]).shape == (1, 1, 1, 0)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # the interpreter's NumPy, on the way to -inf
def test_a_page_without_tokens_is_below_all_others() -> None:
    """Minima and maxima of no key are the dtype's extremes the wrong way round: the bound is very low, not NaN."""
    queries = torch.tensor([1.0, -1.0]).reshape(1, 1, 1, 2).bfloat16()
    extreme = torch.full((1, 1, 1, 2), torch.finfo(torch.bfloat16).max).bfloat16()
    assert page_bounds(queries, -extreme, -extreme).item() < -1e38


@pytest.mark.parametrize(
    ("queries", "highest", "opposite", "message"),
    [
        (torch.zeros(1, 4, 1, 8), torch.zeros(1, 2, 3, 8), torch.zeros(1, 2, 4, 8), "do not fit"),
        (torch.zeros(1, 3, 1, 8), torch.zeros(1, 2, 3, 8), torch.zeros(1, 2, 3, 8), "do not fit"),
        (torch.zeros(1, 4, 1, 8), torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4), "do not fit"),
        (torch.zeros(1, 4, 1, 8), torch.zeros(1, 2, 3, 8).half(), torch.zeros(1, 2, 3, 8), "float32, float16, float32"),
        (torch.zeros(1, 4, 1, 300), torch.zeros(1, 2, 3, 300), torch.zeros(1, 2, 3, 300), "256 channels, not 300"),
    ],
)
def test_what_does_not_fit_is_said(queries: Tensor, highest: Tensor, opposite: Tensor, message: str) -> None:
    """Shapes and dtypes, in a sentence."""
    with pytest.raises(InputsError, match=message):
        page_bounds(queries, highest, opposite)
