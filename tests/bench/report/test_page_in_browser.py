"""The page in a real browser: it draws, filters, sorts, opens configs, gives files, and asks no network."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from pyarrow import parquet

from sah_bench.report.export import flat
from sah_bench.report.page import page
from sah_bench.report.results import read_results
from sah_bench.report.write import write_report
from sah_bench.store.directory import ResultsDirectory

if TYPE_CHECKING:
    from playwright.sync_api import Page

Build = Callable[[], Any]
Open = Callable[..., "Page"]

HOSTILE = "<img src=x onerror=document.title='owned'></script><script>document.title='owned'</script>"


def small_benchmark(building: Any) -> Any:
    """Dense attention and three methods on two tasks and two lengths; one cell failed, one is missing."""
    for task in ("needle retrieval", "needle vote"):
        for length in (1024, 4096):
            building.add("dense", task=task, length=length, right=[1, 1, 1, length == 1024], seconds=0.04)
            for method in ("quest", "pqcache", "magicpig"):
                for density in (0.02, 0.1):
                    building.add(
                        f"{method} budget={density}",
                        density=density * (1.2 if method == "quest" else 1),
                        swept={"budget": density},
                        right=[1, 0, 1, 1 if density > 0.05 else 0],
                        task=task,
                        length=length,
                        seconds=0.01 + density / 10,
                        maskers=[{"kind": "sink", "size": 4}, {"kind": method, "budget": density}],
                    )
    failing = building.add("quest fails", density=0.1, right=[1, None, None, None], length=4096, scored=False)
    failing.write_failure({"error": "RequestError", "message": "too long by 12 tokens", "sample": 1})
    building.add("not begun", density=0.1, begun=False)
    return building


@pytest.fixture
def small(build: Build) -> Any:
    """A small benchmark that the test may change."""
    return small_benchmark(build())


@pytest.fixture(scope="module")
def path(build_at: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small benchmark."""
    building = small_benchmark(build_at(tmp_path_factory.mktemp("page") / "results"))
    (written,) = write_report(building.finished("A small benchmark"))
    return written


def rows_of(opened: Page) -> list[list[str]]:
    """The table as it is shown."""
    return [row.split("\t") for row in opened.locator("#cells-table tbody").inner_text().splitlines()]


def test_problems_come_first(path: Path, opened: Open) -> None:
    """What failed and what is missing is counted, and named with its reason, before everything else."""
    shown = opened(path)
    assert shown.title() == "A small benchmark"
    assert shown.locator("#summary").inner_text() == "30 cells 28 complete 1 failed 1 missing"
    assert shown.locator("#problems h2").inner_text() == "2 problems"
    assert shown.locator("#problems li").all_inner_texts() == [
        "needle: quest fails from question, needle retrieval at 4096, seed 0: failed with 1 of 4 answered: "
        "sample 1: RequestError: too long by 12 tokens",
        "needle: not begun from question, needle retrieval at 1024, seed 0: missing: not begun",
    ]


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


def test_table_is_sorted(path: Path, opened: Open) -> None:
    """A header sorts by its numbers, largest first and then smallest first, and what has none comes last."""
    shown = opened(path)
    shown.locator("#cells-table").get_by_role("button", name="density").click()
    assert shown.locator("#cells-table th[aria-sort=descending]").inner_text().startswith("density")
    rows = rows_of(shown)
    assert [row[0] for row in rows[:4]] == ["dense"] * 4
    shown.locator("#cells-table").get_by_role("button", name="Next").click()
    assert rows_of(shown)[-1][0] == "not begun"
    shown.locator("#cells-table").get_by_role("button", name="density").press("Enter")
    assert "2.00 %" in rows_of(shown)[0]
    shown.locator("#cells-table").get_by_role("button", name="Next").click()
    assert rows_of(shown)[-1][0] == "not begun"


def test_table_is_filtered(path: Path, opened: Open) -> None:
    """Text and choices both narrow the table, and how many are left is said."""
    shown = opened(path)
    assert shown.locator("#cells-table .shown").inner_text() == "1 to 25 of 30 cells"
    shown.get_by_label("find").fill("PQCACHE 4096")
    assert shown.locator("#cells-table .shown").inner_text() == "1 to 4 of 4 cells"
    shown.locator("#filters").get_by_label("task").select_option("needle vote")
    assert [row[0] for row in rows_of(shown)] == ["pqcache budget=0.02", "pqcache budget=0.1"]
    shown.get_by_label("find").fill("nowhere")
    assert shown.locator("#cells-table .shown").inner_text() == "no cell"


def test_task_table(path: Path, opened: Open) -> None:
    """A task's table has a row for each config with a score, dense first, and sorts by the length that is clicked."""
    shown = opened(path)
    table = shown.locator("#averages-table")
    assert shown.locator("#averages-title").inner_text() == "needle retrieval: seeds averaged"
    assert table.locator("th").all_text_contents() == ["attention", "1,024 tokens", "4,096 tokens"]
    rows = [row.split("\t") for row in table.locator("tbody").inner_text().splitlines()]
    assert len(rows) == 7  # neither the config that failed nor the one that was not begun has a score
    assert rows[0] == ["dense", "1.000 ± 0.050 (100 %)", "0.750 ± 0.050 (100 %)"]
    assert rows[1] == ["quest budget=0.02", "0.500 ± 0.050 (2.40 %)", "0.500 ± 0.050 (2.40 %)"]
    shown.locator("#averages").get_by_label("show").select_option("minus dense ± se")
    table.get_by_role("button", name="1,024 tokens").click()
    rows = [row.split("\t") for row in table.locator("tbody").inner_text().splitlines()]
    assert rows[0][1].startswith("-0.250")
    assert rows[-1] == ["dense", "-", "-"]


def test_failed_and_missing_cells_are_found(path: Path, opened: Open) -> None:
    """A status is a choice, and a failed cell says why in its details."""
    shown = opened(path)
    shown.locator("#filters").get_by_label("status").select_option("missing")
    assert [row[0] for row in rows_of(shown)] == ["not begun"]
    shown.locator("#filters").get_by_label("status").select_option("failed")
    shown.get_by_role("button", name="quest fails").click()
    assert shown.locator("#details-failure").inner_text() == "sample 1: RequestError: too long by 12 tokens"


def test_config_by_click_and_by_keyboard(path: Path, opened: Open) -> None:
    """A cell's config and versions open by a click on its row, and by Enter on its name; Escape closes them."""
    shown = opened(path)
    shown.locator("#cells-table tbody tr").nth(1).locator("td").last.click()
    details = shown.locator("#details")
    assert '"kind": "quest"' in details.inner_text()
    assert '"torch": "2.13.0"' in details.inner_text()
    shown.keyboard.press("Escape")
    assert not details.is_visible()
    shown.locator("#cells-table").get_by_role("button", name="pqcache budget=0.1").first.focus()
    shown.keyboard.press("Enter")
    assert "pqcache budget=0.1" in shown.locator("#details-title").inner_text()
    shown.get_by_label("Cell after").press("Enter")
    assert "magicpig budget=0.02" in shown.locator("#details-title").inner_text()
    shown.get_by_label("Cell before").click()
    assert "pqcache budget=0.1" in shown.locator("#details-title").inner_text()
    shown.get_by_role("button", name="Close").click()
    assert not details.is_visible()
    assert shown.evaluate("document.activeElement.textContent") == "pqcache budget=0.1"


def test_files_to_take_away(path: Path, opened: Open) -> None:
    """CSV has the cells that the filters leave, Parquet all of them, with the numbers of the results."""
    rows = [flat(cell) for cell in read_results(ResultsDirectory.opened(path.parent)).cells]
    shown = opened(path)
    shown.get_by_label("find").fill("vote")
    with shown.expect_download() as download:
        shown.get_by_role("button", name="CSV").click()
    texts = list(csv.DictReader(StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    chosen = [row for row in rows if row["task"] == "needle vote"]
    assert [text["address"] for text in texts] == [row["address"] for row in chosen]
    assert list(texts[0]) == list(chosen[0])
    for text, row in zip(texts, chosen, strict=True):
        assert (float(text["score"]), float(text["seconds"])) == (row["score"], row["seconds"])
        assert text["swept"] == (row["swept"] or "")
    with shown.expect_download() as download:
        shown.get_by_role("button", name="Parquet").click()
    assert parquet.read_table(BytesIO(Path(download.value.path()).read_bytes())).to_pylist() == rows


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
    assert len(rows_of(shown)) == 25
    shown.locator("#cells-table").get_by_role("button", name="Next").click()
    assert shown.locator("#cells-table .shown").inner_text() == "26 to 50 of 10,000 cells"
    shown.locator("#cells-table").get_by_role("button", name="status").click()
    assert rows_of(shown)[0][5] == "failed"
    assert "the one that failed" in shown.locator("#problems li").inner_text()
    shown.get_by_label("find").fill("the one that failed")
    assert shown.locator("#cells-table .shown").inner_text() == "1 to 1 of 1 cell"
