"""What workers are given to do; picklable."""

from __future__ import annotations

from attrs import frozen

from sah_bench.plan.calibration import Calibration
from sah_bench.plan.cell import Cell

from .failure import Failure

__all__ = ["CalibrationJob", "CellJob", "Job"]


@frozen
class CellJob:
    """Answer what of a cell is not answered, and score it."""

    cell: Cell
    overdue: tuple[Failure, ...] = ()
    """Samples that took too long in this run, and are left out."""
    patience: float = 0.0
    """How many seconds to wait for another run to let go of the cell."""

    def __str__(self) -> str:
        return str(self.cell)

    @property
    def address(self) -> str:
        """The cell's."""
        return self.cell.address


@frozen
class CalibrationJob:
    """Let maskers learn, unless they have."""

    calibration: Calibration
    patience: float = 0.0
    """How many seconds to wait for another run to let go of it."""

    def __str__(self) -> str:
        return str(self.calibration)

    @property
    def address(self) -> str:
        """The calibration's."""
        return self.calibration.address


Job = CellJob | CalibrationJob
