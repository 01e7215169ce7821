"""A saved context is the same context: every bit of its cache, its indexes, its answers; in another process, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.hf.conftest import WINDOW, MakeAdapter
from tests.hf.test_cache import contents

from sah_hf import ModelAdapterHF, Request

from .counting import CONTEXT, NARROW, QUEST, QUESTIONS, count_fits

SHORT = {"max_new_tokens": 4, "no_repeat_ngram_size": 1}


def stored(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors in a folder's file."""
    return load_file(folder / "context.safetensors")


def test_there_and_back(model: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """Of every kind of cache: no bit, class, length or answer differs, nothing is read, no index is fitted anew."""
    adapter = adapt(model, *NARROW, QUEST, generation=SHORT)
    context = adapter.context(CONTEXT)
    expected = context.ask(QUESTIONS[:2])
    context.save(tmp_path / "saved")

    fits = count_fits(adapter)
    loaded = adapter.load_context(tmp_path / "saved")
    old, new = contents(context.read.cache), contents(loaded.read.cache)
    assert len(new) == len(old) > 0
    assert all(torch.equal(one, other) and one.dtype == other.dtype for one, other in zip(old, new, strict=True))
    assert type(loaded.read.cache) is type(context.read.cache)
    layers = [[type(layer) for layer in getattr(each.read.cache, "layers", [])] for each in (context, loaded)]
    assert layers[0] == layers[1]
    assert loaded.read.cache.get_seq_length() == context.read.cache.get_seq_length()
    assert (loaded.tokens, loaded.seconds) == (context.tokens, context.seconds)
    assert loaded.index_bytes >= context.index_bytes > 0
    found = loaded.ask(QUESTIONS[:2])
    assert found.responses == expected.responses
    assert (found.report.density, found.report.context_prefills) == (expected.report.density, 0)
    assert found.report.context_attention == expected.report.context_attention
    assert loaded.ask(QUESTIONS[0]).responses == expected.responses[0]
    assert loaded.index_bytes == context.index_bytes
    assert 109 not in fits  # a sliding layer's index is of what its window holds, at every call anew


def test_before_the_first_question(llama: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """Saved without indexes, it fits them at the first question after it is loaded."""
    adapter = adapt(llama, *NARROW, QUEST)
    adapter.context(CONTEXT).save(tmp_path)
    fits = count_fits(adapter)
    context = adapter.load_context(tmp_path)
    assert context.index_bytes == 0
    assert context.ask("Who?").responses == adapter.process_request(Request(CONTEXT, "Who?")).responses
    assert fits == [109] * 4


@pytest.mark.parametrize(
    "changed", [{"page_size": 8}, {"budget": 0.5}, {"seed": 1}], ids=["page_size", "budget", "seed"]
)
def test_another_attention_config(llama: Any, adapt: MakeAdapter, tmp_path: Path, changed: dict[str, Any]) -> None:
    """Keys and values are anyone's, indexes are not: another config, or another seed, fits its own."""
    context = adapt(llama, *NARROW, QUEST).context(CONTEXT)
    context.ask("Who?")
    context.save(tmp_path)
    seed = {name: changed[name] for name in changed if name == "seed"}
    other = adapt(llama, *NARROW, {**QUEST, **changed} if not seed else QUEST, attention=seed)
    loaded = other.load_context(tmp_path)
    assert loaded.index_bytes == 0
    assert loaded.ask(QUESTIONS).responses == other.process_request(Request(CONTEXT, QUESTIONS)).responses
    dense = adapt(llama)
    assert (
        dense.load_context(tmp_path).ask("Who?").responses == dense.process_request(Request(CONTEXT, "Who?")).responses
    )


def test_a_masker_that_cannot_save(llama: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """An index that names nothing to be saved is not in the folder, and is fitted at the first question."""
    adapter = adapt(llama, *NARROW, QUEST)
    fits = count_fits(adapter, saves=False)
    context = adapter.context(CONTEXT)
    expected = context.ask("Who?").responses
    context.save(tmp_path)
    assert not [name for name in stored(tmp_path) if name.startswith("indexes")]
    assert adapter.load_context(tmp_path).ask("Who?").responses == expected
    assert fits == [109] * 4


def test_read_sparsely(llama: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """A context that the protocol wanted sparse comes back as one."""
    adapter = adapt(llama, *NARROW, protocol={"sparse_from": "context", "first_tokens_dense": 5})
    context = adapter.context(CONTEXT)
    expected = context.ask("Who?").responses
    dense = contents(adapt(llama, *NARROW).context(CONTEXT).read.cache)
    assert not all(map(torch.equal, contents(context.read.cache), dense))
    context.save(tmp_path)
    loaded = adapter.load_context(tmp_path)
    assert loaded.read.reading is not None
    assert loaded.read.reading == context.read.reading
    assert loaded.ask("Who?").responses == expected


def test_a_sliding_layer_is_saved_as_its_window(gemma2: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """Its tensors may be the end of longer ones; the file, and what is loaded, hold the window alone."""
    context = adapt(gemma2).context(CONTEXT)
    context.save(tmp_path)
    token = 2 * 2 * 16 * 4  # keys and values, heads, numbers, bytes
    held = sum(tensor.nbytes for tensor in stored(tmp_path).values())
    assert 109 * token + (WINDOW - 1) * token <= held <= 109 * token + (WINDOW - 1) * token + 16
    assert adapt(gemma2).load_context(tmp_path).kv_bytes == held


def test_what_several_places_hold_is_saved_once(llama: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """A cache whose layers share tensors comes back with the same sharing, and in as much memory."""
    adapter = adapt(llama)
    context = adapter.context(CONTEXT)
    first, second = context.read.cache.layers
    second.keys = first.keys
    context.save(tmp_path)
    assert sum(tensor.nbytes for tensor in stored(tmp_path).values()) == 3 * 2 * 109 * 8 * 4
    loaded = adapter.load_context(tmp_path)
    assert loaded.read.cache.layers[1].keys is loaded.read.cache.layers[0].keys
    assert loaded.kv_bytes == 3 * 2 * 109 * 8 * 4


def test_saved_again(llama: Any, adapt: MakeAdapter, tmp_path: Path) -> None:
    """A saved context may be replaced, as when it has learned more, and nothing else is left beside it."""
    adapter = adapt(llama, *NARROW, QUEST)
    context = adapter.context(CONTEXT)
    context.save(tmp_path / "a")
    context.ask("Who?")
    context.save(tmp_path / "a")
    adapter.load_context(tmp_path / "a").save(tmp_path / "b")
    assert {name: tensor.tolist() for name, tensor in stored(tmp_path / "b").items()} == {
        name: tensor.tolist() for name, tensor in stored(tmp_path / "a").items()
    }
    assert any(name.startswith("indexes") for name in stored(tmp_path / "b"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["context.json", "context.safetensors"]
    assert len({path.stat().st_mode for path in (tmp_path / "a").iterdir()}) == 1, "one may be read, the other not"


NEW_PROCESS = """
import sys
from sah_hf import ModelAdapterHF
adapter = ModelAdapterHF("needle", {"maskers": [
    {"kind": "sink"}, {"kind": "local"}, {"kind": "pqcache", "budget": 16}]}, generation={"max_new_tokens": 8})
context = adapter.load_context(sys.argv[1])
response = context.ask(["? kilin", "? tovel"])
print(response.responses, response.report.context_prefills, round(response.report.density, 9), context.index_bytes)
"""


def test_in_a_new_process(tmp_path: Path) -> None:
    """The embedded model, loaded anew: the same answers and density, with no prefill."""
    maskers = [{"kind": "sink"}, {"kind": "local"}, {"kind": "pqcache", "budget": 16}]
    adapter = ModelAdapterHF("needle", {"maskers": maskers}, generation={"max_new_tokens": 8})
    context = adapter.context(
        "river kilin one two three . " + "grass rain wind moon " * 60 + "tovel six six four . tree"
    )
    expected = context.ask(["? kilin", "? tovel"])
    assert expected.responses == ["one two three", "six six four"]
    context.save(tmp_path)
    said = subprocess.run([sys.executable, "-c", NEW_PROCESS, tmp_path], capture_output=True, text=True, check=True)
    density = round(expected.report.density or 0, 9)
    assert said.stdout.split("\n")[0] == f"{expected.responses} 0 {density} {context.index_bytes}"
