"""Data on its way into the page: nothing is lost, and nothing in it ends the script that holds it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sah_bench.report.columns import columns_of, script_safe

VALUES = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NESTED = VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(), VALUES, max_size=3)
ROWS = st.lists(st.fixed_dictionaries({"a": NESTED, "b": NESTED, "c": st.sampled_from(["x", "y", None])}), max_size=8)


def decoded(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page makes of columns."""
    plain = {
        name: column
        if isinstance(column, list)
        else [None if code < 0 else column["values"][code] for code in column["codes"]]
        for name, column in columns.items()
    }
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


@given(ROWS)
def test_columns_hold_the_rows(rows: list[dict[str, Any]]) -> None:
    """Rows come back from their columns as they were, after a way through JSON."""
    assert decoded(json.loads(script_safe(columns_of(rows)))) == rows


@given(st.lists(st.sampled_from(["x", "y", None]), min_size=1, max_size=30))
def test_a_name_is_written_once(names: list[str | None]) -> None:
    """However many rows repeat a name, it is written once."""
    written = columns_of([{"name": name} for name in names])["name"]["values"]
    assert sorted(written) == sorted({name for name in names if name is not None})


@given(st.text() | st.sampled_from(["</script>", "<!--", "<script", "\u2028"]))
def test_nothing_ends_the_script(text: str) -> None:
    """JSON in a page holds no <, and means the same."""
    written = script_safe({text: [text]})
    assert "<" not in written
    assert json.loads(written) == {text: [text]}
