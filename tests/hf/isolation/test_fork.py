"""A child process, forked while modes are open: it can use the model in every way, and the parent notices nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sah_hf import ModelAdapterHF
from sah_hf.attention import switch

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    # Python warns of forking beside threads from 3.12 on: which is what is tested.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
NARROW = {"maskers": [{"kind": "local", "window": 1}]}
_PATIENCE = 60
"""Seconds until a child that hangs is ended by its own alarm."""
_forking = threading.Event()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forking.set)  # the last to be registered is called first: before anything is locked


def in_a_child(checks: Callable[[], bool]) -> bool:
    """Whether all is as it should be there; False for a child that raised or hung."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PATIENCE)
        status = 1
        try:
            status = 0 if checks() else 2
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def test_a_fork_in_a_mode(llama: Any, logits: Any) -> None:
    """The child goes on in the mode that was open, can open others and leave it; the parent's is as it was."""
    adapter = ModelAdapterHF(llama, NARROW)
    dense = logits(llama)
    opened = adapter.enable_sparse_mode()
    mode = opened.__enter__()
    sparse = logits(llama)

    def child() -> bool:
        right = torch.equal(logits(llama), sparse)
        with adapter.enable_dense_mode():
            right &= torch.equal(logits(llama), dense)
        opened.__exit__(None, None, None)
        return right and torch.equal(logits(llama), dense) and type(llama.config._attn_implementation) is str

    assert in_a_child(child)
    assert torch.equal(logits(llama), sparse)
    assert mode.meter.calls == 4
    opened.__exit__(None, None, None)
    assert torch.equal(logits(llama), dense)


@pytest.mark.parametrize("locked", [False, True], ids=["in a mode", "holding the lock"])
def test_a_fork_beside_a_thread(locked: bool, llama: Any, logits: Any) -> None:
    """What another thread holds at that moment, a mode or the switch's lock, is free in the child, and the thread's."""
    adapter = ModelAdapterHF(llama, NARROW)
    dense = logits(llama)
    _forking.clear()
    ready, forked, answers = threading.Event(), threading.Event(), list[Tensor]()

    def other() -> None:
        with adapter.enable_sparse_mode():
            if locked:
                with switch._lock:
                    ready.set()
                    _forking.wait(_PATIENCE)
            ready.set()
            forked.wait(_PATIENCE)
            answers.append(logits(llama))

    def child() -> bool:
        right = llama.config._attn_implementation == "sdpa"
        right &= torch.equal(logits(llama), dense)
        with adapter.enable_sparse_mode() as mode:
            right &= not torch.equal(logits(llama), dense)
        return right and mode.meter.calls == 2 and not switch._configs and not switch._modules

    thread = threading.Thread(target=other)
    thread.start()
    assert ready.wait(_PATIENCE)
    fine = in_a_child(child)
    forked.set()
    thread.join(_PATIENCE)
    assert fine
    assert not torch.equal(answers[0], dense)
    assert torch.equal(logits(llama), dense)
