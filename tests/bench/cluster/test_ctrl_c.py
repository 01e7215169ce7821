"""Ctrl-C that comes while Ray starts waits until it has."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from sah_bench.cluster.ctrl_c import deferred_ctrl_c


@pytest.fixture(autouse=True)
def heeding(heeding_ctrl_c: None) -> Iterator[None]:
    """As a command does, and at the end as well."""
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_comes_at_the_end() -> None:
    """Once, and what is in the block is done; without it nothing is raised."""
    done = []
    with pytest.raises(KeyboardInterrupt), deferred_ctrl_c():  # noqa: PT012 - the block goes on, which is the rule
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    with deferred_ctrl_c():
        done.append("more")
    assert done == ["all", "more"]


def test_a_second_one_is_heeded_at_once() -> None:
    """Who presses it again does not want to wait."""
    with pytest.raises(KeyboardInterrupt), deferred_ctrl_c():  # noqa: PT012 - only the second one may raise
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it was not heeded")


def test_an_error_goes_before_it() -> None:
    """What failed is told, and Ctrl-C has nothing to end any more."""
    with pytest.raises(LookupError), deferred_ctrl_c():  # noqa: PT012 - both have to happen in it
        signal.raise_signal(signal.SIGINT)
        raise LookupError


def test_who_has_a_handler_keeps_it() -> None:
    """Nothing is changed where Ctrl-C means something else."""
    came: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    with deferred_ctrl_c():
        signal.raise_signal(signal.SIGINT)
        assert came == [1]
    assert signal.signal(signal.SIGINT, before) is not before
