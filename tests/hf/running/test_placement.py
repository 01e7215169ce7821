"""Models that accelerate has placed: on the CPU by name or by itself, and with weights that stay on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model
from torch import Tensor

from sah_hf import Request
from sah_hf.models.fingerprint import model_fingerprint

pytest.importorskip("accelerate")
# transformers 4.57 takes the device that weights on disk wait on for the one that they are used on.
pytestmark = pytest.mark.filterwarnings("ignore:You are calling .generate.. with the `input_ids` being on:UserWarning")

MASKERS = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 3}]
REQUEST = Request("A mole lives at 7 Elm Row. ", ["Who?", "Where?"])
_PARTS = ("model.embed_tokens", "model.layers.0", "model.layers.1", "model.norm", "model.rotary_emb", "lm_head")
PLACES: dict[str, Any] = {
    "cpu": "cpu",
    "auto": "auto",
    "a layer on disk": {part: "disk" if part == "model.layers.1" else "cpu" for part in _PARTS},
    "most on disk": {part: "cpu" if part == "model.rotary_emb" else "disk" for part in _PARTS},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny Llama."""
    folder = tmp_path_factory.mktemp("saved")
    build_model("llama").save_pretrained(folder)
    return folder


@torch.no_grad()
def logits(model: Any, ids: Tensor) -> Tensor:
    """Of the last six tokens, after those before them."""
    cache = model(input_ids=ids[:, :-6]).past_key_values
    found: Tensor = model(input_ids=ids[:, -6:], past_key_values=cache).logits
    return found


@pytest.mark.parametrize("place", PLACES)
def test_wherever_weights_are(
    place: str, saved: Path, llama: Any, tokens: Any, adapt: MakeAdapter, tmp_path: Path
) -> None:
    """Logits, answers and fingerprint are the plain model's, and what is on disk is there again afterwards."""
    ids = tokens(30)
    model = type(llama).from_pretrained(saved, device_map=PLACES[place], offload_folder=tmp_path)
    before = {name: str(weight.device) for name, weight in model.named_parameters()}
    assert ("meta" in before.values()) == ("disk" in place)
    plain, placed = adapt(llama, *MASKERS), adapt(model, *MASKERS)
    with plain.enable_sparse_mode():
        expected = logits(llama, ids)
    with placed.enable_sparse_mode() as mode:
        found = logits(model, ids)
    assert mode.meter.calls == 2
    assert torch.equal(found, expected)
    assert torch.equal(logits(model, ids), logits(llama, ids))
    assert placed.process_request(REQUEST).responses == plain.process_request(REQUEST).responses
    assert model_fingerprint(model) == model_fingerprint(llama)
    assert {name: str(weight.device) for name, weight in model.named_parameters()} == before
