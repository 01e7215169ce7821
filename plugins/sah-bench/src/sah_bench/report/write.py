"""Write reports of a results directory: the page, and on request a table in Markdown, files and plots."""

from __future__ import annotations

from pathlib import Path

from sah_bench.store.directory import ResultsDirectory
from sah_bench.store.whole_files import write_whole
from sah_core.errors import UsageError

from .results import Results, read_results

__all__ = ["write_report"]


def write_report(
    directory: ResultsDirectory,
    *,
    page: Path | None = None,
    markdown: Path | None = None,
    export: Path | None = None,
    plots: Path | None = None,
    command: str | None = None,
    results: Results | None = None,
) -> list[Path]:
    """Write what is asked for, the page always (default: ``report.html`` in the directory); the files written.

    ``export`` and ``plots`` are folders. ``command`` is what made the results, for the Markdown page. ``results`` are
    those of the directory, if they were read already. Raises UsageError where there is nothing to report, or a file
    cannot be written.
    """
    results = read_results(directory) if results is None else results
    page = directory.path / "report.html" if page is None else page
    try:
        written = [_write_page(directory, results, page)]
        if markdown is not None:
            written.append(_write_markdown(results, markdown, command))
        if export is not None:
            from .export import export as write_export

            written += write_export(directory, results, export)
        if plots is not None:
            from .all_plots import write_plots

            written += write_plots(directory, results, plots)
    except OSError as error:
        where = error.filename or directory.path
        raise UsageError(f"{where}: the report cannot be written: {error.strerror or error}") from error
    return written


def _write_page(directory: ResultsDirectory, results: Results, path: Path) -> Path:
    from .page import page

    write_whole(path, page(directory, results).encode())
    return path


def _write_markdown(results: Results, path: Path, command: str | None) -> Path:
    from .markdown import markdown

    write_whole(path, markdown(results, command=command).encode())
    return path
