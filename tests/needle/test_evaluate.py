"""The model card's tables: what is printed is what was measured."""

import re

import pytest

from sah_core import load_config
from sah_model_needle import NeedleTask
from sah_model_needle.evaluate import TABLES, Table, evaluate
from sah_model_needle.methods import Method, oracle_top_p, sink_and_local


def test_a_table_in_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """A column a task, a row a method; the density stands where the method, and not a budget, decides on it."""
    table = Table(
        "small",
        (NeedleTask(length=128, spacing=16), NeedleTask("vote", length=256, spacing=8)),
        (
            lambda length: Method("dense", None),
            lambda length: sink_and_local(0.1, length),
            lambda length: oracle_top_p(0.9),
        ),
    )
    evaluate(load_config({"version": 1, "model": "needle"}), [table], questions=4, seed=0)
    blank, title, between, header, rule, dense, window, top_p = capsys.readouterr().out.splitlines()
    assert (blank, between) == ("", "")
    assert title == "small (4 questions a cell, seed 0)"
    assert header == "| | 128 | 256 |"
    assert rule == "|---|---|---|"
    assert dense == "| dense | 1.000 ± 0.000 | 1.000 ± 0.000 |"
    cell = r"\d\.\d{3} ± \d\.\d{3}"
    assert re.fullmatch(rf"\| sink 4 \+ local 9 \| {cell} \| {cell} \|", window)
    assert re.fullmatch(rf"\| oracle_top_p 0.9 \| {cell} \(\d+%\) \| {cell} \(\d+%\) \|", top_p)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_cover_what_they_say(table: Table) -> None:
    """Every table begins with dense attention, and every method of it exists at every length."""
    for task in table.tasks:
        names = [method(task.length).name for method in table.methods]
        assert names[0] == "dense"
        assert len(set(names)) == len(names)
