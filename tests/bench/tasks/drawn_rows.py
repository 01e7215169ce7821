"""Strategies of rows, as tests of tables and files draw them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sah_bench.tasks.row import COLUMNS, Row

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
"""Any text that a file can hold: all of Unicode but half characters."""
filled = text.filter(str.strip)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def tables(draw: st.DrawFn, extra: st.SearchStrategy[Any] = values, max_size: int = 6) -> tuple[Row, ...]:
    """Rows of a few contexts, those of one context not always together; all have the same further columns."""
    contexts = draw(st.lists(filled, min_size=1, max_size=3))
    columns = draw(st.lists(text.filter(lambda name: name not in COLUMNS), unique=True, max_size=2))
    row = st.builds(
        Row,
        context=st.sampled_from(contexts),
        question=filled,
        answers=st.lists(filled, min_size=1, max_size=3).map(tuple),
        max_new_tokens=st.integers(1, 2**31 - 1),
        answer_prefix=text,
        extra=st.fixed_dictionaries(dict.fromkeys(columns, extra)),
    )
    return tuple(draw(st.lists(row, min_size=1, max_size=max_size)))
