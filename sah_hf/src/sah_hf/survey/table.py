"""The table of docs/models.md: what came of every model type, a column for each surveyed version of transformers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
from attrs import field, frozen
from packaging.version import Version

from .families import WIDELY_USED
from .page import PAGE
from .trial import Trial, Verdict, VerdictKind

__all__ = ["Row", "SurveyTable"]

_ABSENT = "-"
_CELL = re.compile(r"(exact|wrong|refused|cannot run)(?:, (\d+ of \d+))?(?: \[(\d+)\])?")
_REASON = re.compile(r"(\d+)\. (.+)")
_KINDS: tuple[VerdictKind, ...] = ("exact", "refused", "cannot run", "wrong")


@frozen
class Row:
    """One model type; class and attention are those of the newest version that has it."""

    model_type: str
    model_class: str
    attention: str
    verdicts: Mapping[str, Verdict]

    def merged(self, version: str, trial: Trial) -> Row:
        """With this version's trial in place of what was known of it."""
        verdicts = {**self.verdicts, version: trial.verdict}
        if version != max(verdicts, key=Version):
            return attrs.evolve(self, verdicts=verdicts)
        return Row(trial.model_type, trial.model_class, trial.attention, verdicts)


@frozen
class SurveyTable:
    """Rows by model type."""

    rows: Mapping[str, Row] = field(factory=dict)

    @property
    def versions(self) -> list[str]:
        """The versions that were surveyed, newest first."""
        return sorted({version for row in self.rows.values() for version in row.verdicts}, key=Version, reverse=True)

    def with_trials(self, version: str, trials: Iterable[Trial], *, whole: bool) -> SurveyTable:
        """With these trials under this version; ``whole``: they are all that it has, what else stands there goes."""
        rows = dict(self.rows)
        if whole:
            for name, row in self.rows.items():
                others = {known: verdict for known, verdict in row.verdicts.items() if known != version}
                rows[name] = attrs.evolve(row, verdicts=others)
        for trial in trials:
            row = rows.get(trial.model_type) or Row(trial.model_type, trial.model_class, trial.attention, {})
            rows[trial.model_type] = row.merged(version, trial)
        return SurveyTable({name: rows[name] for name in sorted(rows) if rows[name].verdicts})

    @classmethod
    def read(cls, page: Path) -> SurveyTable:
        """The table that a page holds."""
        lines = page.read_text(encoding="utf-8").splitlines()
        reasons = {match[1]: match[2] for line in lines if (match := _REASON.fullmatch(line))}
        rows: dict[str, Row] = {}
        versions: list[str] = []
        for line in lines:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0] == "model type":
                versions = cells[3:]
            elif line.startswith("| `"):
                name, model_class = cells[0].strip("`"), cells[1]
                verdicts = {
                    version: _verdict(cell, reasons)
                    for version, cell in zip(versions, cells[3:], strict=True)
                    if cell != _ABSENT
                }
                rows[name] = Row(name, model_class, "" if cells[2] == _ABSENT else cells[2], verdicts)
        return cls({name: rows[name] for name in sorted(rows)})

    def markdown(self) -> str:
        """The page."""
        versions, numbers = self.versions, self._numbers()
        counts = {version: Counter(row.verdicts[version].kind for row in self._having(version)) for version in versions}
        summary = [[kind, *(str(counts[version][kind]) for version in versions)] for kind in _KINDS]
        summary.append(["model types", *(str(counts[version].total()) for version in versions)])
        wide, others = (
            [self._line(row, numbers) for row in self.rows.values() if (row.model_type in WIDELY_USED) == used]
            for used in (True, False)
        )
        header = ["model type", "class", "attention", *versions]
        return PAGE.format(
            counts=_table(["transformers", *versions], summary),
            widely_used=_table(header, wide),
            others=_table(header, others),
            reasons="\n".join(f"{number}. {reason}" for reason, number in numbers.items()),
        )

    def _having(self, version: str) -> list[Row]:
        return [row for row in self.rows.values() if version in row.verdicts]

    def _numbers(self) -> dict[str, int]:
        """Each reason once, the most frequent first."""
        reasons = Counter(
            verdict.reason for row in self.rows.values() for verdict in row.verdicts.values() if verdict.reason
        )
        ordered = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
        return {reason: number for number, reason in enumerate(ordered, 1)}

    def _line(self, row: Row, numbers: Mapping[str, int]) -> list[str]:
        cells = [_cell(row.verdicts.get(version), numbers) for version in self.versions]
        return [f"`{row.model_type}`", row.model_class, row.attention or _ABSENT, *cells]


def _cell(verdict: Verdict | None, numbers: Mapping[str, int]) -> str:
    if verdict is None:
        return _ABSENT
    layers = f", {verdict.layers}" if verdict.layers else ""
    return f"{verdict.kind}{layers}" + (f" [{numbers[verdict.reason]}]" if verdict.reason else "")


def _verdict(cell: str, reasons: Mapping[str, str]) -> Verdict:
    match = _CELL.fullmatch(cell)
    if match is None:
        raise ValueError(f"{cell!r} is no verdict")
    kind, layers, number = match.groups()
    return Verdict(kind, layers or "", reasons[number] if number else "")  # type: ignore[arg-type]  # _CELL has the kinds


def _table(header: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))
