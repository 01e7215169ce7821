"""Read a config file, YAML 1.2 or JSON by its ending, into plain values and the places where they stand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from sah_core.errors import ConfigError

from .json_text import read_json
from .nodes import Node, Plain, TextError, place_of, plain
from .yaml_text import read_yaml

__all__ = ["MAX_BYTES", "ConfigFile", "read_config_file"]

MAX_BYTES = 256 * 1024
"""How long a config file may be; a real one has a few hundred bytes."""

_READERS = {".json": read_json, ".yaml": read_yaml, ".yml": read_yaml, "": read_yaml}


@attrs.frozen
class ConfigFile:
    """A file's values, and where each is written."""

    name: str
    value: Plain
    root: Node

    def where(self, path: Sequence[str | int]) -> str:
        """``file:line:column`` of the last step of the path that the file has."""
        return f"{self.name}:{place_of(self.root, path)}"


def read_config_file(path: str | os.PathLike[str]) -> ConfigFile:
    """Read a file that ends in .yaml, .yml or .json (or in nothing: YAML); nothing in it is executed.

    Raises ``ConfigError`` in one sentence for anything that cannot be read as a mapping.
    """
    name = os.fspath(path)
    if not name:
        raise ConfigError("the name of the config file is empty")
    reader = _READERS.get(Path(name).suffix.lower())
    if reader is None:
        raise ConfigError(f"{name}: a config file ends in .yaml, .yml or .json")
    text = _text(name)
    try:
        root = reader(text)
        if root is None:
            raise ConfigError(f"{name}: the file is empty; a config is a mapping that starts with version: 1")
        value = plain(root)
    except TextError as error:
        raise ConfigError(f"{name}:{error.place} {error}") from error
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else f"the single value {value!r}"
        raise ConfigError(f"{name}:{root.place} a config is a mapping that starts with version: 1, not {kind}")
    return ConfigFile(name, value, root)


def _text(name: str) -> str:
    try:
        with open(name, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{name}: there is no such file") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{name}: this is a directory, and a config is a file") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ConfigError(f"{name}: the file cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}: a config file has at most {MAX_BYTES // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: the file is not UTF-8 text (byte 0x{content[error.start]:02x} at offset {error.start})"
        ) from error
