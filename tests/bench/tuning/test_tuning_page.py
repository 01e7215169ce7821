"""The page of a study in a real browser: its table, its charts, its lists of trials, and names as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.report.wording import percent, plus_minus, signed
from sah_bench.tuning.axes import Axes
from sah_bench.tuning.page import write_page
from sah_bench.tuning.result import Cost, MethodResult, ParameterRange, TuningResult
from sah_core.errors import UsageError

from .made_study import study

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]

HOSTILE = "<img src=x onerror=document.title='owned'></script><script>document.title='owned'</script>"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a study of five methods, forty trials each."""
    path = tmp_path_factory.mktemp("study") / "tuning.html"
    write_page(study(), path)
    return path


def test_the_table(made: Path, opened: Open) -> None:
    """Start and tuned stand side by side with their difference, and below them what was changed."""
    shown = opened(made)
    assert shown.title() == "vote at 5 %"
    summary = shown.locator("#summary").inner_text()
    assert (
        summary
        == "needle: needle vote, 32 samples a seed, at 1024 tokens. The best score with a density of at most 5 %."
    )
    quest = shown.locator("#methods .method-row").first
    pair = study().methods[0].confirmed
    assert pair is not None
    cells = quest.locator("tr").first.locator("td").all_inner_texts()
    assert cells == [
        *(plus_minus(pair.start.score, 0.05), plus_minus(pair.tuned.score, 0.04), signed(pair.difference, 0.045)),
        *(percent(pair.start.density), percent(pair.tuned.density), "17.1", "12.5", "0.42", "0.51"),
    ]
    found = quest.locator(".found").inner_text()
    assert "quest.page_size 8 (was 16)" in found
    assert "tuned/quest.yaml" in found
    assert "31 complete, 7 pruned, 2 failed" in found
    assert shown.locator("#methods .method-row").last.inner_text().split() == [
        *("dense", "attention", "0.953", "±", "0.021", "100", "%", "21.3", "0.00")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn(made: Path, opened: Open, scheme: str) -> None:
    """Every trial with a score is a point, start and best are marked and named, and the budget is a line."""
    shown = opened(made, scheme=scheme)
    quest = study().methods[0]
    chart = shown.locator("#method-0-chart")
    points = chart.locator(".mark-symbol.role-mark")
    assert [points.nth(layer).locator("path").count() for layer in range(3)] == [7, 31, 2]
    assert chart.locator(".mark-text.role-mark text").all_text_contents() == ["budget 5 %", "start", "best"]
    fronts = shown.locator("#fronts-chart")
    assert fronts.locator(".mark-symbol.role-mark path").count() == sum(len(each.front) for each in study().methods)
    assert fronts.locator(".role-legend-label text").all_text_contents() == [each.name for each in study().methods]
    confirmed = shown.locator("#confirmed-chart")
    assert confirmed.locator(".mark-symbol.role-mark path").count() == 2 * 4
    assert confirmed.locator(".mark-text.role-mark text").all_text_contents() == ["dense 0.953", "budget 5 %"]
    bars = shown.locator("#method-0-importance .mark-rect.role-mark path")
    assert bars.count() == 2 * len(quest.parameters)
    for box in (each.bounding_box() for each in shown.locator("figure svg").all()):
        assert box is not None
        assert 300 < box["width"] <= 600
        assert box["x"] + box["width"] <= 1280


def test_hovering_says_which_trial(made: Path, opened: Open) -> None:
    """A point's tooltip has the trial's figures and parameters, and a click opens the trial."""
    shown = opened(made)
    point = shown.locator("#method-0-chart .mark-symbol.role-mark").nth(2).locator("path").last  # the best
    point.hover()
    tip = shown.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert "1 (complete)" in tip.inner_text()
    assert "quest.page_size" in tip.inner_text()
    point.click()
    assert shown.locator("#details-title").inner_text() == "quest: trial 1, the best"
    assert shown.locator("#details-values").inner_text().split("\n")[4:6] == ["quest.page_size", "8"]


def test_trials_are_listed(made: Path, opened: Open) -> None:
    """The list opens, sorts with what has no score last, and a trial says why it ended early."""
    shown = opened(made)
    table = shown.locator("#method-0-trials")
    assert not table.is_visible()
    shown.locator("#method-0 summary").click()
    assert table.locator(".shown").inner_text() == "1 to 25 of 40 trials"
    scores = sorted(
        (each.figures.score for each in study().methods[0].trials if each.figures is not None), reverse=True
    )
    table.get_by_role("button", name="score").click()
    rows = table.locator("tbody tr")
    assert [row.split("\t")[2][:5] for row in rows.all_inner_texts()] == [f"{score:.3f}" for score in scores[:25]]
    table.get_by_role("button", name="Next").click()
    assert [row.split("\t")[1] for row in rows.all_inner_texts()[-2:]] == ["failed", "failed"]
    rows.last.locator(".open").click()
    assert (
        shown.locator("#details-failure").inner_text().startswith("failed: CalibrationError: the context has 12 keys")
    )


def test_problems_are_said(made: Path, opened: Open) -> None:
    """A method without a tuned config says why, in the table and in its part; one without importance says so."""
    shown = opened(made)
    said = study().methods[4].problem
    found = shown.locator("#methods .method-row").nth(4).locator(".found").inner_text()
    assert found == f"no tuned config {said}\nTrials: 31 complete, 7 pruned, 2 failed."
    assert shown.locator("#method-4 .failure").inner_text() == f"No tuned config. {said}"
    assert shown.locator("#method-3-importance").inner_text().startswith("Not known:")
    assert shown.locator("#method-3-importance svg").count() == 0


def test_a_click_in_the_overview_opens_a_trial(made: Path, opened: Open) -> None:
    """A point of a front is a trial of its method."""
    shown = opened(made)
    shown.locator("#fronts-chart .mark-symbol.role-mark path").first.click()
    assert shown.locator("#details-title").inner_text().startswith(f"quest: trial {study().methods[0].front[0]}")


def test_names_are_text(tmp_path: Path, opened: Open) -> None:
    """Whatever a name, a value or a message holds, it is shown letter by letter and never run."""
    parameter = ParameterRange(HOSTILE, HOSTILE, choices=(HOSTILE, "b"))
    result = study(trials=4)
    trials = tuple(attrs.evolve(each, values={HOSTILE: HOSTILE}, why=HOSTILE) for each in result.methods[0].trials)
    method = attrs.evolve(
        result.methods[0],
        name=HOSTILE,
        parameters=(parameter,),
        trials=trials,
        config=HOSTILE,
        problem=HOSTILE,
        importance={"score": {HOSTILE: 1.0}, "cost": {HOSTILE: 1.0}},
    )
    path = tmp_path / "page.html"
    write_page(attrs.evolve(result, name=HOSTILE, model=HOSTILE, asked=HOSTILE, methods=(method,)), path)
    shown = opened(path)
    assert shown.title() == HOSTILE
    assert shown.locator("h1").inner_text() == HOSTILE
    assert shown.locator("#methods .found").inner_text().count(HOSTILE) == 2
    assert HOSTILE in shown.locator("#method-0 h2").inner_text()
    shown.locator("#method-0-chart .mark-symbol.role-mark path").last.hover()
    shown.locator("#vg-tooltip-element.visible").wait_for()
    assert shown.locator("#vg-tooltip-element").inner_text().count("<img") == 2
    shown.locator("#method-0 summary").click()
    shown.locator("#method-0-trials .open").first.click()
    assert shown.locator("#details").inner_text().count(HOSTILE) == 4
    assert shown.locator("img").count() == 0
    assert shown.title() == HOSTILE


def test_a_narrow_window(made: Path, opened: Open) -> None:
    """On a telephone nothing but tables needs to be moved sideways, and a tooltip lies inside the window."""
    shown = opened(made, width=390)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    assert shown.locator("#methods .found div").first.bounding_box()["width"] < 390  # type: ignore[index]  # it is shown
    shown.locator("#method-0-chart .mark-symbol.role-mark path").last.hover()
    shown.locator("#vg-tooltip-element.visible").wait_for()
    box = shown.locator("#vg-tooltip-element").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_nothing_tried(tmp_path: Path, opened: Open) -> None:
    """A study of which nothing came opens, and says so."""
    method = MethodResult("quest", (), (), (), None, problem="every trial failed")
    path = tmp_path / "page.html"
    write_page(TuningResult("a study", "needle", "vote", "seconds", 0.01, (method,)), path)
    shown = opened(path)
    assert shown.locator("#confirmed-chart").inner_text() == "Nothing was asked of samples that no trial saw."
    assert shown.locator("#fronts-chart").inner_text() == "No trial is complete."
    assert shown.locator("#method-0-chart").inner_text() == "No trial has a score."


@pytest.mark.parametrize(("of", "budget"), [("seconds", 0.0135), ("megabytes", 0.4)])
def test_another_budget(tmp_path: Path, opened: Open, of: Cost, budget: float) -> None:
    """The charts' axis is the budget's quantity, and what is above it is marked in the table."""
    path = tmp_path / "page.html"
    write_page(study(of, budget), path)
    shown = opened(path)
    said = {
        "seconds": ("budget 13.5 ms", "milliseconds an answer", "17.1"),
        "megabytes": ("budget 0.4 MB", "megabytes of indexes", "0.42"),
    }
    line, axis, above = said[of]
    chart = shown.locator("#method-0-chart")
    assert line in chart.inner_text()
    assert axis in chart.inner_text()
    marked = shown.locator("#methods .method-row").first.locator(".status.incomplete")
    assert marked.first.inner_text() == above


@pytest.mark.parametrize(
    ("costs", "log"),
    [([0.1, 0.9], True), ([0.39, 0.5], False), ([0.0, 0.9], False), ([], False), ([0.4], False)],
    ids=["wide", "narrow", "nothing", "none", "the budget"],
)
def test_limits_of_costs(costs: list[float], log: bool) -> None:
    """A wide range of costs has a log scale, one with 0 in it has not; the limits hold every cost and the budget."""
    axes = Axes.holding(study("megabytes", 0.4, trials=2), [{"cost": cost, "score": 0.5} for cost in costs])
    x: Any = axes.x.to_dict()
    scale = x["scale"]
    assert axes.log == log
    assert scale.get("type") == ("log" if log else None)
    low, high = scale["domain"]
    assert low < high
    assert all(low <= cost <= high for cost in [*costs, 0.4])


@given(st.lists(st.floats(-2, 2), max_size=4))
def test_limits_of_scores(scores: list[float]) -> None:
    """They hold every score with some room, and where all are between 0 and 1 no other."""
    rows = [{"cost": 0.4, "score": score} for score in scores]
    y: Any = Axes.holding(study("megabytes", 0.4, trials=2), rows).y().to_dict()
    low, high = y["scale"]["domain"]
    assert low < high
    assert all(low <= score <= high for score in scores)
    if all(0 <= score <= 1 for score in scores):
        assert low >= 0
        assert high <= 1


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    """It is one sentence that names the file."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match=r"taken.*the page cannot be written"):
        write_page(study(trials=2), tmp_path / "taken" / "tuning.html")
