"""Reports and estimates as tables for people."""

from __future__ import annotations

from rich.table import Table

from sah_core.cli.console import plain_table
from sah_hf.reports.report import MaskerReport, RequestReport

from .estimate import Estimate

__all__ = ["estimate_table", "report_tables"]


def report_tables(report: RequestReport) -> list[Table]:
    """A request: what ran, what its phases took, and what each layer did where any was sparse."""
    tables = [_summary(report), _phases(report)]
    return [*tables, _layers(report)] if report.sparse_calls else tables


def _summary(report: RequestReport) -> Table:
    summary = plain_table("measured", "")
    summary.add_row("model", f"{report.model} ({report.model_type}, {report.dtype}, {report.device})")
    summary.add_row("sparse from", _protocol(report))
    summary.add_row("context", _context(report))
    if report.maskers:
        summary.add_row("backend", f"{report.backend}: {_paths(report.paths)}")
        summary.add_row("maskers", _maskers(report.maskers))
        for override in report.overrides:
            summary.add_row(f"layers {_ranges(override.layers)}", _maskers(override.maskers))
        summary.add_row("dense layers", _ranges(report.dense_layers) or "none")
        summary.add_row("forwards", f"{report.sparse_forwards} sparse, {report.dense_forwards} dense")
        summary.add_row("density", "no sparse call" if report.density is None else f"{report.density:.2%}")
    if report.output_error is not None:
        summary.add_row("output error", f"{report.output_error:.4f}")
    return summary


def _protocol(report: RequestReport) -> str:
    if report.protocol == "dense":
        return "nowhere: dense attention"
    held = report.first_tokens_dense
    return report.protocol if not held else f"{report.protocol}, after {held} dense tokens"


def _context(report: RequestReport) -> str:
    read = "read once" if report.context_prefills else "read before"
    return f"{read}, {'sparsely' if report.context_attention == 'sparse' else f'densely ({report.context_attention})'}"


def _phases(report: RequestReport) -> Table:
    table = plain_table("phase", "tokens", "seconds", "tokens/s", "peak memory")
    for name, phase in report.phases.items():
        speed, peak = phase.tokens_per_second, phase.peak_bytes
        table.add_row(
            name,
            str(phase.tokens),
            f"{phase.seconds:.2f}",
            "-" if speed is None else f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}",
            "-" if peak is None else _size(peak),
        )
    return table


def _layers(report: RequestReport) -> Table:
    errors = ("output error",) if report.output_error is not None else ()
    kinds = ("kind",) if any(layer.kind for layer in report.layers) else ()
    table = plain_table("layer", *kinds, "mode", "maskers", "calls", "density", "least head", "most head", *errors)
    for layer in report.layers:
        shares = ["-"] * 3
        if layer.density is not None and layer.mean_density is not None:
            shares = [f"{share:.2%}" for share in (layer.mean_density, min(layer.density), max(layer.density))]
        calls = [_paths(layer.paths)] if layer.sparse_calls else []
        calls += [f"{layer.dense_calls} own"] if layer.dense_calls else []
        table.add_row(
            str(layer.layer),
            *([layer.kind or "-"] if kinds else []),
            layer.mode,
            ", ".join(layer.maskers) or "-",
            ", ".join(calls) or "-",
            *shares,
            *(["-" if layer.output_error is None else f"{layer.output_error:.4f}"] if errors else []),
        )
    return table


def _maskers(maskers: tuple[MaskerReport, ...]) -> str:
    return ", ".join(f"{masker.kind} ({masker.distribution} {masker.version})" for masker in maskers)


def _ranges(numbers: tuple[int, ...]) -> str:
    """Numbers in order, those that follow each other as a range: 0, 2-4."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, each)) for each in ranges)


def _paths(calls: dict[str, int]) -> str:
    """How many calls were computed which way."""
    return ", ".join(f"{count} {path}" for path, count in calls.items()) or "no sparse call"


def estimate_table(estimate: Estimate) -> Table:
    """What each kind of layer would keep and hold."""
    table = plain_table("estimated", "layers", "visible keys", "attended", "density", "positional alone", "index")
    for group in estimate.layers:
        table.add_row(
            "full attention" if group.window is None else f"sliding window {group.window}",
            str(len(group.layers)),
            str(group.keys),
            f"{group.attended:.1f}",
            f"{group.attended / group.keys:.2%}",
            f"{group.positional / group.keys:.2%}",
            _size(group.index_bytes),
        )
    table.add_row(
        "all",
        str(sum(len(group.layers) for group in estimate.layers)),
        "",
        "",
        f"{estimate.density:.2%}",
        f"{estimate.positional_density:.2%}",
        f"{_size(estimate.index_bytes)} beside {_size(estimate.kv_bytes)} of keys and values ({estimate.dtype})",
    )
    return table


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
