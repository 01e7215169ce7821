"""`sah calibrate`: what is observed, what is stored, and that an interrupted run ends as an undisturbed one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sah_core import (
    AttentionInputs,
    CalibrationError,
    ConfigError,
    Mask,
    UsageError,
    load_calibration,
    load_config,
    masked_attention,
)
from sah_core.cli import main
from sah_hf import ModelAdapterHF
from sah_hf.calibrating.calibrate import Calibrated, Calibrating
from sah_hf.calibrating.observing import ObservingMode
from sah_hf.calibrating.settings import asked_calibrations
from sah_hf.calibrating.text import Blocks, read_blocks
from sah_hf.modes.mode import opened
from sah_masker_double_sparsity import DoubleSparsityConfig, DoubleSparsitySettings

from .conftest import build_model

KIND = "double_sparsity"


@pytest.fixture
def blocks(tmp_path: Path, tokenizer: Any) -> Blocks:
    file = tmp_path / "text.jsonl"
    file.write_text("".join(json.dumps({"text": f"The {n}th mole lives at {n} Elm Row."}) + "\n" for n in range(5)))
    return read_blocks(file, tokenizer, block=16)


def calibrating(folder: Path, blocks: Blocks, **changes: Any) -> Calibrating:
    given: dict[str, Any] = {
        "config": DoubleSparsityConfig(group_factor=4, channels="unread"),
        "settings": DoubleSparsitySettings(),
        "model": build_model("llama"),
        "model_name": "tiny",
        "blocks": blocks,
        "passes": 1,
        "folder": folder,
    }
    return Calibrating(**{**given, **changes})


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_oss", "qwen3_next"])
def test_observing_changes_nothing(family: str) -> None:
    """The model's logits are what they are unobserved; every attention layer is seen once, its tokens causally."""
    model = build_model(family)
    tokens = torch.arange(24).reshape(1, 24)
    seen: list[AttentionInputs] = []
    with torch.no_grad():
        before = model(input_ids=tokens, use_cache=False).logits
        with opened(ObservingMode(model, seen.append)):
            observed = model(input_ids=tokens, use_cache=False).logits
    assert torch.allclose(observed, before, atol=1e-5)
    layers = [inputs.layer_idx for inputs in seen]
    assert layers == sorted(set(layers))
    assert len(layers) >= 1
    for inputs in seen:
        assert inputs.shape[2:] == (24, 24)
        assert not bool(inputs.visible.triu(1).any())
        assert bool(masked_attention(inputs, Mask.full(inputs.shape)).isfinite().all())


def test_what_is_learned_is_stored_with_where_it_comes_from(tmp_path: Path, blocks: Blocks) -> None:
    """Every layer has its tensors; the provenance tells model, text and settings."""
    done = calibrating(tmp_path / "made", blocks).run()
    found = load_calibration(done.folder, KIND)
    assert found.provenance == done.provenance
    for layer in (0, 1):
        channels = found.of_layer("channels", layer, (2, 8))
        assert torch.equal(channels.sort().values, torch.arange(8).expand(2, 8))
    data, model = done.provenance.data, done.provenance.model
    assert (data.file, data.blocks, data.tokens, data.passes) == ("text.jsonl", len(blocks.ids), blocks.tokens, 1)
    assert (model.name, model.layers, model.query_heads, model.kv_heads, model.head_dim) == ("tiny", 2, 4, 2, 8)
    assert done.blocks_read == len(blocks.ids)


class _PressedAt:
    """Ctrl-C after so many blocks."""

    def __init__(self, block: int) -> None:
        self.block = block

    def __call__(self, done: int, measures: dict[str, float]) -> None:
        if done == self.block:
            raise KeyboardInterrupt


@pytest.mark.parametrize("pressed", [1, 7, 19, 20])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, blocks: Blocks, pressed: int) -> None:
    """In the middle of a pass, after one, or after the last block: the files are those of an undisturbed run."""
    blocks = Blocks(blocks.file, blocks.sha256, blocks.block, blocks.ids[:10])
    undisturbed = calibrating(tmp_path / "one", blocks, passes=2).run()
    with pytest.raises(KeyboardInterrupt):
        calibrating(tmp_path / "two", blocks, passes=2).run(_PressedAt(pressed))
    resumed = calibrating(tmp_path / "two", blocks, passes=2).run()
    assert resumed.blocks_read == 20 - pressed
    assert resumed.provenance == undisturbed.provenance
    names = {path.name for path in (tmp_path / "two").iterdir()}
    assert names == {"calibration.json", "calibration.safetensors"}
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_progress_of_something_else_is_not_continued(tmp_path: Path, blocks: Blocks) -> None:
    """Another text, or a damaged file: the run begins anew."""
    folder = tmp_path / "made"
    with pytest.raises(KeyboardInterrupt):
        calibrating(folder, blocks).run(_PressedAt(2))
    other = Blocks(blocks.file, "0" * 64, blocks.block, blocks.ids)
    with pytest.raises(KeyboardInterrupt):
        calibrating(folder, other).run(_PressedAt(0))
    (folder / "progress.safetensors").write_bytes(b"damaged")
    assert calibrating(folder, blocks).run().blocks_read == len(blocks.ids)


def test_a_finished_calibration_is_neither_made_again_nor_overwritten(tmp_path: Path, blocks: Blocks) -> None:
    """The same is left as it is; one that would differ is refused, and says in what."""
    first = calibrating(tmp_path, blocks).run()
    again: Calibrated = calibrating(tmp_path, blocks).run()
    assert (again.blocks_read, again.provenance) == (0, first.provenance)
    with pytest.raises(CalibrationError, match=r"finished calibration with another passes \(1, asked for: 2\)"):
        calibrating(tmp_path, blocks, passes=2).run()
    with pytest.raises(CalibrationError, match="finished calibration with another model"):
        calibrating(tmp_path, blocks, model=build_model("llama", num_hidden_layers=3)).run()


def test_a_model_that_was_not_calibrated_is_refused(tmp_path: Path, blocks: Blocks) -> None:
    """The adapter of the calibrated model is made; a model of the same shape with other weights is told from it."""
    calibrating(tmp_path, blocks).run()
    attention = {"maskers": [{"kind": KIND, "budget": 0.5, "group_factor": 4, "channels": str(tmp_path)}]}
    assert ModelAdapterHF(build_model("llama"), attention).attention is not None
    other = build_model("llama")
    with torch.no_grad():
        other.get_input_embeddings().weight.mul_(2.0)
    with pytest.raises(CalibrationError, match=r"attention.maskers\[0\] .* was made of tiny .* is another one"):
        ModelAdapterHF(other, attention)


@pytest.mark.parametrize(
    ("maskers", "changes", "error", "said"),
    [
        (
            [{"kind": "sink"}],
            [],
            ConfigError,
            r"no masker of the config \(sink\) learns anything; .*double_",
        ),
        (
            [{"kind": KIND}, {"kind": KIND, "budget": 3}],
            [],
            ConfigError,
            "two different double_sparsity maskers",
        ),
        ([{"kind": KIND}], ["seed=1"], UsageError, "--set seed=1: expected KIND.FIELD=VALUE"),
        ([{"kind": KIND}], ["quest.seed=1"], UsageError, "'quest' is not calibrated here; there is double_sparsity"),
        ([{"kind": KIND}], [f"{KIND}.seed=1"], UsageError, "unknown setting"),
        (
            [{"kind": "hashattention", "weights": "w"}],
            ["hashattention.hiden=8"],
            UsageError,
            "unknown setting, did you mean 'hidden'",
        ),
        (
            [{"kind": "hashattention", "weights": "w"}],
            ["hashattention.hidden=0"],
            UsageError,
            "hashattention.hidden: Input should be greater than or equal to 1, not 0",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_explained(
    maskers: list[dict[str, Any]], changes: list[str], error: type[Exception], said: str
) -> None:
    """One sentence that names the masker, the setting and what there is."""
    attention = load_config({"version": 1, "attention": {"maskers": maskers}}).attention
    assert attention is not None
    with pytest.raises(error, match=said):
        asked_calibrations(attention.maskers, changes)


def test_the_command(tmp_path: Path, tokenizer: Any, blocks: Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes a folder for the masker, says what to put into the config, and that config then runs."""
    build_model("llama").save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    folder = tmp_path / "calibration"
    masker = {"kind": KIND, "budget": 0.5, "group_factor": 2, "channels": str(folder / KIND)}
    config = tmp_path / "run.json"
    run = {"version": 1, "model": str(tmp_path / "tiny"), "attention": {"maskers": [{"kind": "sink"}, masker]}}
    config.write_text(json.dumps(run))
    call = ["calibrate", str(config), "--data", blocks.file, "-o", str(folder), "--block", "16"]
    assert main(call) == 0
    assert f"channels: {folder / KIND}" in capsys.readouterr().out
    assert main([*call, "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["field"], said["folder"], said["blocks_read"]) == ("channels", str(folder / KIND), 0)
    assert ModelAdapterHF.from_config(config).attention is not None
    assert main([*call, "--block", "4096"]) == 2
    assert "--block 4096: the model has positions for 512 tokens" in capsys.readouterr().err
    assert main([*call, "--passes", "0"]) == 2
    config.write_text(json.dumps({**run, "model": None}))
    assert main(call) == 2
