"""The folder of a saved context: there whole or not at all, and read only if it is what was written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sah_hf.errors import SavedContextError

__all__ = ["FORMAT", "check_free", "read_record", "read_tensors", "write_folder"]

FORMAT = 1
_RECORD = "context.json"
_TENSORS = "context.safetensors"
_WHAT = "sah saved context"


def write_folder(folder: str | os.PathLike[str], record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a record and its tensors; a saved context that is there already is replaced.

    Raises SavedContextError where there is something else, or nothing can be written.
    """
    place = Path(folder).resolve()
    check_free(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as beside:
            new = Path(beside, "new")
            new.mkdir()
            save_file(dict(tensors), new / _TENSORS)
            whole = {"what": _WHAT, "format": FORMAT, **record, "tensors_sha256": _sha256(new / _TENSORS)}
            (new / _RECORD).write_text(json.dumps({**whole, "sha256": _digest(whole)}) + "\n", encoding="utf-8")
            shutil.copymode(new / _RECORD, new / _TENSORS)  # safetensors lets nobody else read its files
            for file in new.iterdir():
                _flush(file)
            _replace(place, new, Path(beside, "old"))
    except (OSError, SafetensorError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SavedContextError(f"the context cannot be saved to {str(folder)!r}: {said}") from error


def read_record(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What a folder says of the context in it; SavedContextError where it is none, damaged, or of a newer format."""
    file = Path(folder) / _RECORD
    try:
        record = json.loads(file.read_bytes())
    except OSError as error:
        raise SavedContextError(
            f"there is no saved context in {str(folder)!r} ({_RECORD}: {error.strerror}): name a folder that "
            "context.save wrote"
        ) from error
    except ValueError as error:
        raise SavedContextError(f"{file}: is damaged, or not of a saved context: {error}") from error
    if not isinstance(record, dict) or record.get("what") != _WHAT:
        raise SavedContextError(f"{file}: is not of a saved context")
    made = record.get("format")
    if isinstance(made, int) and made > FORMAT:
        raise SavedContextError(
            f"{str(folder)!r} has format {made}, and this version of sah-hf reads format {FORMAT}: update it"
        )
    if record.pop("sha256", None) != _digest(record) or made != FORMAT:
        raise SavedContextError(f"{file}: was damaged or changed since it was written: save the context again")
    return record


def read_tensors(folder: str | os.PathLike[str], record: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors that belong to a record, on the CPU; SavedContextError where they are missing or damaged."""
    file = Path(folder) / _TENSORS
    try:
        if _sha256(file) != record["tensors_sha256"]:
            raise SavedContextError(f"{file}: was damaged or cut off since it was written: save the context again")
        tensors: dict[str, Tensor] = load_file(file)
    except (OSError, SafetensorError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SavedContextError(f"{file}: cannot be read: {said}") from error
    return tensors


def check_free(place: Path) -> None:
    """Raise SavedContextError but for a folder that does not exist, is empty, or holds nothing but a saved context."""
    try:
        held = {each.name for each in place.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise SavedContextError(f"the context cannot be saved to {str(place)!r}: {error.strerror}") from error
    if held:
        if held - {_RECORD, _TENSORS} or _RECORD not in held:
            raise SavedContextError(
                f"{str(place)!r} is not empty and no saved context: name a new folder, or one of a saved context"
            )
        read_record(place)


def _replace(place: Path, new: Path, old: Path) -> None:
    """Put the new folder in its place; what was there goes to ``old``, and back where that fails."""
    if not place.exists():
        new.rename(place)
        return
    place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        old.rename(place)
        raise


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _flush(file: Path) -> None:
    """Have the disk confirm that it holds the file."""
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
