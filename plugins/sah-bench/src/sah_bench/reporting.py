"""What `sah report` does: read a directory of results, show it, and write what is asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .report.export import flat
from .report.problems import problems
from .report.results import read_results
from .report.terminal import print_results
from .report.write import write_report
from .store.directory import ResultsDirectory

__all__ = ["show"]


def show(
    path: Path,
    *,
    page: Path | None,
    markdown: Path | None,
    export: Path | None,
    plots: Path | None,
    as_json: bool,
) -> None:
    """Print the tables and write the page, and whatever else is asked for.

    Raises UsageError where there are no results, or none of this format.
    """
    directory = ResultsDirectory.opened(path)
    results = read_results(directory)
    written = write_report(directory, page=page, markdown=markdown, export=export, plots=plots, results=results)
    if as_json:
        found = {
            "name": results.name,
            "cells": [flat(cell) for cell in results.cells],
            "problems": problems(results),
            "written": [str(each) for each in written],
        }
        print(json.dumps(found, indent=2))
        return
    print_results(results)
    for each in written:
        print(f"written: {each}", file=sys.stderr)
