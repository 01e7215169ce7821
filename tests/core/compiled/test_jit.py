"""How loops are compiled, and what they do with the numbers that are none."""

from typing import Any

import pytest

from sah_core.compiled.available import numba_missing

pytestmark = pytest.mark.skipif(numba_missing() is not None, reason="numba is not installed")
np: Any = pytest.importorskip("numpy", reason="it comes with numba")

SOURCE = """
def mean(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers)
"""


@pytest.fixture
def mean() -> Any:
    """A loop of no file, beside which nothing can be kept."""
    from sah_core.compiled.jit import jit

    names: dict[str, Any] = {}
    exec(SOURCE, names)
    return jit(names["mean"])


def test_a_loop_that_cannot_be_kept_is_compiled_all_the_same(mean: Any) -> None:
    """The mean of 1, 2 and 6 is 3."""
    assert mean(np.array([1.0, 2.0, 6.0])) == 3.0


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([1.0, np.nan], np.nan), ([1.0, np.inf], np.inf), ([np.inf, -np.inf], np.nan), ([], np.nan)],
)
def test_nan_and_infinity_are_what_they_are(mean: Any, numbers: list[float], expected: float) -> None:
    """Sums in several lanes keep them, and 0 / 0 is NaN, not an error."""
    np.testing.assert_equal(mean(np.array(numbers)), expected)
