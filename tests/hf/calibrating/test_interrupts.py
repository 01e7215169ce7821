"""Ctrl-C while something must not be left half done."""

import signal

import pytest

from sah_hf.calibrating.interrupts import held_back


def interrupted(times: int, done: list[str]) -> None:
    """Work that notes what it got done, and is interrupted in the middle."""
    with held_back():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        done.append("all")


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupt_waits_for_the_end() -> None:
    """The work is finished, then the interrupt is raised, and the handler is the one there was."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(1, done)
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_a_second_interrupt_does_not_wait() -> None:
    """Whoever presses twice means it."""
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(2, done)
    assert done == []


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_error_passes() -> None:
    """What goes wrong inside comes out as it is, and the handler is put back."""
    with pytest.raises(ValueError, match="wrong"), held_back():
        raise ValueError("wrong")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
