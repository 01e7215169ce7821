"""Where results go: the JSON file, and beside it the page and the plots made from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .page import page
from .plots import draw
from .record import Record

__all__ = ["DATA", "publish"]

_NAME: Final = "performance"
DATA: Final = f"{_NAME}.json"


def publish(records: Mapping[str, Record], folder: Path) -> None:
    """Write the page and the plots of all records into the folder."""
    plots = draw(records, folder, _NAME)
    (folder / f"{_NAME}.md").write_text(page(records, plots), encoding="utf-8")
