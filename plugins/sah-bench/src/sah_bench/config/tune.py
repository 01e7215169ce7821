"""`TuneConfig`: the search of methods' best parameters under a budget, as a static, frozen model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from sah_bench.tuning.result import Cost
from sah_core.config import AttentionConfig
from sah_core.config.options import Options
from sah_core.config.run import checked_version
from sah_core.config.wording import ConfigSection, custom_error, one_error

from .bench import AnyModel, AnyTask, BenchConfig, CalibrationConfig, Generation, Protocol, Seed
from .checks import check_calibrated, check_lengths, check_once
from .contender import entry_of
from .method import AnyMethod, MethodEntry
from .not_empty import NOT_EMPTY
from .sections import TimeoutConfig, WorkersConfig

__all__ = ["BudgetConfig", "ConfirmConfig", "MethodEntry", "SearchConfig", "TuneConfig"]


def _each_once(seeds: tuple[int, ...]) -> tuple[int, ...]:
    twice = next((seed for seed, count in Counter(seeds).items() if count > 1), None)
    if twice is not None:
        raise custom_error("twice", f"{twice} is there twice: say it once")
    return seeds


Seeds = Annotated[tuple[Seed, ...], NOT_EMPTY, AfterValidator(_each_once)]


class BudgetConfig(ConfigSection):
    """What a method may cost; one of them."""

    density: float | None = Field(
        default=None, gt=0, le=1, strict=False, description="attended over visible keys, sink and window included"
    )
    seconds: float | None = Field(default=None, gt=0, strict=False, description="of an answer, on average")
    megabytes: float | None = Field(default=None, gt=0, strict=False, description="of the maskers' indexes")

    @property
    def of(self) -> Cost:
        """What the budget is of."""
        return "density" if self.density is not None else "seconds" if self.seconds is not None else "megabytes"

    @property
    def at_most(self) -> float:
        """The most that a method may cost."""
        return next(each for each in (self.density, self.seconds, self.megabytes) if each is not None)

    @model_validator(mode="after")
    def _one_of_them(self) -> BudgetConfig:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            told = " and ".join(given) or "none"
            raise custom_error("budget", f"a budget is one of density, seconds and megabytes, not {told}")
        return self


class SearchConfig(ConfigSection):
    """How it is searched."""

    seeds: Seeds = Field(default=(0, 1, 2), strict=False, description="of the rows that trials are asked")
    trials: int = Field(default=40, ge=1, description="configs that are tried of each method")
    prune: bool = Field(default=True, description="whether a trial that falls behind is given up after some seeds")
    seed: Seed = Field(default=0, description="of the sampler that chooses what is tried")


class ConfirmConfig(ConfigSection):
    """How what is found is confirmed."""

    seeds: Seeds = Field(default=(100, 101), strict=False, description="of rows that no trial is asked")


class TuneConfig(ConfigSection):
    """A search: methods, each in its space, tasks that they are asked, and a budget that they keep to."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    version: Annotated[Literal[1], BeforeValidator(checked_version)] = Field(description="write version: 1")
    name: str | None = Field(default=None, min_length=1, description="the title of its reports")
    output: str | None = Field(default=None, min_length=1, description="the directory of its results")
    model: AnyModel = Field(description="the model, or its name alone")
    methods: Annotated[tuple[AnyMethod, ...], NOT_EMPTY] = Field(
        strict=False, description="maskers' names, and attention configs with names: what is tuned"
    )
    tasks: Annotated[tuple[AnyTask, ...], NOT_EMPTY] = Field(strict=False, description="what is asked; rows are drawn")
    lengths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), strict=False, description="of contexts, in the model's tokens, for tasks that have lengths"
    )
    protocol: Protocol = Field(default="question", description="from where on attention is sparse")
    budget: BudgetConfig = Field(description="what a method may cost: density, seconds or megabytes")
    search: SearchConfig = Field(default=SearchConfig(), description="how it is searched")
    confirm: ConfirmConfig = Field(default=ConfirmConfig(), description="how what is found is confirmed")
    generation: Generation = Field(
        default_factory=Options, description="what transformers' GenerationConfig takes; greedy by default"
    )
    truncate: Literal["refuse", "middle"] = Field(
        default="refuse", description="what becomes of a context that the model has no positions for"
    )
    timeout: TimeoutConfig = Field(default=TimeoutConfig(), description="after how long something is given up")
    calibration: CalibrationConfig | None = Field(default=None, description="what maskers learn beforehand")
    workers: WorkersConfig = Field(default=WorkersConfig(), description="the processes that answer")

    @property
    def entries(self) -> tuple[MethodEntry, ...]:
        """The methods, each with its name and its space."""
        return self.methods

    def bench(self, attention: Mapping[str, AttentionConfig | None], seeds: Collection[int]) -> BenchConfig:
        """The benchmark that asks these configs, by name, the rows of these seeds; None is dense attention."""
        return BenchConfig(
            version=1,
            name=self.name,
            models=(self.model,),
            attention=tuple(entry_of(name, config) for name, config in attention.items()),
            protocols=(self.protocol,),
            tasks=self.tasks,
            lengths=self.lengths,
            seeds=tuple(seeds),
            generation=self.generation,
            truncate=self.truncate,
            timeout=self.timeout,
            calibration=self.calibration,
            workers=self.workers,
        )

    @model_validator(mode="after")
    def _fits_together(self) -> TuneConfig:
        check_once("methods", (method.name for method in self.methods), "give each a name of its own")
        check_once("tasks", (task.label for task in self.tasks), "give one a name")
        check_once("lengths", map(str, self.lengths), "say it once")
        check_lengths(self.tasks, self.lengths)
        check_calibrated(((method.name, method.space.start) for method in self.methods), self.calibration)
        for place, task in enumerate(self.tasks):
            if not task.seeded:
                raise one_error(
                    "tune",
                    "not_seeded",
                    f"{task.label!r} has the same rows whatever the seed, so that what is found would be confirmed on "
                    "the rows it was found on: name a task that draws its rows, such as needle",
                    ("tasks", place),
                    task.label,
                )
        shared = sorted({*self.search.seeds} & {*self.confirm.seeds})
        if shared:
            raise one_error(
                "tune",
                "seeds",
                f"{', '.join(map(str, shared))} is of the search too: rows that confirm are rows no trial is asked",
                ("confirm", "seeds"),
                shared[0],
            )
        return self
