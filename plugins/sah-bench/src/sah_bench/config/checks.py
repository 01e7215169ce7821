"""What the parts of a config have to agree in: names that are used once, lengths, and what is learned beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sah_bench.tasks.task import TaskConfig
from sah_core.config import AttentionConfig
from sah_core.config.wording import custom_error, one_error

from .placeholders import CALIBRATED

if TYPE_CHECKING:
    from .bench import CalibrationConfig

__all__ = ["check_calibrated", "check_lengths", "check_once"]


def check_once(field: str, names: Iterable[str], advice: str) -> None:
    """Raise a validation error of the field for a name that is there twice."""
    for name, count in Counter(names).items():
        if count > 1:
            raise one_error("config", "twice", f"{count} of them are called {name!r}: {advice}", (field,), name)


def check_lengths(tasks: Iterable[TaskConfig], lengths: tuple[int, ...]) -> None:
    """Raise a validation error where a task needs lengths and there are none, or there are some that none needs."""
    sized = [task.label for task in tasks if task.sized]
    if sized and not lengths:
        raise one_error(
            "config", "no_lengths", f"the task {sized[0]!r} needs lengths, such as [1024]", ("lengths",), ()
        )
    if lengths and not sized:
        raise one_error("config", "lengths", "no task of this benchmark has lengths: leave it out", ("lengths",), ())


def check_calibrated(
    attention: Iterable[tuple[str, AttentionConfig | None]], calibration: CalibrationConfig | None
) -> None:
    """Raise a validation error for a masker that waits for a folder which no calibration of the config makes."""
    learned = {masker.kind for masker in calibration.maskers} if calibration else set()
    for name, config in attention:
        for masker in config.every_masker if config else ():
            if CALIBRATED in masker.model_dump().values() and masker.kind not in learned:
                raise custom_error(
                    "calibrated", f"{name!r}: {CALIBRATED} in {masker.kind} needs a calibration section that names it"
                )
