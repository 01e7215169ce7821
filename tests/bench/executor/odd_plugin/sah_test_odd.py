"""A plugin whose masker, scorer and metric do what they should not, in the worker that meets them."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sah_bench.store.whole_files import write_whole
from sah_core import MaskerConfig, hookimpl
from sah_core.plugins import RegisterMasker, RegisterNamed

if TYPE_CHECKING:
    from torch import Tensor

    from sah_bench.measure.micro import MeasuredCall
    from sah_bench.tasks.row import Row
    from sah_core import AttentionInputs, Mask

SAH_API_VERSION = 1


class OddConfig(MaskerConfig):
    """Adds nothing to the mask; in a context of ``at`` tokens it does something odd, once or every time."""

    kind: Literal["odd"] = "odd"
    does: Literal["raise", "kill", "exit", "hang", "wait"]
    at: int
    until: str | None = None
    """A file: once it is there, nothing odd is done.

    ``kill`` makes it first; ``wait`` makes one with ``.waits`` behind its name, which holds its process.
    """


class Odd:
    """The masker of ``OddConfig``."""

    def __init__(self, config: OddConfig) -> None:
        self.config = config

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The previous mask, or nothing any more."""
        until = None if self.config.until is None else Path(self.config.until)
        here = inputs.state is not None and inputs.state.context_length == self.config.at
        if not here or (until is not None and until.exists()):
            return previous
        match self.config.does:
            case "raise":
                raise LookupError("an odd\nmasker")
            case "kill":
                if until is not None:
                    until.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(3)
            case "hang":
                threading.Event().wait()
            case "wait":
                assert until is not None
                write_whole(until.with_name(f"{until.name}.waits"), str(os.getpid()).encode())
                while not until.exists():
                    threading.Event().wait(0.01)
        return previous


def odd_scorer(prediction: str, row: Row) -> float:
    """No score."""
    raise LookupError("an odd scorer")


class OddMetric:
    """A metric that raises."""

    name = "odd"

    def __call__(self, call: MeasuredCall) -> Tensor:
        """No number."""
        raise LookupError("an odd metric")


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer the masker."""
    register(OddConfig, "sah_test_odd:Odd")


@hookimpl
def sah_register_scorers(register: RegisterNamed) -> None:
    """Offer the scorer."""
    register("odd", "sah_test_odd:odd_scorer", description="raises")


@hookimpl
def sah_register_metrics(register: RegisterNamed) -> None:
    """Offer the metric."""
    register("odd", "sah_test_odd:OddMetric", description="raises")
