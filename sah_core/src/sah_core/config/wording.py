"""The words of a validation error: which field was meant, and what JSON and YAML call what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

__all__ = ["ConfigSection", "custom_error", "one_error", "reworded"]

_EXPECTED = {
    "model_type": "Input should be a mapping",
    "model_attributes_type": "Input should be a mapping",
    "dict_type": "Input should be a mapping",
    "tuple_type": "Input should be a list",
    "list_type": "Input should be a list",
    "bool_type": "Input should be true or false",
}
_YAML_1_1_BOOLEANS = frozenset({"on", "off", "yes", "no", "y", "n"})


class ConfigSection(BaseModel):
    """A section of a config: frozen, strict, without unknown fields, and with errors in a user's words."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _reword(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            raise reworded(error, cls) from None


def custom_error(kind: str, message: str) -> PydanticCustomError:
    """An error with exactly this message; braces in it are no template's."""
    return PydanticCustomError(kind, "{message}", {"message": message})


def one_error(title: str, kind: str, message: str, location: tuple[str | int, ...], value: Any) -> ValidationError:
    """A validation error with a single problem, at a location below the value that is being validated."""
    detail = InitErrorDetails(type=custom_error(kind, message), loc=location, input=value)
    return ValidationError.from_exception_data(title, [detail])


def reworded(error: ValidationError, model: type[BaseModel]) -> ValidationError:
    """The same errors; a field that ``model`` does not have gets the nearest one's name, and so on."""
    return ValidationError.from_exception_data(
        error.title, [_reworded(detail, model) for detail in error.errors(include_url=False)]
    )


def _reworded(detail: ErrorDetails, model: type[BaseModel]) -> InitErrorDetails:
    kind, location, message, given = detail["type"], detail["loc"], detail["msg"], detail["input"]
    message = message.removeprefix("Value error, ")  # of a plugin's own validator, whose sentence it precedes
    if kind == "extra_forbidden" and len(location) == 1:
        kind, message = "unknown_field", _unknown_field(str(location[0]), model)
    elif kind == "missing" and len(location) == 1:
        kind, message = "missing_field", _missing_field(str(location[0]), model)
    elif kind in _EXPECTED:
        trap = kind == "bool_type" and isinstance(given, str) and given.lower() in _YAML_1_1_BOOLEANS
        message = f"{_EXPECTED[kind]}, not {_given(given)}{' (a string in YAML 1.2)' if trap else ''}"
    return InitErrorDetails(type=custom_error(kind, message), loc=location, input=given)


def _unknown_field(name: str, model: type[BaseModel]) -> str:
    fields = list(model.model_fields)
    near = difflib.get_close_matches(name, fields, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    return f"unknown field {name!r}{meant} (fields: {', '.join(fields)})"


def _missing_field(name: str, model: type[BaseModel]) -> str:
    field = model.model_fields.get(name)
    return f"Field required: {field.description}" if field and field.description else "Field required"


def _given(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
