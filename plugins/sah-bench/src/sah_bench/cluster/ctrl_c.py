"""Ctrl-C at a moment at which it does no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["deferred_ctrl_c"]


@contextmanager
def deferred_ctrl_c() -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C at the end of the block; for a second one, at once.

    Where somebody else heeds Ctrl-C, or nobody does, and in other threads, nothing is changed.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = False

    def note(*_: Any) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
