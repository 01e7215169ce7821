"""Reports and estimates as tables for people."""

from __future__ import annotations

from rich.table import Table

from sah_core.cli.console import plain_table

from .estimate import Estimate
from .report import RequestReport

__all__ = ["estimate_table", "report_tables"]


def report_tables(report: RequestReport) -> list[Table]:
    """The whole request in one table, and its sparse layers in another."""
    summary = plain_table("measured", "")
    summary.add_row("model", f"{report.model} ({report.model_type}, {report.dtype}, {report.device})")
    summary.add_row("sparse from", report.protocol if report.protocol != "dense" else "nowhere: dense attention")
    if report.maskers:
        summary.add_row("backend", f"{report.backend}: {_paths(report.paths)}")
        summary.add_row("maskers", ", ".join(f"{m.kind} ({m.distribution} {m.version})" for m in report.maskers))
        summary.add_row("dense layers", ", ".join(map(str, report.dense_layers)) or "none")
        summary.add_row("density", "no sparse call" if report.density is None else f"{report.density:.2%}")
    if report.output_error is not None:
        summary.add_row("output error", f"{report.output_error:.4f}")
    summary.add_row(
        "tokens", f"{report.context_tokens} context, {report.question_tokens} questions, {report.answer_tokens} answers"
    )
    summary.add_row(
        "seconds", f"{report.prefill_seconds:.2f} context, {report.decode_seconds:.2f} questions and answers"
    )
    if not report.sparse_calls:
        return [summary]
    layers = plain_table("layer", "mode", "calls", "density", "least head", "most head", "output error")
    for layer in report.layers:
        if layer.density is None or layer.mean_density is None:
            layers.add_row(str(layer.layer), layer.mode, "0", *["-"] * 4)
            continue
        shares = (layer.mean_density, min(layer.density), max(layer.density))
        error = "-" if layer.output_error is None else f"{layer.output_error:.4f}"
        layers.add_row(str(layer.layer), layer.mode, _paths(layer.paths), *(f"{share:.2%}" for share in shares), error)
    return [summary, layers]


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
