"""The fields of a masker's or a task's config in a user's words: type, default, meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from pydantic import BaseModel

__all__ = ["FieldDescription", "described_fields"]


@attrs.frozen
class FieldDescription:
    """One field; a required one has no default."""

    name: str
    type: str
    required: bool
    default: Any
    description: str


def described_fields(config: type[BaseModel]) -> tuple[FieldDescription, ...]:
    """The fields that a user may write beside ``kind``, read from the config's JSON Schema."""
    schema = config.model_json_schema()
    required = schema.get("required", ())
    return tuple(
        FieldDescription(
            name=name,
            type=_written(field, schema.get("$defs", {})),
            required=name in required,
            default=field.get("default"),
            description=" ".join(field.get("description", "").split()),
        )
        for name, field in schema["properties"].items()
        if name != "kind"
    )


def _written(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _written(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    if "anyOf" in schema:
        return " or ".join(_written(branch, definitions) for branch in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_written(schema.get('items', {}), definitions)}"
    return f"{schema.get('type', 'anything')}{_bounds(schema)}"


def _bounds(schema: Mapping[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[name]}" for name, sign in signs.items() if name in schema]
    return f" {' and '.join(bounds)}" if bounds else ""
