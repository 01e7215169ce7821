"""One file drives everything: the whole run as a static, frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from .attention import AttentionConfig
from .options import Options
from .wording import ConfigSection, custom_error

__all__ = ["ModelConfig", "ProtocolConfig", "RunConfig", "checked_options", "checked_version"]


def _name_alone(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def checked_version(value: Any) -> Any:
    """The version of a config's form; raises a validation error for any other than 1."""
    if type(value) is not int or value != 1:
        raise custom_error("version", f"Input should be 1, the version that this sah-core reads, not {value!r}")
    return value


def checked_options(value: Any) -> Any:
    """A mapping as `Options`; raises a validation error for what JSON cannot hold."""
    if isinstance(value, Options):
        return value
    if not isinstance(value, Mapping):
        raise custom_error("mapping_type", f"Input should be a mapping, not {value!r}")
    for name in value:
        if not isinstance(name, str):
            raise custom_error("option_name", f"an option's name is a string, not {name!r}")
    try:
        return Options(value)
    except ValueError as error:
        raise custom_error("option_value", str(error)) from error


class ModelConfig(ConfigSection):
    """Which model, and how it is loaded."""

    name: str = Field(
        min_length=1, description="an embedded model (needle), a folder, or a name on the Hugging Face hub"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="the weights' type; auto is what the model was saved in"
    )
    device: str = Field(
        default="auto",
        min_length=1,
        description="auto, cpu, cuda, cuda:1, mps; auto takes an accelerator if there is one",
    )
    trust_remote_code: bool = Field(
        default=False, description="whether Python code from the model's own repository may run"
    )
    revision: str | None = Field(default=None, description="the branch, tag or commit of the model on the hub")


class ProtocolConfig(ConfigSection):
    """Where sparse attention starts."""

    sparse_from: Literal["context", "question", "generation"] = Field(
        default="question",
        description="question: the context is read densely, question and answer are sparse; generation: only the "
        "generated tokens are sparse; context: everything is, the context too",
    )
    first_tokens_dense: int = Field(
        default=0, ge=0, description="so many tokens from there on are dense still: of the question, or of the answer"
    )


class RunConfig(ConfigSection):
    """A run: the model, its attention (none: dense), the protocol, and what transformers' generation is told."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    version: Annotated[Literal[1], BeforeValidator(checked_version)] = Field(description="write version: 1")
    attention: AttentionConfig | None = Field(default=None, description="sparse attention; without it, all is dense")
    model: Annotated[ModelConfig | None, BeforeValidator(_name_alone)] = Field(
        default=None, description="the model, or its name alone"
    )
    protocol: ProtocolConfig = Field(default=ProtocolConfig(), description="where sparse attention starts")
    generation: Annotated[
        Options,
        BeforeValidator(checked_options),
        PlainSerializer(dict, return_type=dict[str, Any]),
        WithJsonSchema({"type": "object", "default": {}}),
    ] = Field(
        default_factory=Options, description="what transformers' GenerationConfig takes, such as max_new_tokens: 32"
    )

    @model_validator(mode="before")
    @classmethod
    def _without_schema(cls, value: Any) -> Any:
        # Editors find a JSON file's schema by this key; it is theirs and says nothing about the run.
        if isinstance(value, Mapping) and isinstance(value.get("$schema"), str):
            return {name: given for name, given in value.items() if name != "$schema"}
        return value
