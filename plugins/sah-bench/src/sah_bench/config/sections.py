"""The small sections of a benchmark's config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sah_core.config.wording import ConfigSection

from .not_empty import NOT_EMPTY

__all__ = ["MeasureConfig", "PublishConfig", "TimeoutConfig", "WorkersConfig"]

Seconds = Annotated[float, Field(gt=0, strict=False)]


class MeasureConfig(ConfigSection):
    """What is measured of attention calls, and of which share of them."""

    metrics: Annotated[tuple[str, ...], NOT_EMPTY] = Field(
        strict=False, description="names of metrics, such as density, output_error, mass, recall"
    )
    rate: float = Field(default=0.01, gt=0, le=1, strict=False, description="the share of calls that is measured")


class TimeoutConfig(ConfigSection):
    """After how many seconds something is given up; none by default."""

    sample: Seconds | None = Field(
        default=None, description="a question and its answer, its context's reading included"
    )
    cell: Seconds | None = Field(default=None, description="all samples of a cell")


class WorkersConfig(ConfigSection):
    """The processes that answer, one for each device."""

    devices: Annotated[tuple[str, ...], Field(strict=False), NOT_EMPTY] | Literal["auto"] = Field(
        default="auto",
        description="such as [cuda:0, cuda:1] or [cpu, cpu]; auto: every accelerator, or one cpu",
    )
    threads: int | Literal["auto"] = Field(
        default="auto", description="of torch in each process; auto: the cores shared out on a CPU"
    )
    context_memory: float = Field(
        default=1.0, ge=0, strict=False, description="gigabytes of read contexts that a process keeps for later cells"
    )


class PublishConfig(ConfigSection):
    """Where reports go when all is answered, besides the results directory."""

    markdown: str | None = Field(default=None, min_length=1, description="a table to read, such as docs/results.md")
    page: str | None = Field(default=None, min_length=1, description="the page, such as docs/results.html")
