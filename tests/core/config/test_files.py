"""Files that are no config at all: one clear sentence each, and nothing in them is executed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sah_core import ConfigError, Registry, load_config
from sah_core.config.files import MAX_BYTES

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 2000))
STARTS = "a config is a mapping that starts with version: 1"

YAML = {
    "empty": ("", f": the file is empty; {STARTS}"),
    "comments": ("# nothing\n\n", f": the file is empty; {STARTS}"),
    "list": ("- 1\n", f":1:1 {STARTS}, not a list"),
    "scalar": ("\nneedle\n", f":2:1 {STARTS}, not the single value 'needle'"),
    "tab": (
        "version: 1\nmodel:\n\tname: x\n",
        ":3:1 not valid YAML: found character '\\t' that cannot start any token; indent with spaces, not with tabs",
    ),
    "duplicate key": ("version: 1\nmodel: a\nmodel: b\n", ":3:1 the field 'model' is given twice, first in line 2"),
    "nested duplicate": (
        "version: 1\nmodel: {name: a, name: b}\n",
        ":2:18 the field 'name' is given twice, first in line 2",
    ),
    "two documents": (
        "version: 1\n---\nversion: 1\n",
        ":2:1 a config is one YAML document, and here a second one starts",
    ),
    "YAML 1.1": ("%YAML 1.1\n---\nversion: 1\n", ":2:1 a config is YAML 1.2: remove the %YAML directive"),
    "YAML 1.3": ("%YAML 1.3\n---\nversion: 1\n", ":1:1 not valid YAML: "),
    "python tag": (
        "version: 1\nmodel: !!python/object/apply:os.abort []\n",
        ":2:8 a config holds plain values: remove the tag tag:yaml.org,2002:python/object/apply:os.abort",
    ),
    "own tag": ("version: !mine 1\n", ":1:10 a config holds plain values: remove the tag !mine"),
    "key is a number": ("version: 1\n1: 2\n", ":2:1 a field's name is a string: put it in quotes"),
    "key is a list": ("version: 1\n? [a]\n: b\n", ":2:3 a field's name is a string: put it in quotes"),
    "unknown alias": ("version: *v\n", ":1:10 the alias *v has no anchor &v before it"),
    "alias of itself": ("version: &v [*v]\n", ":1:14 the alias *v has no anchor &v before it"),
    "alias bomb": (BOMB, " a config holds at most 20000 values, with what its aliases repeat"),
    "alias chain": (CHAIN, " nested deeper than 32 levels, more than a config has"),
    "too deep": ("a: " + "[" * 5000 + "]" * 5000, ":1:35 nested deeper than 32 levels, more than a config has"),
    "unclosed": ("version: [1\n", ":2:1 not valid YAML: expected ',' or ']', but got '<stream end>'"),
    "control character": ("version: 1\nmodel: \x01\n", ":2:8 not valid YAML: the character U+0001 may not stand here"),
    "underscores": ("version: 1_0\n", ":1:10 1_0 is not the same number to every YAML reader: "),
    "binary": ("version: 0b1\n", ":1:10 0b1 is not the same number to every YAML reader: "),
}

JSON = {
    "empty": ("", f": the file is empty; {STARTS}"),
    "white space": (" \n", f": the file is empty; {STARTS}"),
    "list": ("[1]", f":1:1 {STARTS}, not a list"),
    "duplicate key": ('{"version": 1,\n "version": 1}', ":2:2 the field 'version' is given twice, first in line 1"),
    "NaN": ('{"version": NaN}', ":1:13 not valid JSON: NaN is no value (a string stands in double quotes)"),
    "Infinity": ('{"version": -Infinity}', ":1:13 not valid JSON: -Infinity is no value (a string stands in "),
    "leading zero": ('{"version": 01}', ":1:13 not valid JSON: 01 is no value (a string stands in double quotes)"),
    "huge number": ('{"version": ' + "9" * 5000 + "}", ":1:13 a number of 5000 characters is more than a config needs"),
    "trailing comma": ('{"version": 1,}', ":1:15 not valid JSON: expected a field's name in double quotes"),
    "trailing comma in a list": ('{"version": [1,]}', ":1:16 not valid JSON: expected a value"),
    "single quotes": ("{'version': 1}", ":1:2 not valid JSON: expected a field's name in double quotes"),
    "no colon": ('{"version" 1}', ":1:12 not valid JSON: expected a colon after 'version'"),
    "no comma": ('{"version": 1\n "model": "x"}', ":2:2 not valid JSON: expected , or }"),
    "comment": ('// me\n{"version": 1}', ":1:1 not valid JSON: // is no value (a string stands in double quotes)"),
    "two values": ('{"version": 1}\n{}', ":2:1 not valid JSON: there is more after the end of the value"),
    "unclosed": ('{"version": 1', ":1:14 not valid JSON: expected , or }"),
    "unclosed string": ('{"version', ":1:2 not valid JSON: this string does not end in its line"),
    "wrong escape": ('{"model": "a\\qb"}', ":1:13 not valid JSON: invalid \\escape in a string"),
    "tab in a string": ('{"model": "a\tb"}', ":1:13 not valid JSON: invalid control character at in a string"),
    "too deep": ('{"a":' * 5000, ":1:161 nested deeper than 32 levels, more than a config has"),
}


def refused(registry: Registry, name: str) -> str:
    """The message with which this file is refused."""
    with pytest.raises(ConfigError) as caught:
        load_config(name, registry)
    return str(caught.value)


@pytest.mark.parametrize(("text", "said"), YAML.values(), ids=YAML.keys())
def test_yaml_that_is_no_config(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """One sentence, after the file's name and the place."""
    monkeypatch.chdir(tmp_path)
    Path("run.yaml").write_text(text, encoding="utf-8")
    message = refused(registry, "run.yaml")
    assert message.startswith("run.yaml:")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(("text", "said"), JSON.values(), ids=JSON.keys())
def test_json_that_is_no_config(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """One sentence, after the file's name and the place."""
    monkeypatch.chdir(tmp_path)
    Path("run.json").write_text(text, encoding="utf-8")
    message = refused(registry, "run.json")
    assert message.startswith(f"run.json{said}")
    assert "\n" not in message


def test_a_tag_is_not_executed(registry: Registry, tmp_path: Path) -> None:
    """A tag that PyYAML's unsafe loader would call is refused before anything happens."""
    target = tmp_path / "made"
    path = tmp_path / "run.yaml"
    path.write_text(f"version: !!python/object/apply:os.mkdir ['{target.as_posix()}']\n", encoding="utf-8")
    assert "remove the tag" in refused(registry, str(path))
    assert not target.exists()


def test_a_file_that_is_not_there(registry: Registry, tmp_path: Path) -> None:
    """A wrong name is told as such."""
    path = str(tmp_path / "nope.yaml")
    assert refused(registry, path) == f"{path}: there is no such file"
    assert refused(registry, "") == "the name of the config file is empty"


def test_a_directory(registry: Registry, tmp_path: Path) -> None:
    """A directory is no file."""
    assert refused(registry, str(tmp_path)) == f"{tmp_path}: this is a directory, and a config is a file"


def test_another_ending(registry: Registry, tmp_path: Path) -> None:
    """Other formats are not guessed at."""
    path = str(tmp_path / "run.toml")
    assert refused(registry, path) == f"{path}: a config file ends in .yaml, .yml or .json"


def test_a_null_character_in_the_name(registry: Registry) -> None:
    """What no file system allows in a name is an unreadable file."""
    assert "the file cannot be read: " in refused(registry, "run\0.yaml")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything, Windows differs")
def test_a_file_that_may_not_be_read(registry: Registry, tmp_path: Path) -> None:
    """Missing permission is told in the system's words."""
    path = tmp_path / "run.yaml"
    path.write_text("version: 1\n", encoding="utf-8")
    path.chmod(0)
    assert refused(registry, str(path)) == f"{path}: the file cannot be read: Permission denied"


def test_bytes_that_are_no_utf_8(registry: Registry, tmp_path: Path) -> None:
    """Another encoding is told with the first byte that gives it away."""
    path = tmp_path / "run.yaml"
    path.write_bytes("version: 1 # café".encode("latin-1"))
    assert refused(registry, str(path)) == f"{path}: the file is not UTF-8 text (byte 0xe9 at offset 16)"


def test_a_byte_order_mark_is_no_text(registry: Registry, tmp_path: Path) -> None:
    """Some editors start UTF-8 files with a mark; places are counted without it."""
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 2\n")
    assert refused(registry, str(path)).startswith(f"{path}:1:1 version: ")


def test_a_file_that_is_far_too_long(registry: Registry, tmp_path: Path) -> None:
    """Megabytes are no config; they are not parsed."""
    path = tmp_path / "run.yaml"
    path.write_text("#" * (MAX_BYTES + 1), encoding="utf-8")
    assert refused(registry, str(path)) == f"{path}: a config file has at most 256 KiB"
