"""The page's tables in a real browser: they sort, filter, turn pages, open configs, and give files to take away."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow import parquet  # type: ignore[import-untyped]  # it has no types

from sah_bench.report.export import flat
from sah_bench.report.results import read_results
from sah_bench.store.directory import ResultsDirectory

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]


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
