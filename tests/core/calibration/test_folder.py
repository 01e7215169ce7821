"""A calibration on disk: what was saved is what is loaded, and nothing else is taken for it."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sah_core import CalibrationError, load_calibration
from sah_core.calibration.folder import DataOrigin, ModelOrigin, Provenance, save_calibration

PROVENANCE = Provenance(
    kind="learned",
    config={"kind": "learned", "bits": 4},
    settings={"seed": 0},
    model=ModelOrigin(name="tiny", fingerprint="abc", layers=2, query_heads=4, kv_heads=2, head_dim=8),
    data=DataOrigin(file="text.jsonl", sha256="00", block=16, blocks=3, passes=1, tokens=40),
    versions={"sah-core": "0.1.0"},
    measures={"loss": 0.5},
)


def tensors() -> dict[str, dict[int, Tensor]]:
    return {
        "query.0.weight": {0: torch.arange(6.0).reshape(2, 3), 1: torch.ones(2, 3)},
        "channels": {1: torch.arange(4)},
    }


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """Tensors by name and layer, and the provenance with the hash of the tensors' file; no other file is left."""
    written = save_calibration(tmp_path / "made", tensors(), PROVENANCE)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "calibration.json",
        "calibration.safetensors",
    ]
    loaded = load_calibration(tmp_path / "made", "learned")
    assert loaded.provenance == written == PROVENANCE.model_copy(update={"sha256": written.sha256})
    assert torch.equal(loaded.of_layer("query.0.weight", 0, (2, 3)), tensors()["query.0.weight"][0])
    assert torch.equal(loaded.of_layer("channels", 1, (4,)), torch.arange(4))


def test_the_same_calibration_is_the_same_bytes(tmp_path: Path) -> None:
    """Saved twice, both files are equal."""
    for name in ("one", "two"):
        save_calibration(tmp_path / name, tensors(), PROVENANCE)
    for file in ("calibration.json", "calibration.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_does_not_fit_the_model_is_explained(tmp_path: Path) -> None:
    """A layer that is not there, and a tensor of another shape, name the model that the calibration was made of."""
    save_calibration(tmp_path, tensors(), PROVENANCE)
    loaded = load_calibration(tmp_path, "learned")
    with pytest.raises(CalibrationError, match="no channels for layer 0: it was made of tiny, which has 2 layers"):
        loaded.of_layer("channels", 0, (4,))
    with pytest.raises(
        CalibrationError, match=r"of shape \(4,\) for layer 1, and this model and config need \(8,\).*bits 4"
    ):
        loaded.of_layer("channels", 1, (8,))


def test_another_maskers_calibration_is_refused(tmp_path: Path) -> None:
    """The kind is part of what is looked for."""
    save_calibration(tmp_path, tensors(), PROVENANCE)
    with pytest.raises(CalibrationError, match="holds a calibration of 'learned', not of 'other'"):
        load_calibration(tmp_path, "other")


def test_a_missing_folder_says_how_to_make_one(tmp_path: Path) -> None:
    """The command is in the message."""
    with pytest.raises(CalibrationError, match=r"there is no calibration in .*sah calibrate"):
        load_calibration(tmp_path / "nothing", "learned")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("calibration.json", b"{}", "not the provenance of a calibration: kind: Field required"),
        ("calibration.json", b"not json", "not the provenance of a calibration"),
        ("calibration.safetensors", b"0123456789", "is not the file that calibration.json describes"),
        ("calibration.safetensors", None, "cannot be read"),
    ],
)
def test_a_damaged_file_is_an_error(tmp_path: Path, file: str, content: bytes | None, said: str) -> None:
    """Whatever is wrong with a file, the message names it."""
    save_calibration(tmp_path, tensors(), PROVENANCE)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(CalibrationError, match=said) as caught:
        load_calibration(tmp_path, "learned")
    assert file in str(caught.value)


def test_the_provenance_is_plain_json(tmp_path: Path) -> None:
    """Anyone can read where a calibration comes from."""
    save_calibration(tmp_path, tensors(), PROVENANCE)
    read = json.loads((tmp_path / "calibration.json").read_text())
    assert read["model"]["name"] == "tiny"
    assert read["data"]["tokens"] == 40
