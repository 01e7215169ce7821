"""The small sections of a benchmark's config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sah_core.config.wording import ConfigSection

from .not_empty import NOT_EMPTY

__all__ = ["MeasureConfig", "PublishConfig", "RayConfig", "TimeoutConfig", "WorkersConfig"]

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


class RayConfig(ConfigSection):
    """What a worker takes of a Ray cluster, and how many there are."""

    address: str | None = Field(
        default=None,
        min_length=1,
        description="of a running cluster, such as auto, 10.0.0.1:6379 or ray://10.0.0.1:10001; by default one is "
        "started on this machine, for this run",
    )
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="how many; auto: as many as the cluster has room for"
    )
    cpus: float = Field(default=1.0, ge=0, strict=False, description="CPUs that a worker takes")
    gpus: float = Field(
        default=0.0, ge=0, le=1, strict=False, description="GPUs that a worker takes; 0.25: four of them share one"
    )
    memory: Annotated[float, Field(gt=0, strict=False)] | None = Field(
        default=None, description="gigabytes of the machine's memory that a worker takes; not counted by default"
    )
    accelerator: str | None = Field(
        default=None, min_length=1, description="GPUs of this type alone, as Ray calls it, such as H100"
    )
    shared: bool | Literal["auto"] = Field(
        default="auto",
        description="whether workers write to the results directory themselves; auto: those that see it; what the "
        "others write is fetched while they answer",
    )
    patience: Seconds = Field(
        default=300.0, description="how many seconds to wait for a worker where the cluster has room for none"
    )


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
    ray: RayConfig = Field(default=RayConfig(), description="for workers on a Ray cluster, --executor ray")


class PublishConfig(ConfigSection):
    """Where reports go when all is answered, besides the results directory."""

    markdown: str | None = Field(default=None, min_length=1, description="a table to read, such as docs/results.md")
    page: str | None = Field(default=None, min_length=1, description="the page, such as docs/results.html")
