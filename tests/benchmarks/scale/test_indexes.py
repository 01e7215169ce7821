"""What an index holds, by its formula and in memory: to the byte, for every masker that is installed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.calls.calibrations import random_calibrations
from benchmarks.calls.call import Heads
from benchmarks.request.models import llama
from benchmarks.scale.costs import Costs, Method
from benchmarks.scale.indexes import KeyHeads, index_bytes, read_bytes
from benchmarks.scale.shapes import ModelShape
from benchmarks.scale.speeds import Speeds
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from sah_core import AttentionInputs, AttentionState, MaskerConfig, apply_maskers, create_masker
from sah_core.config.load import parse_masker
from sah_core.plugins import default_registry
from sah_hf import ModelAdapterHF, Request
from sah_hf.models.fingerprint import model_fingerprint
from sah_model_needle.checkpoint import directory

HEADS = Heads(query=4, kv=2, width=16)
FIELDS: dict[str, dict[str, list[Any]]] = {
    "quest": {"page_size": [1, 5, 16]},
    "double_sparsity": {"channels": ["folder", "online"], "group_factor": [2, 8], "label_bits": [1, 3, 4, 8, 9, 16]},
    "hashattention": {"weights": ["folder"]},
    "pqcache": {"subvectors": [1, 2, 4], "bits": [2, 4, 6], "metric": ["euclidean", "inner_product"]},
    "magicpig": {"tables": [3, 12], "bits": [2, 7]},
}
"""What decides an index; a budget does not."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrations")
    random_calibrations(folder, HEADS)
    return folder


def configured(kind: str, fields: dict[str, Any], folders: Path) -> MaskerConfig:
    """A config, its folder of what is learned put in."""
    placed = {name: str(folders / kind) if value == "folder" else value for name, value in fields.items()}
    return parse_masker({"kind": kind, **placed}, default_registry())


@st.composite
def maskers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(sorted(default_registry().kinds)))
    return kind, {name: draw(st.sampled_from(values)) for name, values in FIELDS.get(kind, {}).items()}


@given(
    masker=maskers(),
    context=st.integers(1, 300),
    new=st.integers(1, 20),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_an_index_is_as_large_as_predicted(
    folders: Path, masker: tuple[str, dict[str, Any]], context: int, new: int, dtype: torch.dtype
) -> None:
    """After the context was indexed, and new keys with it; of every kind that is installed."""
    config = configured(*masker, folders)
    random = torch.Generator().manual_seed(context)

    def normal(heads: int, length: int) -> torch.Tensor:
        return torch.randn((1, heads, length, HEADS.width), generator=random).to(dtype)

    keys = context + new
    state = AttentionState(context_length=context)
    inputs = AttentionInputs(normal(HEADS.query, 1), normal(HEADS.kv, keys), normal(HEADS.kv, keys), state=state)
    first = create_masker({"kind": "sink", "size": 1})
    apply_maskers([first, create_masker(config)], inputs)
    heads = KeyHeads(HEADS.kv, HEADS.width, dtype.itemsize, HEADS.query // HEADS.kv)
    assert index_bytes(config, heads, keys, context) == state.nbytes


@pytest.mark.parametrize("which", [0, -1])
def test_a_request_reports_as_much_as_predicted(tmp_path: Path, which: int) -> None:
    """In a model, all layers together: of the context, to which it returns; but for a page that is not full."""
    model = llama(
        torch.float32,
        512,
        hidden_size=64,
        intermediate_size=32,
        vocab_size=512,
        num_hidden_layers=1,
        num_attention_heads=HEADS.query,
        num_key_value_heads=HEADS.kv,
    )
    tokenizer = AutoTokenizer.from_pretrained(directory())
    random_calibrations(tmp_path, HEADS)
    for said in tmp_path.rglob("*.json"):  # whose model they are of
        said.write_text(
            said.read_text().replace('"fingerprint": "none"', f'"fingerprint": "{model_fingerprint(model)}"')
        )
    costs = Costs(ModelShape.of(model.config), Speeds(1.0, 1.0, 1.0, 1.0, 0.0))
    for kind, fields in FIELDS.items():
        masker = configured(kind, {name: values[which] for name, values in fields.items()}, tmp_path)
        attention = {"maskers": [{"kind": "sink"}, {"kind": "local"}, masker.model_dump()]}
        adapter = ModelAdapterHF(model, attention, tokenizer, generation={"max_new_tokens": 3})
        report = adapter.process_request(Request("river " * 150, "stone")).report
        predicted = costs.index_bytes(Method(kind, 0.1, masker), report.context_tokens)
        page = index_bytes(masker, costs.key_heads, 1) if kind == "quest" else 0
        assert predicted - page <= report.index_bytes <= predicted, kind


def test_a_step_reads_what_is_of_keys(folders: Path) -> None:
    """All of it but what does not grow with the keys; of hash tables a part."""
    heads = KeyHeads(2, 16, 4, 2)
    for kind, fields in FIELDS.items():
        masker = configured(kind, {name: values[0] for name, values in fields.items()}, folders)
        read = read_bytes(masker, heads, 2**20) - read_bytes(masker, heads, 2**19)
        grown = index_bytes(masker, heads, 2**20) - index_bytes(masker, heads, 2**19)
        assert read == grown if kind != "magicpig" else read < 2 * grown, kind


def test_an_unknown_masker_is_named() -> None:
    """A plugin of someone else's has an index of its own form."""

    class Other(MaskerConfig):
        kind: str = "other"

    with pytest.raises(ValueError, match=r"a masker with a known index is expected, .*not other"):
        index_bytes(Other(), KeyHeads(1, 8, 4), 10)
