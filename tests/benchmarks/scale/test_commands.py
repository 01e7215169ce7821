"""The commands run at a tiny size, and the page says what the formulas and the measurements say."""

import argparse
from pathlib import Path
from typing import Any

import pytest
from benchmarks.results.record import read_records
from benchmarks.scale import command as scale
from benchmarks.scale import models
from benchmarks.scale.leaderboard import Leaderboard
from benchmarks.scale.measured import CONSTANTS, METHOD_CONSTANTS, Measured
from benchmarks.scale.models import Size
from benchmarks.scale.page import DATA, filled, made_tables
from benchmarks.scale.ruler import METHODS, methods
from benchmarks.scale.shapes import known_shapes
from benchmarks.scale.speeds import ASSUMED, GPUS
from benchmarks.scale.trying import ATTENDING, DECODING, READING
from benchmarks.schedule import command as schedule
from benchmarks.schedule.command import leaderboard_row

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "scale.md"


def parsed(command: Any, *given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What both commands leave, beside a page with places for tables; the first measures small models."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "scale.md").write_text("before\n<!-- table: executor -->\n<!-- end -->\nafter\n")
    small = ("--rounds", "1", "--keys", "256", "512", "1024", "--cells", "2", "-o", str(folder / "results"))
    with pytest.MonkeyPatch.context() as patch:
        sizes = tuple(
            Size(size.name, 1, 64 * (number + 1), 16, (16, 48), (64, 128), size.fitted)
            for number, size in enumerate(models.SIZES)
        )
        patch.setattr(scale, "SIZES", sizes)
        scale.run(parsed(scale, *small, "--work", str(folder / "work")))
    few = ("--cells", "60", "--devices", "8", "--rounds", "1", "--fleets")
    schedule.run(parsed(schedule, *few, "-o", str(folder / "results")))
    return folder


def test_measuring(folder: Path) -> None:
    """Constants of the machine and of each method, and a row for each model, method and context."""
    rows = read_records(folder / "results" / DATA)["scale"].rows
    titles = [row.table for row in rows]
    assert titles.count(CONSTANTS) == 1
    assert {row.operation for row in rows if row.table == METHOD_CONSTANTS} == set(METHODS[1:])
    assert titles.count(READING) == titles.count(DECODING) == 6
    assert titles.count(ATTENDING) == 3 * len(METHODS)
    for row in rows:
        if "measured" in row.milliseconds:
            error = 100 * (row.numbers["formula, ms"] / row.milliseconds["measured"].median - 1)
            assert row.numbers["error, %"] == pytest.approx(error, abs=1e-3)
    measured = Measured.of(read_records(folder / "results" / DATA)["scale"])
    assert measured.speeds.matrices > 0
    assert min(measured.beside) >= 0


def test_simulating(folder: Path) -> None:
    """A row for the executor, which the page has in its place."""
    (executor,) = read_records(folder / "results" / DATA)["schedule"].rows
    assert executor.operation == "60 cells"
    assert executor.numbers["contexts read"] >= executor.numbers["contexts"]
    assert executor.numbers["loads"] >= executor.numbers["loads at least"]
    page = (folder / "scale.md").read_text()
    assert page.startswith("before\n<!-- table: executor -->\n**The executor on simulated devices")
    assert page.endswith("<!-- end -->\nafter\n")


def test_a_leaderboard_is_simulated() -> None:
    """Of one model on two devices: as many hours as its formula has, but for jitter, starts, loads and what is idle."""
    speeds = GPUS["H100"].at(ASSUMED["middle"], 1e-3)
    board = Leaderboard(known_shapes()[:1], methods({})[:3], GPUS["H100"], speeds, samples=8)
    row = leaderboard_row(board, 4, "tables of 4", 2)
    assert row.setting == {"cells": sum(3 for _ in board.tables(4)), "devices": 2}
    assert row.numbers["contexts"] == 8 * 13 * 6
    assert row.numbers["device hours"] == pytest.approx(board.seconds(shared=True) / 3600, rel=0.05)


def test_a_page_is_filled_where_it_has_places() -> None:
    """Again and again with the same end; a place without a table stays as it is."""
    page = "a\n<!-- table: x -->\nold\n<!-- end -->\n<!-- table: y -->\nkept\n<!-- end -->\n"
    new = filled(page, {"x": "new\n", "z": "nowhere\n"})
    assert new == page.replace("old", "new")
    assert filled(new, {"x": "new\n"}) == new


def test_the_published_page_says_what_was_measured() -> None:
    """Its tables are those that the formulas and docs/results give, all of them in their places."""
    made = made_tables(read_records(ROOT / "docs" / "results" / DATA))
    page = PAGE.read_text(encoding="utf-8")
    assert {name for name in made if f"<!-- table: {name} -->" in page} == set(made)
    assert filled(page, made) == page


def test_constants_come_first(tmp_path: Path) -> None:
    """Without them the simulation does not know how long anything takes."""
    with pytest.raises(SystemExit, match="has no constants: run  python -m benchmarks scale  first"):
        schedule.run(parsed(schedule, "-o", str(tmp_path)))
