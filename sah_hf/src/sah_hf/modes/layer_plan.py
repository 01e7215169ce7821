"""`LayerPlan`: which layers of a model are sparse under an attention config, by which maskers, and the rest."""

from __future__ import annotations

import weakref
from typing import Any

import attrs
from attrs import field, frozen

from sah_core import AttentionConfig, ConfigError
from sah_hf.failing import failures_named
from sah_hf.models.model_input import check_loaded
from sah_hf.reports.report import LayerReport

from .meter import Meter
from .probe import routed_layers

__all__ = ["LayerPlan"]


@frozen(eq=False)
class LayerPlan:
    """A model's layers as they were when it was looked at; ``routed`` are those whose attention can be sparse."""

    config: AttentionConfig
    routed: tuple[int, ...]
    kinds: tuple[str | None, ...]
    """What the model's config calls each of its layers."""
    _structure: Any = field(repr=False)

    @classmethod
    def of(cls, model: Any, config: AttentionConfig) -> LayerPlan:
        """Look at a model, which runs once on two tokens.

        Raises UnsupportedModelError as `routed_layers`, and ConfigError where the config names layers that the model
        does not have, or maskers that no layer would ever ask.
        """
        kinds = _kinds(model)
        _check_named(config, len(kinds))
        check_loaded(model)
        with failures_named(model, "looking at its layers with two tokens", "a smaller model, or bfloat16, needs less"):
            routed = routed_layers(model)
        plan = cls(config, routed, kinds + (None,) * (max(routed) + 1 - len(kinds)), _structure(model))
        plan._check_asked()
        return plan

    @property
    def sparse(self) -> tuple[int, ...]:
        """The layers that are to be sparse."""
        return tuple(layer for layer in self.routed if layer not in self.config.dense_layers)

    def is_of(self, model: Any) -> bool:
        """Whether the model still has the attention modules that were looked at, and no others."""
        return bool(self._structure == _structure(model))

    def reports(self, meter: Meter) -> tuple[LayerReport, ...]:
        """What was counted for every layer of the model."""
        return tuple(self._report(layer, meter) for layer in range(len(self.kinds)))

    def _report(self, layer: int, meter: Meter) -> LayerReport:
        kinds: tuple[str, ...] = ()
        if layer in self.sparse:
            kinds = tuple(masker.kind for masker in self.config.maskers_of(layer))
        report = meter.layer(layer, kinds, self.kinds[layer])
        return report if layer in self.routed else attrs.evolve(report, mode="own")

    def _check_asked(self) -> None:
        """Every list of maskers has a layer."""
        sparse, overrides = self.sparse, self.config.overrides
        said = f"the model's attention layers are {list(self.routed)}"
        if not sparse:
            raise ConfigError(f"attention.dense_layers leaves no layer sparse: {said}")
        for number, override in enumerate(overrides):
            if not set(sparse) & set(override.layers):
                raise ConfigError(f"attention.overrides[{number}].layers: none of them can be sparse: {said}")
        if set(sparse) <= {layer for override in overrides for layer in override.layers}:
            raise ConfigError(
                f"attention.maskers: overrides leave no layer to them ({said}): move the maskers of one of them there"
            )


def _kinds(model: Any) -> tuple[str | None, ...]:
    """As many as the config says that there are layers."""
    text = model.config.get_text_config()
    count = getattr(text, "num_hidden_layers", None) or 0
    named = getattr(text, "layer_types", None) or getattr(text, "layers_block_type", None) or ()
    return (*named, *(None,) * count)[:count]


def _check_named(config: AttentionConfig, count: int) -> None:
    """Layers that the config names should be there, where the model's config tells how many there are."""
    named = [("dense_layers", config.dense_layers)]
    named += [(f"overrides[{number}].layers", override.layers) for number, override in enumerate(config.overrides)]
    for place, layers in named:
        for layer in layers:
            if count and layer >= count:
                raise ConfigError(f"attention.{place}: {layer} is no layer of this model, which has 0 to {count - 1}")


def _structure(model: Any) -> Any:
    """The attention modules, how each is called, and where weights are: to compare with what they are later.

    Cheap, and keeps none alive.

    Modules without a number of their own (a projection that an adapter such as LoRA wraps) decide nothing here.
    """
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    weights = {(weight.dtype, weight.device) for weight in model.parameters()}
    numbered = [module for module in model.modules() if "layer_idx" in vars(module)]
    modules = [(weakref.ref(each), type(each), each.layer_idx, id(vars(each).get("forward"))) for each in numbered]
    return count, weights, modules
