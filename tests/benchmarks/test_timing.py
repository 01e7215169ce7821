"""How times are taken: turns, what the clock sees, medians and ratios."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from benchmarks.timing.bandwidth import limit_ms
from benchmarks.timing.machine import machine
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, fastest, quantile, ratio
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    """A clock that stands still unless it is told how long something took; it remembers what was told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[str] = []

    def __call__(self) -> float:
        return self.now

    def takes(self, name: str, seconds: float) -> None:
        self.told.append(name)
        self.now += seconds


def test_contenders_take_turns() -> None:
    """Two calls of each to see how long it takes, then one sample of each a round: of 0.1 s, 4 calls are > 0.35 s,
    and one call more warms up; a single call of 0.5 s is a sample."""
    clock = Clock()
    contenders = [
        Contender("a", lambda: clock.takes("a", 0.1)),
        Contender("b", lambda: clock.takes("b", 0.5)),
    ]
    seconds = compare(contenders, rounds=2, least=0.35, clock=clock)
    assert "".join(clock.told) == "aabb" + "aaaaab" * 2
    assert seconds == {"a": pytest.approx((0.1, 0.1)), "b": pytest.approx((0.5, 0.5))}


def test_what_comes_before_and_around_is_not_timed() -> None:
    """The clock sees the calls alone; what comes around does so once a sample, what comes before once a call."""
    clock = Clock()

    @contextmanager
    def around() -> Iterator[None]:
        clock.takes("[", 7.0)
        yield
        clock.takes("]", 7.0)

    contender = Contender("c", lambda: clock.takes("c", 0.2), lambda: clock.takes("b", 7.0), around)
    seconds = compare([contender], rounds=1, least=0.3, clock=clock)
    assert "".join(clock.told) == "[bc][bc]" + "[bcbc]"
    assert seconds == {"c": pytest.approx((0.2,))}


def test_the_first_call_does_not_decide_how_many_make_a_sample() -> None:
    """It may be slow for reasons of its own."""
    clock, durations = Clock(), iter([9.0, *[0.1] * 100])
    compare([Contender("a", lambda: clock.takes("a", next(durations)))], rounds=1, least=0.95, clock=clock)
    assert len(clock.told) == 2 + 1 + 10


def test_what_takes_long_is_called_once_beforehand() -> None:
    """A second try would change nothing: a sample is one call."""
    clock = Clock()
    compare([Contender("a", lambda: clock.takes("a", 3.0))], rounds=1, least=0.1, clock=clock)
    assert len(clock.told) == 1 + 1


def test_names_tell_contenders_apart() -> None:
    """Two of the same name would be one in the results."""
    with pytest.raises(ValueError, match="names of their own"):
        compare([Contender("a", lambda: None), Contender("a", lambda: None)], rounds=1, least=0.0)


def test_quantiles_lie_on_lines_between_neighbours() -> None:
    """Of 1 to 5: a twentieth of the way from 1 to 5 is 1.2; the middle is the median; one number is all of them."""
    values = [3.0, 1.0, 5.0, 2.0, 4.0]
    assert quantile(values, 0.05) == pytest.approx(1.2)
    assert quantile(values, 0.95) == pytest.approx(4.8)
    assert Spread.of(values).median == 3
    assert Spread.of([2.0]) == Spread(2, 2, 2)


def test_a_ratio_is_that_of_the_medians_and_spreads_as_the_rounds_do() -> None:
    """Medians 20 and 4 give 5; the rounds' own ratios are 10, 5 and 2."""
    measured = ratio([10.0, 20.0, 30.0], [1.0, 4.0, 15.0])
    assert measured.median == 5
    assert measured.low == pytest.approx(2.3)  # from 2 a tenth of the way to 5
    assert measured.high == pytest.approx(9.5)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=30), st.floats(0.001, 1000))
def test_a_spread_holds_its_median_and_scales(values: list[float], factor: float) -> None:
    """low <= median <= high, in any unit; what always takes the same number of times as long has no spread."""
    spread = Spread.of(values)
    assert min(values) <= spread.low <= spread.median <= spread.high <= max(values)
    assert spread.times(factor).median == pytest.approx(Spread.of([factor * value for value in values]).median)
    longer = ratio([factor * value for value in values], values)
    assert (longer.low, longer.median, longer.high) == pytest.approx((factor,) * 3)


def test_the_fastest_has_the_smallest_median() -> None:
    """Among the names given, and whatever its fastest round was."""
    assert fastest({"a": [1.0, 9.0, 9.0], "b": [3.0, 3.0, 3.0], "c": [1.0, 1.0, 1.0]}, ["a", "b"]) == "b"


def test_the_limit_is_bytes_over_bandwidth() -> None:
    """Two billion bytes at four billion a second are half a second."""
    assert limit_ms(2e9, 4e9) == 500


def test_a_machine_has_a_processor_and_no_name() -> None:
    """What is published says what it is, not whose."""
    import platform

    found = machine()
    assert {"processor", "cores", "system"} <= set(found)
    assert platform.node() not in " ".join(found.values()).split()
