"""Seeds averaged, families of configs, and the tables that people read."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sah_bench.report.cell_result import CellResult
from sah_bench.report.groups import family, grouped
from sah_bench.report.markdown import markdown
from sah_bench.report.slices import slices
from sah_bench.report.terminal import print_results
from sah_bench.report.wording import duration, percent, plus_minus, signed

Build = Callable[[], Any]

CELL = CellResult(
    address="0",
    model="needle",
    attention="quest",
    swept={},
    protocol="question",
    task="needle retrieval",
    length=1024,
    seed=0,
    samples=4,
    scorer="exact",
    table="t",
    status="missing",
)


def printed(results: Any) -> str:
    """What a wide terminal shows."""
    file = StringIO()
    print_results(results, Console(file=file, width=200, markup=False, highlight=False, emoji=False))
    return file.getvalue()


def test_seeds_are_averaged(build: Build) -> None:
    """The mean over seeds, with the error of a mean of independent numbers: sqrt(0.05^2 + 0.05^2) / 2."""
    building = build()
    building.add("quest", density=0.1, right=[1, 1, 1, 1], seconds=0.01, seed=0)
    building.add("quest", density=0.2, right=[1, 0, 0, 1], seconds=0.03, seed=1)
    (group,) = grouped(building.results().cells)
    assert (group.score, group.density, group.seconds) == pytest.approx((0.75, 0.15, 0.02))
    assert group.standard_error == pytest.approx(0.05 / 2**0.5)
    assert (group.answered, group.samples) == (8, 8)


def test_time_over_dense(build: Build) -> None:
    """Of several seeds it is the time of all over that of all: (0.01 + 0.05) / (0.04 + 0.04), not a mean of ratios."""
    building = build()
    for seed, seconds in ((0, 0.01), (1, 0.05)):
        building.add("dense", seconds=0.04, seed=seed)
        building.add("quest", density=0.1, seconds=seconds, seed=seed)
    _, quest = grouped(building.results().cells)
    assert quest.time_ratio == pytest.approx(0.75)


def test_a_seed_without_a_score(build: Build) -> None:
    """The others' mean stands, and how many samples are answered says that it is not of all."""
    building = build()
    building.add("quest", density=0.1, right=[1, 1, 0, 0], seed=0)
    building.add("quest", density=0.1, begun=False, seed=1)
    (group,) = grouped(building.results().cells)
    assert (group.score, group.answered, group.samples) == (0.5, 4, 8)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from("abc")), max_size=12))
def test_every_cell_is_in_one_group(drawn: list[tuple[float, int, str]]) -> None:
    """Grouping loses no cell and repeats none, and a group's score lies within those of its cells."""
    cells = [
        attrs.evolve(CELL, attention=attention, seed=seed, score=score, address=str(number))
        for number, (score, seed, attention) in enumerate(drawn)
    ]
    groups = grouped(cells)
    assert sorted(cell.address for group in groups for cell in group.cells) == sorted(cell.address for cell in cells)
    for group in groups:
        scores = [cell.score for cell in group.cells if cell.score is not None]
        assert group.score is not None
        assert min(scores) - 1e-9 <= group.score <= max(scores) + 1e-9


@pytest.mark.parametrize(
    ("attention", "swept", "expected"),
    [
        ("quest budget=0.05", {"budget": 0.05}, "quest"),
        ("quest at 5 %", {"percent": 5}, "quest at"),
        ("magicpig L75", {"tables": 75}, "magicpig"),
        ("magicpig K8 L75", {"bits": 8, "tables": 75}, "magicpig"),
        ("sink + local 64", {}, "sink + local"),
        ("oracle top-k", {}, "oracle top-k"),
        ("0.05", {"budget": 0.05}, "0.05"),
        ("pq4 0.5", {"budget": 0.5}, "pq4"),
    ],
)
def test_family(attention: str, swept: dict[str, float], expected: str) -> None:
    """A family is the name without what was swept, or without a number at its end, and never empty."""
    assert family(attrs.evolve(CELL, attention=attention, swept=swept)) == expected


def test_wording() -> None:
    """Numbers have the digits that count, and nothing known is a dash."""
    assert (plus_minus(0.95312, 0.01249), plus_minus(1.0, None), plus_minus(None, 0.1)) == (
        "0.953 ± 0.012",
        "1.000",
        "-",
    )
    assert (signed(0.0125, 0.5), signed(-0.25, None)) == ("+0.013 ± 0.500", "-0.250")
    assert (percent(0.0485), percent(0.123), percent(1.0), percent(None)) == ("4.85 %", "12.3 %", "100 %", "-")
    assert (duration(0.00123), duration(0.0123, 0.0002), duration(1.5, 0.01)) == ("1.23", "12.3 ± 0.2", "1500 ± 10")


def test_slices_repeat_dense(build: Build) -> None:
    """Dense attention stands first in the table of each protocol, and alone where there is no other."""
    building = build()
    building.add("quest", density=0.1)
    building.add("quest", density=0.1, protocol="generation")
    building.add("dense")
    building.add("dense", task="needle vote")
    found = slices(grouped(building.results().cells))
    assert [(part.title, [group.attention for group in part.groups]) for part in found] == [
        ("needle retrieval at 1024 tokens, sparse from question", ["dense", "quest"]),
        ("needle retrieval at 1024 tokens, sparse from generation", ["dense", "quest"]),
        ("needle vote at 1024 tokens", ["dense"]),
    ]


def test_terminal(build: Build) -> None:
    """A table of numbers by hand, and what is missing after it."""
    building = build()
    building.add("dense", right=[1, 1, 1, 1], seconds=0.04)
    building.add("quest [0.1]", density=0.1, right=[1, 0, 1, 1], seconds=0.03)
    building.add("pqcache", density=0.1, begun=False)
    lines = [line.rstrip() for line in printed(building.results()).splitlines()]
    assert lines[0] == "a benchmark: 3 cells: 2 complete, 1 missing"
    quest = next(line for line in lines if line.startswith("quest [0.1]"))
    dense = next(line for line in lines if line.startswith("dense "))
    assert " ".join(quest.split()) == "quest [0.1] 0.750 ± 0.050 -0.250 ± 0.250 10.0 % 30.0 ± 0.0 0.75x 4 of 4"
    assert " ".join(dense.split()) == "dense 1.000 ± 0.050 - 100 % 40.0 ± 0.0 - 4 of 4"
    assert lines[-1] == "- needle: pqcache from question, needle retrieval at 1024, seed 0: missing: not begun"


def test_terminal_leaves_out_what_is_too_long(build: Build) -> None:
    """Of many tables and many problems the first are printed, and how many are left out."""
    results = build().results()
    cells = [attrs.evolve(CELL, length=length, attention=f"a {at}") for length in range(30) for at in range(20)]
    text = printed(attrs.evolve(results, cells=tuple(cells)))
    assert "20 more tables are in the page" in text
    assert "and 580 more, which the page names" in text
    assert len(text.splitlines()) < 260


def test_contexts_that_were_cut_are_told(build: Build) -> None:
    """In the terminal and in Markdown: how many samples of how many cells; where none was cut, nothing is said."""
    results = build().results()
    whole = attrs.evolve(results, cells=(CELL,))
    cut = attrs.evolve(results, cells=(CELL, attrs.evolve(CELL, attention="a", cut_samples=3)))
    assert whole.shortened is None
    said = "the middle of the context was left out in 3 samples of 1 cell, as it was longer than the model takes"
    assert said in printed(cut)
    assert f"- Note: {said}" in markdown(cut)
    assert "left out in" not in printed(whole) + markdown(whole)


def test_markdown(build: Build) -> None:
    """Rows are configs, columns lengths, and what is missing is named; nothing of the machine's paths is in it."""
    building = build()
    building.add("dense", right=[1, 1, 1, 1], seconds=0.04)
    building.add("quest|x", density=0.05, right=[1, 0, 1, 1], seconds=0.03)
    building.add("dense", length=4096, right=[1, 1, 0, 1], seconds=0.08)
    building.add("quest|x", density=0.02, length=4096, begun=False)
    text = markdown(building.results(), command="sah bench needle.yaml")
    lines = text.splitlines()
    assert lines[0] == "# a benchmark"
    assert "- Made with: `sah bench needle.yaml`" in lines
    assert "- Versions: sah-core 0.1.0, torch 2.13.0" in lines
    assert "## Sparse from the question on" in lines
    assert "| attention | 1024 | 4096 |" in lines
    assert "| dense | 1.000 ± 0.050 (100 %) | 0.750 ± 0.050 (100 %) |" in lines
    assert "| quest\\|x | 0.750 ± 0.050 (5.00 %) | missing |" in lines
    assert "| quest\\|x | 30.0 ± 0.0 (0.75x) | missing |" in lines
    assert lines[-1] == "- needle: quest\\|x from question, needle retrieval at 4096, seed 0: missing: not begun"
    assert str(building.directory.path) not in text
