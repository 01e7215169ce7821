"""The JSON Schema of a run's config, with every masker that is installed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry, default_registry

from .run import RunConfig

__all__ = ["json_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(registry: Registry | None = None) -> dict[str, Any]:
    """The schema for editors and other tools, in JSON Schema 2020-12: each masker is one branch, told apart by kind.

    It accepts what ``load_config`` accepts, except where JSON Schema cannot say it: to it, 2.0 is an integer.
    """
    registry = default_registry() if registry is None else registry
    maskers = {kind: registry.masker_config(kind) for kind in registry.kinds}
    models: list[tuple[type[BaseModel], Literal["validation"]]] = [(RunConfig, "validation")]
    models += [(config, "validation") for config in maskers.values()]
    references, schema = models_json_schema(models)
    definitions = schema["$defs"]
    branches = {}
    for kind, config in maskers.items():
        reference = references[config, "validation"]
        branches[kind] = reference["$ref"]
        definition = definitions[reference["$ref"].rpartition("/")[2]]
        definition["required"] = sorted({"kind", *definition.get("required", ())})
    # Without any branch nothing is valid, which JSON Schema writes as {"not": {}}: its oneOf may not be empty.
    choice = {
        "oneOf": [{"$ref": branch} for branch in branches.values()],
        "discriminator": {"propertyName": "kind", "mapping": branches},
    }
    definitions[MaskerConfig.__name__] = {
        "title": "Masker",
        "description": "one of the maskers that were installed when this schema was written",
        **(choice if branches else {"not": {}}),
    }
    run = definitions.pop(references[RunConfig, "validation"]["$ref"].rpartition("/")[2])
    run["properties"]["$schema"] = {"type": "string", "description": "where an editor finds this schema"}
    name_alone = {"type": "string", "minLength": 1, "description": "the model's name alone"}
    run["properties"]["model"]["anyOf"].insert(0, name_alone)
    return {"$schema": _DIALECT, **run, "title": "Sparse Attention Hub run", "$defs": definitions}
