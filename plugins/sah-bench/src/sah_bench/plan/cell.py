"""`Cell`: one point of the matrix, and the address that everything which decides its answers gives it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from attrs import field, frozen

from sah_bench.config.sections import MeasureConfig
from sah_core.config import AttentionConfig, ModelConfig
from sah_core.config.options import Options

__all__ = ["Cell", "Protocol", "address_of"]

Protocol = Literal["question", "generation", "dense"]


@frozen(slots=False)
class Cell:
    """What is asked of which model, with which attention: everything that a worker needs, and all of it picklable.

    Cells with the same ``address`` are the same work, whatever they are called.
    """

    model: ModelConfig
    attention_name: str
    attention: AttentionConfig | None
    """None: dense. Its seed has the cell's added; folders of calibrations stand where they will lie."""
    protocol: Protocol
    """From where on attention is sparse; a dense cell has no other."""
    task: str
    """As reports call it."""
    length: int | None
    seed: int
    samples: int
    """How many rows the table has."""
    table: str
    """The digest of the rows, under which the results directory holds them."""
    scorer: str
    generation: Options
    truncate: Literal["refuse", "middle"]
    identity: Mapping[str, Any] = field(repr=False)
    """All that decides the answers, as JSON: the model's files, the attention, the rows, the versions."""
    measure: MeasureConfig | None = None
    swept: Mapping[str, Any] = field(factory=dict)
    """The values that the sweep of its attention gave to it."""
    calibration: str | None = None
    """The address of the calibration that must be there before it, if any."""
    called: str = ""
    """What reports call the model, if not by its name."""

    @cached_property
    def address(self) -> str:
        """16 hex digits of a hash over the identity."""
        return address_of(self.identity)

    @property
    def labels(self) -> dict[str, Any]:
        """What names the cell in a report, as JSON values."""
        return {
            "model": self.called or self.model.name,
            "attention": self.attention_name,
            "swept": dict(self.swept),
            "protocol": self.protocol,
            "task": self.task,
            "length": self.length,
            "seed": self.seed,
        }

    def __str__(self) -> str:
        where = "" if self.length is None else f" at {self.length}"
        protocol = "" if self.protocol == "dense" else f" from {self.protocol}"
        return (
            f"{self.called or self.model.name}: {self.attention_name}{protocol}, {self.task}{where}, seed {self.seed}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Its line in ``plan.json``: address, labels, and how many samples are scored how."""
        return {
            "address": self.address,
            **self.labels,
            "samples": self.samples,
            "table": self.table,
            "scorer": self.scorer,
        }


def address_of(identity: Mapping[str, Any]) -> str:
    """16 hex digits of SHA-256 over JSON values, whatever the order of their keys."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
