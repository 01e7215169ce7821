"""The JSON Schema accepts what load_config accepts and refuses what it refuses, by an independent validator."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sah_core import ConfigError, Registry, load_config
from sah_core.config import json_schema

GOOD: list[dict[str, Any]] = [
    {"version": 1},
    {"version": 1, "$schema": "sah.schema.json", "model": "needle"},
    {"version": 1, "model": {"name": "needle", "dtype": "float32", "revision": None}, "attention": None},
    {"version": 1, "attention": {"maskers": [{"kind": "window"}]}, "generation": {"max_new_tokens": 3}},
    {
        "version": 1,
        "attention": {
            "kind": "research",
            "maskers": [
                {"kind": "window", "window": 3},
                {"kind": "budget", "budget": 0.5, "mass": 1, "share": True, "levels": [1]},
                {"kind": "budget", "budget": 64},
                {"kind": "folder", "weights": "here"},
            ],
            "dense_layers": [0],
            "seed": 1,
        },
        "protocol": {"sparse_from": "generation"},
    },
]


def with_masker(**masker: Any) -> dict[str, Any]:
    return {"version": 1, "attention": {"maskers": [masker]}}


BAD: list[dict[str, Any]] = [
    {},
    {"version": 2},
    {"version": 1, "modle": "x"},
    {"version": 1, "model": 5},
    {"version": 1, "model": ""},
    {"version": 1, "model": {"dtype": "float32"}},
    {"version": 1, "model": {"name": "x", "dtype": "float23"}},
    {"version": 1, "protocol": {"sparse_from": "answer"}},
    {"version": 1, "generation": [1]},
    {"version": 1, "attention": {}},
    {"version": 1, "attention": {"maskers": []}},
    {"version": 1, "attention": {"kind": "fast", "maskers": [{"kind": "window"}]}},
    {"version": 1, "attention": {"maskers": [{"kind": "window"}], "seed": -1}},
    {"version": 1, "attention": {"maskers": [{"kind": "window"}], "dense_layers": [-1]}},
    with_masker(),
    with_masker(window=3),
    with_masker(kind="nope"),
    with_masker(kind="window", window=0),
    with_masker(kind="window", windw=3),
    with_masker(kind="folder"),
    with_masker(kind="budget", budget=0),
    with_masker(kind="budget", budget=-1),
    with_masker(kind="budget", budget=1.5),
    with_masker(kind="budget", budget=True),
    with_masker(kind="budget", budget="4"),
    with_masker(kind="budget", mass=0),
    with_masker(kind="budget", mode="slow"),
    with_masker(kind="budget", share="on"),
]


@pytest.fixture(scope="module")
def validator(registry: Registry) -> Draft202012Validator:
    """A validator of the schema, which is itself valid."""
    schema = json_schema(registry)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("data", GOOD, ids=json.dumps)
def test_good_configs_are_valid(registry: Registry, validator: Draft202012Validator, data: dict[str, Any]) -> None:
    """Both accept it."""
    load_config(data, registry)
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize("data", BAD, ids=json.dumps)
def test_bad_configs_are_not(registry: Registry, validator: Draft202012Validator, data: dict[str, Any]) -> None:
    """Both refuse it."""
    with pytest.raises(ConfigError):
        load_config(data, registry)
    assert not validator.is_valid(data)


def test_every_masker_is_a_branch(registry: Registry) -> None:
    """The schema tells maskers apart by kind, names its dialect and keeps the fields' descriptions."""
    schema = json_schema(registry)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    choice = schema["$defs"]["MaskerConfig"]
    assert set(choice["discriminator"]["mapping"]) == set(registry.kinds)
    assert len(choice["oneOf"]) == len(registry.kinds)
    assert schema["$defs"]["FolderConfig"]["properties"]["weights"]["description"] == "a calibration folder"


def test_without_maskers_the_schema_is_still_one() -> None:
    """With nothing installed no masker is valid, and a config without attention is."""
    schema = json_schema(Registry([], environ={}))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"version": 1})
    assert not validator.is_valid(with_masker(kind="window"))
