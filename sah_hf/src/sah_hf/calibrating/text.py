"""The text that a model reads while it is observed: a file's documents, cut into blocks of tokens."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from attrs import frozen

from sah_core import UsageError

__all__ = ["Blocks", "read_blocks"]

_SHORTEST = 2
"""Tokens in a block: one token attends to nothing but itself."""


@frozen
class Blocks:
    """Token ids, block by block, and the SHA-256 of the file that they were read from."""

    file: str
    sha256: str
    block: int
    ids: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """In all blocks together."""
        return sum(map(len, self.ids))


def read_blocks(file: Path, tokenizer: Any, block: int, limit: int | None = None) -> Blocks:
    """Cut the documents of a file into blocks of at most ``block`` tokens, the first ``limit`` of them.

    A ``.jsonl`` file holds one document a line, ``{"text": "..."}``; any other is one document of UTF-8 text. A block
    never spans two documents; each document begins with the tokenizer's own special tokens. Raises UsageError for a
    file that cannot be read so, or holds no text.
    """
    if block < _SHORTEST:
        raise UsageError(f"--block should be at least {_SHORTEST} tokens, not {block}")
    if limit is not None and limit < 1:
        raise UsageError(f"--blocks should be at least 1, not {limit}")
    data = _read(file)
    found: list[tuple[int, ...]] = []
    for document in _documents(file, data):
        ids = tokenizer(document)["input_ids"]
        pieces = [tuple(ids[start : start + block]) for start in range(0, len(ids), block)]
        found.extend(piece for piece in pieces if len(piece) >= _SHORTEST)
        if limit is not None and len(found) >= limit:
            break
    if not found:
        raise UsageError(f"{file}: the tokenizer makes no block of {_SHORTEST} tokens or more of it")
    return Blocks(str(file), hashlib.sha256(data).hexdigest(), block, tuple(found[:limit]))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"--data {file}: cannot be read: {error.strerror}") from error


def _documents(file: Path, data: bytes) -> list[str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"--data {file}: is not UTF-8 text (byte {error.start})") from error
    if file.suffix != ".jsonl":
        return [text]
    return [_document(file, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _document(file: Path, number: int, line: str) -> str:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError(f"--data {file}:{number}: is not JSON: {error.msg}") from error
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise UsageError(f'--data {file}:{number}: expected an object with a text, {{"text": "..."}}')
    return text
