"""Laws of reading: what is dumped reads back equal, JSON and YAML mean the same, and nothing but ConfigError comes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_core import ConfigError, Registry, load_config
from sah_core.config.json_text import read_json
from sah_core.config.nodes import Node, TextError, place_of, plain
from sah_core.config.yaml_text import read_yaml

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
sizes = st.integers(1, 10**9) | st.floats(min_value=0, max_value=1, exclude_min=True)
maskers = st.one_of(
    st.fixed_dictionaries({"kind": st.just("window")}, optional={"window": st.integers(1, 10**12)}),
    st.fixed_dictionaries(
        {"kind": st.just("budget")},
        optional={
            "budget": sizes,
            "mass": st.floats(min_value=0, max_value=1, exclude_min=True),
            "share": st.booleans(),
            "mode": st.sampled_from(["exact", "fast"]),
            "levels": st.lists(st.integers(-5, 5), max_size=3),
        },
    ),
    st.fixed_dictionaries({"kind": st.just("folder"), "weights": names}),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
runs = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "attention": st.fixed_dictionaries(
            {"maskers": st.lists(maskers, min_size=1, max_size=3)},
            optional={"dense_layers": st.lists(st.integers(0, 99), max_size=3), "seed": st.integers(0, 2**63 - 1)},
        ),
        "model": names
        | st.fixed_dictionaries({"name": names}, optional={"revision": names, "trust_remote_code": st.booleans()}),
        "protocol": st.fixed_dictionaries({}, optional={"sparse_from": st.sampled_from(["question", "generation"])}),
        "generation": st.dictionaries(names, json_values, max_size=3),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose files are overwritten by every example."""
    return tmp_path_factory.mktemp("configs")


def as_yaml(value: Any, indent: str = "") -> str:
    """The value as YAML in block style, without its first line break or space."""
    if isinstance(value, dict) and value:
        lines = [f"{written(name)}:{_nested(inner, indent)}" for name, inner in value.items()]
    elif isinstance(value, list) and value:
        lines = [f"-{_nested(inner, indent)}" for inner in value]
    else:
        return written(value)
    return f"\n{indent}".join(lines)


def _nested(value: Any, indent: str) -> str:
    deeper = indent + "  "
    return f"\n{deeper}{as_yaml(value, deeper)}" if isinstance(value, list | dict) and value else f" {written(value)}"


def written(value: Any) -> str:
    """A scalar (or an empty list or mapping) in YAML: plain where it is a simple word, else in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if re.fullmatch("[a-z]{2,}", value) and value not in ("true", "false", "null"):
        return value
    return '"' + "".join(c if c.isalnum() or c in " :#-?[]{},&*!|>'%@" else f"\\U{ord(c):08x}" for c in value) + '"'


@given(data=runs, indent=st.sampled_from([None, 1, 4, "\t"]))
def test_yaml_and_json_mean_the_same(registry: Registry, folder: Path, data: dict[str, Any], indent: Any) -> None:
    """A mapping, its JSON file and its YAML file give equal configs with equal hashes."""
    (folder / "run.json").write_text(json.dumps(data, indent=indent), encoding="utf-8")
    (folder / "run.yaml").write_text(as_yaml(data), encoding="utf-8")
    config = load_config(data, registry)
    for name in ("run.json", "run.yaml"):
        read = load_config(folder / name, registry)
        assert read == config
        assert hash(read) == hash(config)


@given(data=runs)
def test_a_dump_reads_back_equal(registry: Registry, folder: Path, data: dict[str, Any]) -> None:
    """Loading what a config dumps, as a mapping or as a file, gives the config; so does loading the config itself."""
    config = load_config(data, registry)
    (folder / "dump.json").write_text(config.model_dump_json(indent=2), encoding="utf-8")
    assert load_config(config.model_dump(mode="json"), registry) == config
    assert load_config(folder / "dump.json", registry) == config
    assert load_config(config.model_dump(), registry) == config


@given(st.text(alphabet='{}[]",:.eE+-019 \n\t\\utrfalsn/\ud800\xe9', max_size=30))
def test_json_is_what_the_standard_library_reads(text: str) -> None:
    """Our reader accepts what json.loads accepts, but for NaN and duplicate fields, and reads the same value."""
    try:
        node = read_json(text)
    except TextError:
        with pytest.raises(ValueError):  # noqa: PT011 - any of the ways in which json refuses, and our two
            json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refused)
        return
    if node is not None:
        expected = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refused)
        assert repr(plain(node)) == repr(expected)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a field is given twice")
    return dict(pairs)


def _refused(constant: str) -> Any:
    raise ValueError(constant)


@given(json_values, st.sampled_from([None, 0, 3, "\t"]))
def test_json_values_read_back(value: Any, indent: Any) -> None:
    """Any JSON value is read as json.loads reads it: same values, same types."""
    node = read_json(json.dumps(value, indent=indent))
    assert node is not None
    assert repr(plain(node)) == repr(value)


@given(
    text=st.text(max_size=60) | st.text(alphabet="version: 1\n-[]{}&*a!%?|>'\"\t#~0x_.e,", max_size=60),
    name=st.sampled_from(["fuzz.yaml", "fuzz.json"]),
)
def test_no_text_raises_anything_else(registry: Registry, folder: Path, text: str, name: str) -> None:
    """Whatever a file holds, it is a config or a ConfigError that names the file."""
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    message = _refusal(path, registry)
    assert message is None or message.startswith(str(path))


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_else(registry: Registry, folder: Path, content: bytes) -> None:
    """The same for bytes that may not even be text."""
    path = folder / "bytes.yaml"
    path.write_bytes(content)
    message = _refusal(path, registry)
    assert message is None or message.startswith(str(path))


def _refusal(path: Path, registry: Registry) -> str | None:
    """The message of the ConfigError with which the file is refused, None where it is a config."""
    try:
        load_config(path, registry)
    except ConfigError as error:
        return str(error)
    return None


@given(json_values.filter(lambda value: isinstance(value, list | dict)), st.sampled_from(["json", "yaml"]))
def test_every_value_is_found_where_it_is_written(value: Any, form: str) -> None:
    """The text at a field's place starts with its name, at an item's place with the item."""
    text = json.dumps(value, indent=2, ensure_ascii=False) if form == "json" else as_yaml(value)
    lines = text.split("\n")  # the only line break that is in either: names hold no control characters
    root = read_json(text) if form == "json" else read_yaml(text)
    assert root is not None
    assert repr(plain(root)) == repr(value)
    for path, there in _paths(root):
        place = place_of(root, path)
        expected = json.dumps(there, ensure_ascii=False) if form == "json" else written(there)
        assert lines[place.line - 1][place.column - 1 :].startswith(expected)
        assert place_of(root, [*path, "no such step", 3]) == place


def _paths(node: Node, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """Every field (with its name) and every scalar item (with its value) below a node."""
    found: list[tuple[tuple[str | int, ...], Any]] = []
    if isinstance(node.value, dict):
        for name, entry in node.value.items():
            found += [((*path, name), name), *_paths(entry.value, (*path, name))]
    elif isinstance(node.value, tuple):
        for index, item in enumerate(node.value):
            if not isinstance(item.value, tuple | dict):
                found.append(((*path, index), item.value))
            found += _paths(item, (*path, index))
    return found
