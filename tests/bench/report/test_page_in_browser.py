"""The page in a real browser: it draws what was chosen, shows names as text, runs and fetches nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from pyarrow import parquet

from sah_bench.report.page import page
from sah_bench.report.results import read_results
from sah_bench.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

Build = Callable[[], Any]
Open = Callable[..., "Page"]

HOSTILE = "<img src=x onerror=document.title='owned'></script><script>document.title='owned'</script>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn(path: Path, opened: Open, scheme: str) -> None:
    """Both plots hold a point for each sparse config of the chosen slice, and the dense score once in each."""
    shown = opened(path, scheme=scheme)
    chart = shown.locator("#quality-chart")
    assert chart.locator(".mark-symbol.role-mark").count() == 3  # sparse in both, and dense at its time
    assert chart.locator(".mark-symbol.role-mark path").count() == 6 + 6 + 1
    assert chart.locator(".mark-text.role-mark text").all_text_contents() == ["dense 1.000", "dense 1.000"]
    assert chart.locator(".role-legend-label text").all_text_contents() == ["quest", "pqcache", "magicpig"]
    box = chart.locator("svg").bounding_box()
    assert box is not None
    assert box["width"] > 800
    assert box["height"] > 300
    assert box["x"] + box["width"] <= 1280


def test_another_slice(path: Path, opened: Open) -> None:
    """Choosing a length draws its points."""
    shown = opened(path)
    shown.locator("#slice").get_by_label("length").select_option("4096")
    shown.wait_for_function("document.querySelector('#quality-chart').textContent.includes('dense 0.750')")
    assert shown.locator("#quality-chart .mark-symbol.role-mark path").count() == 13


def test_hovering_says_which_config(path: Path, opened: Open) -> None:
    """A point's tooltip names the config with its score and density, and a click opens it."""
    shown = opened(path)
    point = shown.locator("#quality-chart .mark-symbol.role-mark path").first
    point.hover()
    tip = shown.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert "quest budget=0.02" in tip.inner_text()
    assert "2.40 %" in tip.inner_text()
    point.click()
    assert "quest budget=0.02" in shown.locator("#details-title").inner_text()


def test_charts_to_take_away(path: Path, opened: Open) -> None:
    """A chart is saved as SVG and as PNG."""
    shown = opened(path)
    for kind, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with shown.expect_download() as download:
            shown.locator("#quality").get_by_role("button", name=kind.upper()).click()
        assert download.value.suggested_filename == f"quality-chart.{kind}"
        assert Path(download.value.path()).read_bytes().startswith(begins)


def test_measurements(small: Any, opened: Open) -> None:
    """Heads are a heatmap, layers and tokens lines, of the config and the metric that are chosen."""
    rows = [
        {"layer": layer, "head": head, "step": step, "metric": metric, "value": layer + head / 10 + step / 100}
        for layer in range(2)
        for head in range(4)
        for step in range(3)
        for metric in ("output_error", "recall")
    ]
    for line in small.lines:
        if line["attention"].startswith("quest budget"):
            files = small.directory.cell(line["address"])
            parquet.write_table(pyarrow.Table.from_pylist(rows), files.measurements)
    (path,) = write_report(small.finished())
    shown = opened(path)
    assert shown.locator("#head-chart .mark-rect.role-mark path").count() == 8
    assert shown.locator("#layer-chart .mark-symbol.role-mark path").count() == 2
    assert shown.locator("#token-chart .mark-symbol.role-mark path").count() == 3
    assert shown.get_by_text("relative error of the output").count() == 3
    shown.locator("#measured").get_by_label("metric").select_option("recall")
    shown.wait_for_function("document.querySelector('#token-chart').textContent.includes('recall of the largest')")
    assert shown.locator("#measured").get_by_label("attention").locator("option").all_inner_texts() == [
        "quest budget=0.02",
        "quest budget=0.1",
    ]


def test_measurements_that_cannot_be_read(small: Any, opened: Open) -> None:
    """A damaged file of measurements is a problem that names its cell, and costs nothing else."""
    files = small.directory.cell(small.lines[1]["address"])
    files.measurements.write_bytes(b"PAR1")
    (path,) = write_report(small.finished())
    shown = opened(path)
    assert "quest budget=0.02" in shown.locator("#problems li").last.inner_text()
    assert "measurements.parquet cannot be read" in shown.locator("#problems li").last.inner_text()


def test_names_are_text(build: Build, opened: Open) -> None:
    """Whatever a name or a message holds, it is shown letter by letter and never run."""
    building = build()
    building.add(HOSTILE, density=0.1, task=HOSTILE, model=HOSTILE, swept={HOSTILE: HOSTILE})
    building.add("dense", task=HOSTILE, model=HOSTILE).write_failure({"error": HOSTILE, "message": HOSTILE})
    (path,) = write_report(building.finished(HOSTILE))
    shown = opened(path)
    assert shown.title() == HOSTILE
    assert shown.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in shown.locator("#problems li").first.inner_text()
    shown.locator("#quality-chart .mark-symbol.role-mark path").first.hover()
    shown.locator("#vg-tooltip-element.visible").wait_for()
    shown.locator("#cells-table tbody .open").first.click()
    assert HOSTILE in shown.locator("#details-title").inner_text()
    assert shown.locator("img").count() == 0
    assert shown.title() == HOSTILE


def test_no_code_but_its_own(path: Path, opened: Open, said: list[str]) -> None:
    """The page's policy stops made-up code and every request, even those of its own scripts."""
    shown = opened(path)
    assert shown.evaluate("fetch('https://example.org').then(() => 'fetched', () => 'stopped')") == "stopped"
    made_up = "(s => { s.textContent = 'window.ran = 1'; document.head.append(s); })(document.createElement('script'))"
    shown.evaluate(made_up)
    assert shown.evaluate("window.ran") is None
    assert said
    assert all("Content Security Policy" in message for message in said)
    said.clear()


def test_a_narrow_window(path: Path, opened: Open) -> None:
    """On a telephone nothing but the table needs to be moved sideways."""
    shown = opened(path, width=400)
    assert shown.evaluate("document.documentElement.scrollWidth") == 400
    plots = shown.locator("#quality-chart .mark-group.role-scope > g > path.background")
    assert plots.count() >= 2


def test_nothing_begun(build: Build, opened: Open) -> None:
    """A page of a plan of which nothing was begun opens, and says so."""
    building = build()
    building.add("dense", begun=False)
    (path,) = write_report(building.finished())
    shown = opened(path)
    assert shown.locator("#quality-chart").inner_text() == "No cell has a score yet."
    assert shown.locator("#inside-note").inner_text().startswith("Nothing was measured.")


def test_ten_thousand_cells(small: Any, tmp_path: Path, opened: Open) -> None:
    """10,000 cells, one of them failed, make a page under 15 MB that filters, sorts and turns its pages."""
    directory = small.finished()
    results = read_results(directory)
    cells = [
        attrs.evolve(
            cell,
            seed=seed,
            address=f"{number:016x}",
            score=(number * 7919 % 1000) / 1000,
            seconds=cell.seconds and cell.seconds + number / 1e7,
            identity={**cell.identity, "seed": seed, "table": f"{number % 97:064x}"},
        )
        for seed in range(400)
        for number, cell in enumerate(results.cells[:25], 25 * seed)
    ]
    cells[5000] = attrs.evolve(cells[5000], status="failed", failure="ValueError: the one that failed", score=None)
    path = tmp_path / "page.html"
    path.write_text(page(directory, attrs.evolve(results, cells=tuple(cells))), encoding="utf-8")
    size = path.stat().st_size
    assert size < 15_000_000
    shown = opened(path)
    print(f"10,000 cells: {size / 1e6:.1f} MB, opened in {shown.evaluate('performance.now()') / 1000:.2f} s")
    assert shown.locator("#cells-table .shown").inner_text() == "1 to 25 of 10,000 cells"
    rows = shown.locator("#cells-table tbody tr")
    assert rows.count() == 25
    shown.locator("#cells-table").get_by_role("button", name="Next").click()
    assert shown.locator("#cells-table .shown").inner_text() == "26 to 50 of 10,000 cells"
    shown.locator("#cells-table").get_by_role("button", name="status").click()
    assert rows.first.locator(".status").inner_text() == "failed"
    assert "the one that failed" in shown.locator("#problems li").inner_text()
    shown.get_by_label("find").fill("the one that failed")
    assert shown.locator("#cells-table .shown").inner_text() == "1 to 1 of 1 cell"
