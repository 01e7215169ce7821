"""One entry of ``attention``: a config with a name, or several of them that a sweep makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from attrs import field, frozen
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from sah_core.config import AttentionConfig
from sah_core.config.options import Options
from sah_core.config.wording import ConfigSection, custom_error, one_error

from .placeholders import Scalar, combinations, filled, named

__all__ = ["DENSE", "AttentionEntry", "Contender", "entry_of"]

DENSE = "dense"


@frozen
class Contender:
    """Attention under a name; ``attention`` None is the model's own, dense."""

    name: str
    attention: AttentionConfig | None
    swept: Options = field(factory=Options)


class _Names(ConfigSection):
    """What an entry has beside the fields of an attention config."""

    name: str = Field(min_length=1, description="what reports call it; $x is replaced by the value of x in the sweep")
    sweep: dict[str, tuple[Scalar, ...]] = Field(
        default_factory=dict, description="values to try: each $x in the entry is replaced by each value of x in turn"
    )


class _Entry(BaseModel):
    """A validated entry: what was written, and the contenders that it stands for."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    written: dict[str, Any]
    contenders: tuple[Contender, ...]


def _entry(value: Any, info: ValidationInfo) -> _Entry:
    if isinstance(value, _Entry):
        return value
    if value == DENSE:
        value = {"name": DENSE}
    if not isinstance(value, Mapping):
        raise custom_error(
            "attention_entry", f"Input should be dense, or a mapping with a name and maskers, not {value!r}"
        )
    own = {name: given for name, given in value.items() if name in _Names.model_fields}
    if isinstance(own.get("sweep"), Mapping):
        own["sweep"] = {
            name: tuple(given) if isinstance(given, list) else given for name, given in own["sweep"].items()
        }
    names = _Names.model_validate(own)
    for name, tried in names.sweep.items():
        if not tried:
            raise one_error("sweep", "no_values", "a sweep needs a value to try", ("sweep", name), tried)
    attention = {name: given for name, given in value.items() if name not in _Names.model_fields}
    contenders = []
    for values in combinations(names.sweep):
        config = None
        if attention:
            config = AttentionConfig.model_validate(filled(attention, values), context=info.context)
        contenders.append(Contender(named(names.name, values), config, Options(values)))
    return _Entry(written=dict(value), contenders=tuple(contenders))


def entry_of(name: str, attention: AttentionConfig | None) -> _Entry:
    """The entry of one config that is checked already; None is dense."""
    written = {} if attention is None else attention.model_dump()
    return _Entry(written={"name": name, **written}, contenders=(Contender(name, attention),))


AttentionEntry = Annotated[
    _Entry, BeforeValidator(_entry), PlainSerializer(lambda entry: entry.written, return_type=dict[str, Any])
]
"""``dense``, or a mapping of ``name``, ``sweep`` and an ``attention`` section's fields; without these it is dense."""
