"""One entry of ``methods``: where a search starts, what of it stays, and what is tried of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from sah_bench.tuning.space import Space, SpaceError
from sah_core.config import AttentionConfig
from sah_core.config.attention import registry_of
from sah_core.config.wording import ConfigSection, custom_error, one_error
from sah_core.errors import ConfigError, SahError
from sah_core.plugins import Registry
from sah_core.tunable import Tunable

from .placeholders import CALIBRATED

__all__ = ["AnyMethod", "MethodEntry"]

_BESIDE = ("sink", "local")
"""What nearly every method needs, and its name alone gets."""


class MethodEntry(BaseModel):
    """A method under a name, and the space in which it is searched."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    written: dict[str, Any] | str
    name: str
    space: Space


class _Range(ConfigSection):
    """Numbers to try, from one to another, both included."""

    low: int | float = Field(description="the least number to try")
    high: int | float = Field(description="the greatest number to try")
    log: bool = Field(default=False, description="by factors, so that 0.01 to 0.02 is tried as often as 0.1 to 0.2")


def _range(value: Any) -> Any:
    if isinstance(value, Tunable):
        return value
    try:
        if isinstance(value, list | tuple):
            return Tunable(choices=tuple(value))
        if isinstance(value, Mapping):
            section = _Range.model_validate(dict(value))
            return Tunable(section.low, section.high, log=section.log)
    except ConfigError as error:
        raise custom_error("range", str(error)) from error
    raise custom_error(
        "range", f"Input should be values such as [4, 8, 16], or a mapping such as {{low: 4, high: 64}}, not {value!r}"
    )


class _Own(ConfigSection):
    """What an entry has beside the fields of an attention config."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = Field(min_length=1, description="what reports call it")
    fixed: tuple[str, ...] = Field(
        default=(), strict=False, description="what stays as it starts: a field, as sink.size, or all of sink"
    )
    ranges: dict[str, Annotated[Tunable, BeforeValidator(_range)]] = Field(
        default_factory=dict,
        description="what is tried of a field, such as quest.page_size: [4, 8], in place of its own",
    )


def _method(value: Any, info: ValidationInfo) -> MethodEntry:
    if isinstance(value, MethodEntry):
        return value
    registry = registry_of(info)
    if isinstance(value, str):
        attention = _with_sink_and_local(value, registry, info)
        return MethodEntry(written=value, name=value, space=_space(attention, _Own(name=value), registry))
    if not isinstance(value, Mapping):
        raise custom_error(
            "method", f"Input should be a masker's name, or a mapping with a name and maskers, not {value!r}"
        )
    own = _Own.model_validate({name: given for name, given in value.items() if name in _Own.model_fields})
    attention = AttentionConfig.model_validate(
        {name: given for name, given in value.items() if name not in _Own.model_fields}, context=info.context
    )
    return MethodEntry(written=dict(value), name=own.name, space=_space(attention, own, registry))


def _with_sink_and_local(kind: str, registry: Registry, info: ValidationInfo) -> AttentionConfig:
    """The masker with its defaults, after a sink and a local window; efficient, unless it needs exact logits."""
    try:
        config = registry.masker_config(kind)
    except SahError as error:
        raise custom_error(type(error).__name__, str(error)) from error
    masker = {"kind": kind}
    if kind in registry.calibrated_kinds:
        folder = registry.calibrator(kind).field
        if config.model_fields[folder].is_required():
            masker[folder] = CALIBRATED
    alone = AttentionConfig.model_validate({"maskers": [masker]}, context=info.context)
    _space(alone, _Own(name=kind), registry)  # a sink and a window can be tuned, beside whatever
    beside = [{"kind": other} for other in _BESIDE if other != kind and other in registry.kinds]
    backend = "research" if config.needs_logits else "efficient"
    return AttentionConfig.model_validate({"kind": backend, "maskers": [*beside, masker]}, context=info.context)


def _space(attention: AttentionConfig, own: _Own, registry: Registry) -> Space:
    try:
        return Space.of(attention, own.ranges, own.fixed, registry)
    except SpaceError as error:
        if not error.path:
            raise custom_error("space", str(error)) from error
        section, name = error.path
        place = own.fixed.index(name) if section == "fixed" else name
        raise one_error("method", "space", str(error), (section, place), name) from error


AnyMethod = Annotated[
    MethodEntry,
    BeforeValidator(_method),
    PlainSerializer(lambda entry: entry.written, return_type=dict[str, Any] | str),
]
"""A masker's name, or ``name``, ``fixed``, ``ranges`` and an ``attention`` section's fields."""
