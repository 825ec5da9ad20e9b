from __future__ import annotations

import re

import pytest
import wcwidth
from backburner.actors.rules.safe_text import safe_line
from backburner.ui.text.cells import (
    _UNJOINED_TEXT,  # pyright: ignore[reportPrivateUsage]
    ELLIPSIS,
    _width_by_clusters,  # pyright: ignore[reportPrivateUsage]
    break_row,
    clip,
    clip_row,
    cluster_around,
    clusters,
    cut,
    cut_row,
    is_even,
    is_plain,
    pad,
    pad_row,
    row_width,
    slice_row,
    width,
    wrap,
)
from backburner.ui.text.rows import PLAIN, Row, Span, Style
from hypothesis import example, given
from hypothesis import strategies as st

FAMILY = "👨\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧"
PIECES = st.sampled_from(
    [
        "a",
        "word",
        " ",
        "   ",
        "日",
        "本語",
        "e\u0301",
        FAMILY,
        "👍🏽",
        "🇩🇪",
        "☀\ufe0f",
        "\u200b",
        "…",
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=20).map("".join), st.text(max_size=40).map(safe_line)
)
COLUMNS = st.integers(1, 30)
STYLES = st.sampled_from([PLAIN, Style(bold=True), Style(fg=3)])
ROWS = st.lists(st.builds(Span, TEXTS, STYLES), max_size=5).map(tuple)


def plain(row: Row) -> str:
    return "".join(span.text for span in row)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("e\u0301", 1),
        (FAMILY, 2),
        ("🇩🇪", 2),
        ("☀\ufe0f", 2),
        ("\u200b", 0),
    ],
)
def test_width_counts_cells(text: str, cells: int) -> None:
    assert width(text) == cells


def test_uniform_text_has_one_cell_per_character() -> None:
    assert is_even("abc ✓ ─ é")
    assert not is_even("日")
    assert not is_even("e\u0301")
    assert not is_even("☀\ufe0f")


def test_plain_characters_have_one_cell_each_according_to_wcwidth() -> None:
    chars = [c for c in map(chr, range(0x20, 0x10000)) if is_plain(c) and c != "\x7f"]
    together = "".join(chars)
    assert {"a", "é", "ß", "Я", "ω", "─", "…", "✓", "⠋"} <= set(chars)
    assert not {"日", "\u0301", "\u00ad", "\u200d", "\u2028", "◽"} & set(chars)
    assert {wcwidth.wcwidth(c) for c in chars} == {1}
    assert list(wcwidth.iter_graphemes(together)) == chars


@given(TEXTS)
def test_clusters_lose_nothing(text: str) -> None:
    pieces = list(clusters(text))
    assert "".join(cluster for cluster, _ in pieces) == text
    assert sum(cells for _, cells in pieces) == width(text)


def test_unjoined_text_measured_at_once_equals_the_sum_of_its_characters() -> None:
    unjoined = re.compile(_UNJOINED_TEXT)
    chars = [c for c in map(chr, range(0x20, 0x20000)) if unjoined.fullmatch(c)]
    assert {"a", "日", "ア", "한", "ש", "م", "ท", "ế", "✅", "😀"} <= set(chars)
    together = "".join(chars)
    assert list(wcwidth.iter_graphemes(together)) == chars
    assert width(together) == sum(wcwidth.wcwidth(char) for char in chars)


def test_joined_text_is_split_into_clusters_only_once() -> None:
    text = "हिन्दी में लिखा हुआ एक वाक्य"
    cells = width(text)
    before = _width_by_clusters.cache_info().misses
    assert [width(text) for _ in range(100)] == [cells] * 100
    assert _width_by_clusters.cache_info().misses == before


def test_measuring_a_run_of_flags_takes_linear_time() -> None:
    flags = "🇩🇪" * 20_000
    assert width(flags) == 40_000
    assert cluster_around(flags, 3) == (2, 4)
    assert cluster_around(flags, 4) == (4, 4)


def test_clip_marks_the_truncation() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"
    assert clip("日本語", 4) == "日…"
    assert clip("abc", 0) == ""
    assert clip("abc", 2, "...") == "ab"


@given(TEXTS, st.integers(0, 30))
def test_clipped_text_fits(text: str, columns: int) -> None:
    clipped = clip(text, columns)
    assert width(clipped) <= columns
    assert clipped == text or text.startswith(clipped.removesuffix(ELLIPSIS))


@given(TEXTS, st.integers(0, 30))
def test_padded_text_has_exactly_the_requested_width(text: str, columns: int) -> None:
    assert width(pad(text, columns)) == columns


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("", 5, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one   two", 4, ["one", "two"]),
        ("one two ", 7, ["one two"]),
        ("  indented text", 10, ["  indented", "text"]),
        ("abcdefgh ij", 3, ["abc", "def", "gh", "ij"]),
        ("日本語", 5, ["日本", "語"]),
        ("日a", 1, [ELLIPSIS, "a"]),
        ("      ", 3, [""]),
        ("anything", 0, [""]),
    ],
)
def test_wrap_breaks_between_words(text: str, columns: int, lines: list[str]) -> None:
    assert wrap(text, columns) == lines


@given(TEXTS, COLUMNS)
def test_wrapped_lines_fit_and_keep_every_word(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert lines
    assert all(width(line) <= columns for line in lines)
    if columns > 1:
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("● #1   -  Run tests  failed", 30, ["● #1   -  Run tests  failed"]),
        ("● #1   -  Run tests  failed", 20, ["● #1   -  Run tests", "  failed"]),
        ("● #1   -  Run tests  failed", 17, ["● #1   -  Run", "  tests  failed"]),
        # A long word stays in its column.
        ("● #1   -  " + "x" * 20, 20, ["● #1   -  " + "x" * 10, "  " + "x" * 10]),
        ("● #1   -  " + "x" * 20, 17, ["● #1   -", "  " + "x" * 15, "  " + "x" * 5]),
        (" " * 20, 10, [""]),
        ("", 10, [""]),
    ],
)
def test_a_row_of_a_table_breaks_between_words(
    text: str, columns: int, rows: list[str]
) -> None:
    assert break_row(text, columns) == rows


@given(TEXTS, COLUMNS)
def test_broken_rows_fit_and_keep_every_word(text: str, columns: int) -> None:
    rows = break_row(text, columns)
    assert rows
    assert all(width(row) <= columns for row in rows)
    if columns > 1:
        assert "".join(rows).replace(" ", "") == text.replace(" ", "")


@given(TEXTS, COLUMNS)
def test_the_pieces_of_a_cut_fit_and_lose_nothing(text: str, columns: int) -> None:
    pieces = cut(text, columns)
    assert pieces
    assert all(width(piece) <= columns for piece in pieces)
    if columns > 1:
        assert "".join(pieces) == text


@given(ROWS, st.integers(0, 40))
def test_rows_are_clipped_and_padded_to_fit(row: Row, columns: int) -> None:
    assert row_width(clip_row(row, columns)) <= columns
    padded = pad_row(row, columns, Style(reverse=True))
    assert row_width(padded) == columns


def test_the_truncation_mark_has_the_style_of_the_cut_text() -> None:
    bold = Style(bold=True)
    row = (Span("ab"), Span("cdef", bold))
    assert clip_row(row, 4) == (Span("ab"), Span("c…", bold))
    assert clip_row(row, 3) == (Span("ab"), Span("…", bold))
    assert clip_row(row, 2) == (Span("a…"),)
    assert clip_row(row, 6) == row


def test_rows_are_filled_in_the_given_style() -> None:
    reverse = Style(reverse=True)
    assert pad_row((Span("ab"),), 4, reverse) == (Span("ab"), Span("  ", reverse))


@given(ROWS, st.integers(0, 20), st.integers(0, 20))
@example((Span("\u200b\U0001f1e9\U0001f1eaword"), Span("0")), 1, 6)
def test_a_slice_is_never_too_wide(row: Row, start: int, columns: int) -> None:
    assert row_width(slice_row(row, start, columns)) <= columns


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("\u200b\U0001f1e9\U0001f1ea!", ["\u200b", "\U0001f1e9\U0001f1ea", "!"]),
        ("\U0001f1e9" * 3, ["\U0001f1e9" * 2, "\U0001f1e9"]),
        ("\U0001f1e9a", ["\U0001f1e9", "a"]),
    ],
)
def test_a_flag_is_one_cluster_and_half_a_flag_another(
    text: str, pieces: list[str]
) -> None:
    assert [piece for piece, _ in clusters(text)] == pieces


def test_a_slice_blanks_the_halves_of_wide_characters() -> None:
    row = (Span("a日"), Span("本b", Style(bold=True)))
    assert plain(slice_row(row, 0, 6)) == "a日本b"
    assert plain(slice_row(row, 2, 3)) == " 本"
    assert plain(slice_row(row, 1, 3)) == "日 "
    assert plain(slice_row(row, 9, 3)) == ""


@given(ROWS, COLUMNS)
def test_the_parts_of_a_cut_row_fit_and_lose_nothing(row: Row, columns: int) -> None:
    rows = cut_row(row, columns)
    assert rows
    assert all(row_width(part) <= columns for part in rows)
    if columns > 1:
        assert "".join(plain(part) for part in rows) == plain(row)


@given(ROWS, COLUMNS)
def test_cut_rows_keep_the_styles(row: Row, columns: int) -> None:
    if columns == 1:
        return
    before = [(char, span.style) for span in row for char in span.text]
    after = [
        (char, span.style)
        for part in cut_row(row, columns)
        for span in part
        for char in span.text
    ]
    assert after == before


@given(
    st.text(
        st.sampled_from(
            "a \n\u0301\u200d\ufe0f\u1100\u1161\u0e33\u0e01\u0903\u0600"
            "\N{WOMAN}\N{EMOJI MODIFIER FITZPATRICK TYPE-3}\u65e5"
            "\N{REGIONAL INDICATOR SYMBOL LETTER D}"
        ),
        max_size=24,
    ),
    st.integers(0, 24),
)
def test_the_cluster_around_a_position_does_not_depend_on_the_measured_range(
    text: str, position: int
) -> None:
    position = min(position, len(text))
    bounds = [0]
    for line in text.split("\n"):
        for cluster, _ in clusters(line):
            bounds.append(bounds[-1] + len(cluster))
        bounds.append(bounds[-1] + 1)
    before = max(it for it in bounds if it <= position)
    after = min(it for it in bounds if it >= position)
    assert cluster_around(text, position) == (before, after)
