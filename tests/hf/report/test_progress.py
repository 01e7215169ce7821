"""While a context is read, whoever asks is told how many layers are done; on a terminal it is a bar."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from rich.console import Console
from tests.hf.conftest import MakeAdapter

from sah_hf import Request
from sah_hf.cli.layers_bar import LayersBar

REQUEST = Request("A mole lives at 7 Elm Row.", ["Who?", "Where?"])
ONCE = {"max_new_tokens": 1}


@pytest.mark.parametrize("maskers", [[], [{"kind": "local", "window": 3}]], ids=["dense", "sparse"])
def test_layers_are_counted_while_the_context_is_read(model: Any, adapt: MakeAdapter, maskers: Any) -> None:
    """None, one, two, ... all of the layers; nothing for questions, nor for a context that was read before."""
    seen: list[tuple[int, int]] = []

    def tell(done: int, layers: int) -> None:
        seen.append((done, layers))

    adapter = adapt(model, *maskers, generation=ONCE)
    count = model.config.num_hidden_layers
    expected = [(done, count) for done in range(count + 1)]
    adapter.process_request(REQUEST, on_progress=tell)
    assert seen == expected
    read = adapter.read_context(REQUEST, on_progress=tell)
    assert seen == expected * 2
    adapter.process_request(REQUEST, on_progress=tell, context=read)
    adapter.process_request(REQUEST)
    assert seen == expected * 2


def test_it_changes_no_answer(llama: Any, adapt: MakeAdapter) -> None:
    """Answers are the same with and without, and what it raises passes, leaving no hook behind."""
    adapter = adapt(llama, {"kind": "local", "window": 3})
    plain = adapter.process_request(REQUEST).responses
    assert adapter.process_request(REQUEST, on_progress=lambda done, layers: None).responses == plain

    def interrupt(done: int, layers: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapter.process_request(REQUEST, on_progress=interrupt)
    assert not any(module._forward_pre_hooks for module in llama.modules())
    assert adapter.process_request(REQUEST).responses == plain


def test_another_threads_forward_is_not_counted(llama: Any, adapt: MakeAdapter, tokens: Any) -> None:
    """The model may run for somebody else meanwhile."""
    seen: list[int] = []
    ids = tokens(4)

    def tell(done: int, layers: int) -> None:
        seen.append(done)
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=llama, kwargs={"input_ids": ids})
            other.start()
            other.join()

    adapt(llama, generation=ONCE).process_request(REQUEST, on_progress=tell)
    assert seen == [0, 1, 2]


def test_a_bar_on_a_terminal_only() -> None:
    """How many layers of how many have read the context; nothing at all in a pipe."""
    shown = []
    for terminal in (True, False):
        file = io.StringIO()
        with LayersBar(Console(file=file, force_terminal=terminal, width=100, _environ={"TERM": "xterm"})) as bar:
            bar(3, 12)
        shown.append(file.getvalue())
    assert "reading the context" in shown[0]
    assert "3 of 12 layers" in shown[0]
    assert shown[1] == ""
