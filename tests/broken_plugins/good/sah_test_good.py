"""A plugin with nothing wrong: a masker, a model and commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sah_core import MaskerConfig, Size, hookimpl
from sah_core.errors import NumericalError
from sah_core.plugins import RegisterMasker, RegisterModel

if TYPE_CHECKING:
    import typer

    from sah_core import AttentionInputs, Mask

SAH_API_VERSION = 1


class GoodConfig(MaskerConfig):
    """Keep nothing more than what is there.

    A second paragraph, which a summary leaves out.
    """

    kind: Literal["good"] = "good"
    budget: Size = Field(default=0.5, description="how many keys")
    label: str = Field(description="what to call it")


class Good:
    """The masker of ``GoodConfig``."""

    def __init__(self, config: GoodConfig) -> None:
        self.config = config

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The previous mask."""
        return previous


def model_directory() -> Path:
    """Where the model is: beside this file."""
    return Path(__file__).parent


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer the masker."""
    register(GoodConfig, "sah_test_good:Good")


@hookimpl
def sah_register_models(register: RegisterModel) -> None:
    """Offer the model."""
    register("good-model", "sah_test_good:model_directory", description="a model of nothing")


@hookimpl
def sah_register_commands(app: typer.Typer) -> None:
    """Add the commands that tests run."""

    @app.command()
    def greet(name: str) -> None:
        """Print a greeting."""
        print(f"hello {name}")

    @app.command()
    def wait() -> None:
        """Say that work is done, then wait for a line that may never come."""
        print("first answer", flush=True)
        sys.stdin.readline()

    @app.command()
    def fail() -> None:
        """Fail in the way that is foreseen."""
        raise NumericalError("NaN in layer 3")

    @app.command()
    def crash() -> None:
        """Fail in a way that nobody foresaw."""
        raise LookupError("a bug")
