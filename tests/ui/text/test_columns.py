"""Columns of a table in plain text."""

from __future__ import annotations

from backburner.ui.text.cells import width
from backburner.ui.text.columns import aligned, table

WORDS = ["日本語", "abc", "e\u0301", "", "👍🏽 ok"]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    for right in (False, True):
        cells = aligned(WORDS, right=right)
        assert {width(it) for it in cells} == {6}
        assert [it.strip() for it in cells] == WORDS
    assert aligned(["a", "bcd"], right=True) == ["  a", "bcd"]
    assert aligned([]) == []


def test_a_table_has_no_trailing_blanks() -> None:
    assert table([("ID", "Name", ""), ("1", "日本", "x"), ("2", "a", "")]) == [
        "ID  Name",
        "1   日本  x",
        "2   a",
    ]
    assert table([]) == []
