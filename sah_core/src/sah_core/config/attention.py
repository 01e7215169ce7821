"""The ``attention`` section: which maskers, in which order, and where the model keeps its own attention.

A mapping in ``maskers`` is read by the config class that the registry has for its ``kind``, when it is validated:
the default registry, or the one in the validation context under ``"registry"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from sah_core.chain import check_chain, check_no_exact_logits
from sah_core.errors import CompositionError, SahError
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry, default_registry

from .layers import Layers
from .wording import ConfigSection, custom_error, one_error, reworded

__all__ = ["AnyMasker", "AttentionConfig", "LayerMaskers", "registry_of"]


def registry_of(info: ValidationInfo) -> Registry:
    """The registry in the validation context (``{"registry": ...}``), or the default one."""
    context = info.context
    registry = context.get("registry") if isinstance(context, Mapping) else None
    return default_registry() if registry is None else registry


def _masker(value: Any, info: ValidationInfo) -> MaskerConfig:
    """A masker's config of its own class, found in the registry by its kind."""
    if isinstance(value, MaskerConfig):
        return value
    if not isinstance(value, Mapping):
        raise custom_error("masker_type", f"Input should be a mapping such as {{kind: sink}}, not {value!r}")
    kind = value.get("kind")
    if not isinstance(kind, str):
        message = f"Input should be a masker's name, not {kind!r}"
        if "kind" not in value:
            message = "Field required: the masker's name, such as sink"
        raise one_error("masker", "masker_kind", message, ("kind",), kind)
    try:
        config = registry_of(info).masker_config(kind)
    except SahError as error:
        raise one_error("masker", type(error).__name__, str(error), ("kind",), kind) from error
    try:
        return config.model_validate({name: _tuples(given) for name, given in value.items()}, context=info.context)
    except ValidationError as error:
        raise reworded(error, config) from None


def _tuples(value: Any) -> Any:
    """Lists as tuples: configs are hashable, and JSON and YAML have only lists."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


AnyMasker = SerializeAsAny[Annotated[MaskerConfig, BeforeValidator(_masker)]]
"""A config of whichever class the registry has for its kind; dumping it keeps that class's fields."""


def _some_maskers(maskers: tuple[MaskerConfig, ...]) -> tuple[MaskerConfig, ...]:
    if not maskers:
        raise custom_error(
            "no_masker",
            "at least one masker is needed; for dense attention leave out `attention`, "
            "or name layers in `dense_layers`",
        )
    return maskers


Maskers = Annotated[tuple[AnyMasker, ...], AfterValidator(_some_maskers)]


class LayerMaskers(ConfigSection):
    """What some layers' queries attend to, in place of what the others' do."""

    layers: Layers = Field(description="a layer, counted from 0, a range such as 4-7, or a list of both")
    maskers: Maskers = Field(
        strict=False, json_schema_extra={"minItems": 1}, description="the maskers of these layers, all of them"
    )


class AttentionConfig(ConfigSection):
    """Sparse attention as a list of maskers, applied in order."""

    kind: Literal["research", "efficient"] = Field(
        default="research",
        description="the backend: research computes the full product and then applies the mask, for any masker; "
        "efficient reads the attended keys alone, for maskers that do not need exact logits of all keys",
    )
    maskers: Maskers = Field(
        strict=False,
        json_schema_extra={"minItems": 1},
        description="what a query attends to: each masker adds to the ones before it",
    )
    dense_layers: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(), strict=False, description="layers, counted from 0, that keep the model's own attention"
    )
    overrides: tuple[LayerMaskers, ...] = Field(
        default=(), strict=False, description="layers with maskers of their own, in place of `maskers`"
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="the seed of everything that is drawn")

    def maskers_of(self, layer: int) -> tuple[MaskerConfig, ...]:
        """The maskers of a layer, which may be a dense one."""
        return next((override.maskers for override in self.overrides if layer in override.layers), self.maskers)

    @property
    def every_masker(self) -> tuple[MaskerConfig, ...]:
        """The maskers of all layers, each different one once."""
        lists = (self.maskers, *(override.maskers for override in self.overrides))
        return tuple(dict.fromkeys(masker for maskers in lists for masker in maskers))

    @model_validator(mode="after")
    def _fit_together(self) -> AttentionConfig:
        taken = dict.fromkeys(self.dense_layers, "dense_layers")
        for number, override in enumerate(self.overrides):
            for layer in override.layers:
                if layer in taken:
                    message = f"layer {layer} is in {taken[layer]} already"
                    raise one_error("attention", "layers", message, ("overrides", number, "layers"), layer)
            taken |= dict.fromkeys(override.layers, f"overrides[{number}]")
        for maskers in (self.maskers, *(override.maskers for override in self.overrides)):
            try:
                check_chain(maskers)
                if self.kind == "efficient":
                    check_no_exact_logits(maskers)
            except CompositionError as error:
                raise custom_error("composition", str(error)) from error
        return self
