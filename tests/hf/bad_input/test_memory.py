"""Out of memory: one sentence says at what, earlier answers are kept, and model, context and adapter go on."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model
from tests.hf.test_cache import contents
from torch import Tensor, nn

from sah_core import AttentionInputs, AttentionOutput
from sah_hf import OutOfMemoryError, Request

NARROW = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
REQUEST = Request("A mole lives at 7 Elm Row.", ["Who?", "Where does it live?", "?"])
IMPOSSIBLE = 2**50  # bytes


class Greedy(nn.Module):
    """A layer's own, until it is given so many tokens at once: then it wants more memory than there is."""

    def __init__(self, inner: nn.Module, tokens: int) -> None:
        super().__init__()
        self.inner = inner
        self.tokens = tokens

    def forward(self, hidden: Tensor) -> Any:
        if hidden.shape[1] == self.tokens:
            torch.empty(IMPOSSIBLE, dtype=torch.uint8)
        return self.inner(hidden)


@pytest.mark.parametrize("maskers", [[], NARROW], ids=["dense", "sparse"])
def test_a_question_that_is_too_much(adapt: MakeAdapter, maskers: Any) -> None:
    """The second question is named; the first one's answer was handed over, and a context answers all of them still."""
    model = build_model("llama")
    adapter = adapt(model, *maskers)
    expected = adapter.process_request(REQUEST).responses
    read = adapter.read_context(REQUEST)
    before = contents(read.cache)
    assert before
    mlp = model.model.layers[1].mlp
    model.model.layers[1].mlp = Greedy(mlp, len(REQUEST.asked[1]))
    answered: list[str] = []
    with pytest.raises(OutOfMemoryError) as caught:
        adapter.process_request(REQUEST, on_answer=lambda number, text, report: answered.append(text))
    said = str(caught.value)
    assert said.startswith("out of memory while answering question 1, after a context of 27 tokens: 1125899906842624 ")
    assert "shorten the context" in said
    assert ("use kind: efficient" in said) == bool(maskers)
    assert answered == expected[:1]
    assert caught.value.exit_code == 1
    model.model.layers[1].mlp = mlp
    assert model.config._attn_implementation == "sdpa"
    assert adapter.process_request(REQUEST, context=read).responses == expected
    assert all(map(torch.equal, contents(read.cache), before))


@pytest.mark.parametrize("sparse_from", ["question", "context"])
def test_a_context_that_is_too_much(adapt: MakeAdapter, sparse_from: str) -> None:
    """Its tokens are named, whether it is read densely or sparsely, in a request or by itself."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW, protocol={"sparse_from": sparse_from})
    expected = adapter.process_request(REQUEST).responses
    mlp = model.model.layers[0].mlp
    model.model.layers[0].mlp = Greedy(mlp, 27)
    for ask in (adapter.process_request, adapter.read_context):
        with pytest.raises(OutOfMemoryError, match=r"while reading the context of 27 tokens: .* shorten the context"):
            ask(REQUEST)
    model.model.layers[0].mlp = mlp
    assert adapter.process_request(REQUEST).responses == expected


def test_looking_at_a_model_that_is_too_much(adapt: MakeAdapter) -> None:
    """Two tokens are too many already when the adapter is made."""
    model = build_model("llama")
    model.model.layers[0].mlp = Greedy(model.model.layers[0].mlp, 2)
    with pytest.raises(OutOfMemoryError, match="while looking at its layers with two tokens"):
        adapt(model, *NARROW)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_other_names_for_it(llama: Any, adapt: MakeAdapter, error: Callable[[str], Exception]) -> None:
    """Python's and CUDA's errors are told alike, wherever in an attention call they come from."""

    def fail(inputs: AttentionInputs, output: AttentionOutput) -> None:
        raise error("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 1.00 GiB.")

    with pytest.raises(OutOfMemoryError, match=r"question 0, .*: 20.00 GiB more were wanted; shorten"):
        adapt(llama, *NARROW).process_request(REQUEST, on_call=fail)


def test_the_error_holds_no_tensors(llama: Any, adapt: MakeAdapter) -> None:
    """Its traceback still shows where it was, but the frames inside the model have let go of what they held."""

    def fail(inputs: AttentionInputs, output: AttentionOutput) -> None:
        raise MemoryError

    with pytest.raises(OutOfMemoryError) as caught:
        adapt(llama, *NARROW).process_request(REQUEST, on_call=fail)
    cause = caught.value.__cause__
    assert isinstance(cause, MemoryError)
    inside = [frame for frame in frames(cause.__traceback__) if "modeling_llama" in frame.f_code.co_filename]
    assert inside
    assert not any(isinstance(value, Tensor) for frame in inside for value in frame.f_locals.values())


def test_another_error_passes(llama: Any, adapt: MakeAdapter) -> None:
    """What has nothing to do with memory is raised as it is."""

    def fail(number: int, text: str) -> None:
        raise RuntimeError("of the user's own")

    with pytest.raises(RuntimeError, match="of the user's own"):
        adapt(llama, *NARROW).process_request(REQUEST, on_text=fail)


def frames(trace: TracebackType | None) -> list[Any]:
    found = []
    while trace is not None:
        found.append(trace.tb_frame)
        trace = trace.tb_next
    return found
