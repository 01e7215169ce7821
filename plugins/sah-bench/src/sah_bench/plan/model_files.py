"""What a model is, told by its files: any byte that is changed makes another model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from sah_bench.store.whole_files import read_json, write_json

__all__ = ["files_digest"]

_KINDS = frozenset({".safetensors", ".bin", ".json", ".model", ".txt", ".jinja", ".py"})


def files_digest(folder: Path, memory: Path) -> str:
    """SHA-256 over the names and contents of a model's files, 64 hex digits.

    A file on the hub's cache is a link to a blob that is named by its content's hash, which is taken as it is. What
    other files hash to is kept in ``memory``, a JSON file, under path, size and times of change, so that large weights
    are read once.
    """
    known = _known(memory)
    found: dict[str, str] = {}
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _KINDS and path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {_content(path, known, found)}\n".encode())
    if not found.items() <= known.items():
        write_json(memory, {**known, **found})
    return digest.hexdigest()


def _known(memory: Path) -> dict[str, str]:
    try:
        kept = read_json(memory)
    except ValueError:
        return {}
    return dict(kept) if isinstance(kept, Mapping) else {}


def _content(path: Path, known: Mapping[str, str], found: dict[str, str]) -> str:
    if path.is_symlink():
        target = Path(os.readlink(path))
        if target.parent.name == "blobs":
            return target.name
    status = path.stat()
    place = json.dumps([str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino])
    if place not in known:
        with path.open("rb") as file:
            found[place] = hashlib.file_digest(file, "sha256").hexdigest()
    return known.get(place) or found[place]
