"""The results as a Markdown page: how they were made, and a table of quality and one of time for each task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from .groups import Group, grouped
from .machine import machine
from .problems import problems
from .results import Results
from .versions import versions
from .wording import duration, percent, plus_minus, ratio

__all__ = ["markdown"]

READING = """\
A score is the mean over all questions of all seeds, ± its standard error; questions about one context count as one
cluster. In brackets: the density, that is how many of the visible keys are attended to, measured over all sparse
layers, heads and queries. Two scores differ for sure only where they are several standard errors apart; an error of
0.000 says that all answers scored alike, and with n questions some 3 in n might still not have.
Time is that of a question and its answer after the context was read, in milliseconds, and in brackets that over dense
attention's; it is what this machine and this implementation take, and says little about other ones."""

PROTOCOLS = {
    "question": "Sparse from the question on",
    "generation": "Sparse from the first generated token on",
    "dense": "Dense",
}


def markdown(results: Results, *, command: str | None = None) -> str:
    """The page; ``command`` is what made the results, such as ``sah bench examples/needle-leaderboard.yaml``."""
    lines = [f"# {_text(results.name)}", ""]
    lines += [f"- Made with: `{command or 'sah bench'}`", f"- Machine: {machine()}"]
    found = versions(results)
    if found:
        lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in found.items())}")
    lines += [f"- Cells: {results.counts}"]
    lines += [f"- Note: {results.shortened}"] if results.shortened is not None else []
    lines += ["", READING, ""]
    groups = grouped(results.cells)
    for protocol in dict.fromkeys(group.protocol for group in groups):
        if protocol == "dense" and any(group.protocol != "dense" for group in groups):
            continue  # dense attention stands in the tables of the others
        lines += [f"## {PROTOCOLS.get(protocol, protocol)}", ""]
        for table in _tables(groups, protocol):
            lines += [*table, ""]
    lines += _missing(results)
    return "\n".join(lines).rstrip() + "\n"


def _tables(groups: Sequence[Group], protocol: str) -> Iterator[list[str]]:
    chosen = [group for group in groups if group.protocol in ("dense", protocol)]
    models = list(dict.fromkeys(group.model for group in chosen))
    for model, task in dict.fromkeys((group.model, group.task) for group in chosen):
        part = [group for group in chosen if (group.model, group.task) == (model, task)]
        title = _text(task) if len(models) == 1 else f"{_text(model)}: {_text(task)}"
        yield [f"### {title}", "", "Score ± standard error (density):", "", *_table(part, _quality)]
        yield ["Milliseconds an answer (times dense):", "", *_table(part, _speed)]


def _table(groups: Sequence[Group], cell: Callable[[Group], str]) -> Iterator[str]:
    lengths = sorted({group.length for group in groups}, key=lambda length: (length is not None, length or 0))
    at = {(group.attention, group.length): group for group in groups}
    names = dict.fromkeys(group.attention for group in sorted(groups, key=lambda group: group.protocol != "dense"))
    yield _row(["attention", *("score" if length is None else str(length) for length in lengths)])
    yield _row(["---", *("---:" for _ in lengths)])
    for name in names:
        found = (at.get((name, length)) for length in lengths)
        yield _row([_text(name), *("" if group is None else cell(group) for group in found)])


def _row(fields: Iterable[str]) -> str:
    return f"| {' | '.join(fields)} |"


def _quality(group: Group) -> str:
    if group.score is None:
        return "missing"
    return f"{plus_minus(group.score, group.standard_error)} ({percent(group.density)}){_partly(group)}"


def _speed(group: Group) -> str:
    if group.seconds is None:
        return "missing"
    beside = "" if group.time_ratio is None else f" ({ratio(group.time_ratio)})"
    return f"{duration(group.seconds, group.seconds_error)}{beside}"


def _partly(group: Group) -> str:
    return "" if group.answered == group.samples else f", {group.answered} of {group.samples} answered"


def _missing(results: Results) -> list[str]:
    wrong = problems(results)
    if not wrong:
        return []
    return ["## What is missing", "", *(f"- {_text(problem)}" for problem in wrong)]


def _text(text: str) -> str:
    """Text that Markdown takes for text."""
    for letter in "\\`*_[]<>|#":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
