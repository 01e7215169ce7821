"""Streamed answers: tokens come as they are made, and ``generate`` in a thread is in the mode that it was given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
import torch
from transformers import TextIteratorStreamer, TextStreamer

from sah_hf import ModelAdapterHF, NotSparseError

from .generate import OPTIONS, PAGES

WAIT = 60


@pytest.fixture
def speak(llama: Any, tokenizer: Any, tokens: Any) -> Callable[..., list[int]]:
    """Generate from one prompt; gives the new tokens, also to a streamer."""
    ids = tokens(24)
    options = {**OPTIONS, "no_repeat_ngram_size": 1, "attention_mask": torch.ones_like(ids)}

    def run(**given: Any) -> list[int]:
        new: list[int] = llama.generate(ids, **options, **given)[0, 24:].tolist()
        return new

    return run


def streamer_of(tokenizer: Any) -> Any:
    return TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=WAIT)


def test_a_streamer_in_the_same_thread(llama: Any, tokenizer: Any, speak: Any, capsys: Any) -> None:
    """A TextStreamer prints the sparse answer."""
    with ModelAdapterHF(llama, PAGES).enable_sparse_mode():
        answer = speak()
        assert speak(streamer=TextStreamer(tokenizer, skip_prompt=True)) == answer
    assert capsys.readouterr().out == tokenizer.decode(answer) + "\n"


def test_a_thread_that_is_given_the_context(llama: Any, tokenizer: Any, speak: Any) -> None:
    """Started as ``Thread(target=contextvars.copy_context().run, args=(model.generate, ...))`` it streams sparsely."""
    adapter = ModelAdapterHF(llama, PAGES)
    dense = tokenizer.decode(speak())
    with adapter.enable_sparse_mode() as mode:
        expected = tokenizer.decode(speak())
        streamer = streamer_of(tokenizer)
        thread = threading.Thread(target=copy_context().run, args=(speak,), kwargs={"streamer": streamer})
        thread.start()
        pieces = list(streamer)
        thread.join(WAIT)
    assert "".join(pieces) == expected != dense
    assert len(pieces) > 1
    assert mode.sparse_forwards == 2 * (OPTIONS["max_new_tokens"] - 1)


def test_a_thread_that_outlives_the_mode(llama: Any, tokenizer: Any, speak: Any) -> None:
    """Text that is still to come when the block ends is sparse to its end; then the model is as it was."""
    adapter = ModelAdapterHF(llama, PAGES)
    with adapter.enable_sparse_mode():
        expected = tokenizer.decode(speak())
    begun, go_on = threading.Event(), threading.Event()

    def pause(inputs: Any, output: Any) -> None:
        begun.set()
        assert go_on.wait(WAIT)

    streamer = streamer_of(tokenizer)
    with adapter.enable_sparse_mode() as mode:
        speak()
        mode.on_call = pause
        thread = threading.Thread(target=copy_context().run, args=(speak,), kwargs={"streamer": streamer})
        thread.start()
        assert begun.wait(WAIT)
    go_on.set()
    assert "".join(streamer) == expected
    thread.join(WAIT)
    assert "generate" not in vars(llama)
    assert llama.config._attn_implementation == "sdpa"


def test_a_thread_that_is_not(llama: Any, tokenizer: Any, speak: Any) -> None:
    """A plain thread is in no mode: its answer is dense, and the mode ends with a sentence that says what to do."""
    adapter = ModelAdapterHF(llama, PAGES)
    dense = tokenizer.decode(speak())
    streamer = streamer_of(tokenizer)

    pieces: list[str] = []

    def stream() -> None:
        with adapter.enable_sparse_mode():
            thread = threading.Thread(target=speak, kwargs={"streamer": streamer})
            thread.start()
            pieces.extend(streamer)
            thread.join(WAIT)

    with pytest.raises(NotSparseError, match=r"ran 5 times .* another thread .*=contextvars\.copy_context\(\)\.run"):
        stream()
    assert "".join(pieces) == dense
