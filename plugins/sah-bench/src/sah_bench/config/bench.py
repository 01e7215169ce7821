"""`BenchConfig`: a whole benchmark as a static, frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from sah_bench.tasks.task import TaskConfig
from sah_core.config import ModelConfig
from sah_core.config.attention import AnyMasker, registry_of
from sah_core.config.options import Options
from sah_core.config.run import checked_options, checked_version
from sah_core.config.wording import ConfigSection, custom_error, one_error, reworded
from sah_core.errors import SahError
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry

from .checks import check_calibrated, check_lengths, check_once
from .contender import AttentionEntry, Contender
from .not_empty import NOT_EMPTY
from .placeholders import CALIBRATED
from .sections import MeasureConfig, PublishConfig, TimeoutConfig, WorkersConfig

__all__ = ["AnyModel", "AnyTask", "BenchConfig", "CalibrationConfig", "Generation", "ModelEntry", "Protocol", "Seed"]

Protocol = Literal["question", "generation"]
Seed = Annotated[int, Field(ge=0, lt=2**32)]

Generation = Annotated[Options, BeforeValidator(checked_options), PlainSerializer(dict, return_type=dict[str, Any])]
"""What transformers' GenerationConfig takes."""


def _task(value: Any, info: ValidationInfo) -> TaskConfig:
    """A task's config of its own class, found in the registry by its kind; a name alone is its kind."""
    if isinstance(value, TaskConfig):
        return value
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        raise custom_error(
            "task_type", f"Input should be a task's name, or a mapping such as {{kind: needle}}, not {value!r}"
        )
    kind = value.get("kind")
    if not isinstance(kind, str):
        raise one_error("task", "task_kind", "Field required: the task's name, such as needle", ("kind",), kind)
    registry = registry_of(info)
    try:
        config = registry.tasks.find(kind).config
        if not issubclass(config, TaskConfig):
            raise custom_error(
                "task_class", f"task {kind!r} should be configured by a subclass of sah_bench's TaskConfig"
            )
    except SahError as error:
        raise one_error("task", type(error).__name__, str(error), ("kind",), kind) from error
    try:
        task = config.model_validate(dict(value), context=info.context)
    except ValidationError as error:
        raise reworded(error, config) from None
    try:
        registry.scorers.find(task.scored_by)
    except SahError as error:
        raise one_error("task", type(error).__name__, str(error), ("scorer",), task.scored_by) from error
    return task


AnyTask = SerializeAsAny[Annotated[TaskConfig, BeforeValidator(_task)]]
"""A config of whichever class the registry has for its kind."""


class ModelEntry(ModelConfig):
    """A model to ask, and what reports call it."""

    label: str | None = Field(default=None, min_length=1, description="what reports call it; default: its name")

    @property
    def config(self) -> ModelConfig:
        """How it is loaded."""
        return ModelConfig(**self.model_dump(exclude={"label"}))

    @property
    def called(self) -> str:
        """What reports call it."""
        return self.label or self.name


def _name_alone(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


AnyModel = Annotated[ModelEntry, BeforeValidator(_name_alone)]
"""A model as a mapping, or its name alone."""


def _learner(value: Any, info: ValidationInfo) -> Any:
    """A masker that learns, its folder left to the benchmark; its name alone will do."""
    given = {"kind": value} if isinstance(value, str) else value
    registry = registry_of(info)
    if not isinstance(given, Mapping) or given.get("kind") not in registry.calibrated_kinds:
        return given
    return {registry.calibrator(given["kind"]).field: CALIBRATED, **given}


def _learns(masker: MaskerConfig, info: ValidationInfo) -> MaskerConfig:
    known = registry_of(info).calibrated_kinds
    if masker.kind not in known:
        learners = ", ".join(known) or "none that is installed"
        raise custom_error("calibrated", f"{masker.kind} learns nothing; those that do: {learners}")
    return masker


class CalibrationConfig(ConfigSection):
    """What maskers learn before they are compared, from rows of tasks with their answers."""

    maskers: Annotated[
        tuple[Annotated[AnyMasker, BeforeValidator(_learner), AfterValidator(_learns)], ...], NOT_EMPTY
    ] = Field(strict=False, description="those that learn, or their names alone")
    tasks: Annotated[tuple[AnyTask, ...], NOT_EMPTY] = Field(
        strict=False, description="what is read: contexts, questions, answers"
    )
    length: int | None = Field(default=None, ge=1, description="of the contexts, for tasks that have lengths")
    seed: int = Field(default=1_000_000, ge=0, description="of the rows; one that the benchmark itself does not ask")
    block: int = Field(default=1024, ge=2, description="tokens that are read at a time, at most")
    passes: int = Field(default=1, ge=1, description="how many times everything is read")


class BenchConfig(ConfigSection):
    """A benchmark: models x attention x tasks x lengths x seeds, and the protocols under which they are asked."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    version: Annotated[Literal[1], BeforeValidator(checked_version)] = Field(description="write version: 1")
    name: str | None = Field(default=None, min_length=1, description="the title of its reports")
    output: str | None = Field(default=None, min_length=1, description="the directory of its results")
    models: Annotated[tuple[AnyModel, ...], NOT_EMPTY] = Field(strict=False, description="models, or their names alone")
    attention: Annotated[tuple[AttentionEntry, ...], NOT_EMPTY] = Field(
        strict=False, description="dense, and configs with names: what is compared"
    )
    protocols: Annotated[tuple[Protocol, ...], NOT_EMPTY] = Field(
        default=("question",), strict=False, description="from where on attention is sparse"
    )
    tasks: Annotated[tuple[AnyTask, ...], NOT_EMPTY] = Field(strict=False, description="what is asked")
    lengths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), strict=False, description="of contexts, in the model's tokens, for tasks that have lengths"
    )
    seeds: Annotated[tuple[Seed, ...], NOT_EMPTY] = Field(
        default=(0,), strict=False, description="each draws other rows, and makes samplers draw anew"
    )
    generation: Generation = Field(
        default_factory=Options, description="what transformers' GenerationConfig takes; greedy by default"
    )
    truncate: Literal["refuse", "middle"] = Field(
        default="refuse", description="what becomes of a context that the model has no positions for"
    )
    timeout: TimeoutConfig = Field(default=TimeoutConfig(), description="after how long something is given up")
    measure: MeasureConfig | None = Field(default=None, description="measurements of attention calls; none by default")
    calibration: CalibrationConfig | None = Field(default=None, description="what maskers learn beforehand")
    workers: WorkersConfig = Field(default=WorkersConfig(), description="the processes that answer")
    publish: PublishConfig | None = Field(default=None, description="where reports go when all is answered")

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """All that is compared, sweeps written out."""
        return tuple(contender for entry in self.attention for contender in entry.contenders)

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> BenchConfig:
        check_once("attention", (contender.name for contender in self.contenders), "give each a name of its own")
        check_once("models", (model.called for model in self.models), "give one a label")
        check_once("tasks", (task.label for task in self.tasks), "give one a name")
        for field in ("protocols", "lengths", "seeds"):
            check_once(field, map(str, getattr(self, field)), "say it once")
        check_lengths(self.tasks, self.lengths)
        self._check_metrics(registry_of(info))
        check_calibrated(((each.name, each.attention) for each in self.contenders), self.calibration)
        return self

    def _check_metrics(self, registry: Registry) -> None:
        for number, metric in enumerate(self.measure.metrics if self.measure else ()):
            try:
                registry.metrics.find(metric)
            except SahError as error:
                raise one_error("measure", "metric", str(error), ("measure", "metrics", number), metric) from error
