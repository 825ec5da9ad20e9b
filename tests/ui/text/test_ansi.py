from __future__ import annotations

import pytest
from backburner.actors.rules.safe_text import safe_line
from backburner.ui.text.ansi import apply_sgr, sgr_row, sgr_row_and_style
from backburner.ui.text.rows import PLAIN, Row, Span, Style
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = [
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1b]0;title\x1b\\",
    "\x1bP1;2|payload\x1b\\",
    "\x1b_apc",
    "\x1b[2J",
    "\x1b[?1049h",
    "\x1b[>4;1m",
    "\x1b[3",
    "\x1b[",
    "\x1b",
    "\x9b31m",
    "\x90dcs\x9c",
    "\u202e",
    "\u2066",
    "\ud800",
    "\ufdd0",
    "\ufdd1",
]
PIECES = st.one_of(
    st.sampled_from(
        ["a", "word ", "日本", "\t", "\r", "\x1b[m", "\x1b[31m", "\x1b[0;1m"]
    ),
    # The other pieces are single characters, which would shift a tab after them.
    st.sampled_from([piece for piece in HOSTILE if piece[0] in "\x1b\x90\x9b\ud800"]),
)


def plain(row: Row) -> str:
    return "".join(span.text for span in row)


def test_plain_text_is_one_span() -> None:
    assert sgr_row("hello") == (Span("hello"),)
    assert sgr_row("") == ()


def test_colours_become_styles() -> None:
    row = sgr_row("ok \x1b[1;32mpassed\x1b[0m in 3s")
    assert row == (Span("ok "), Span("passed", Style(fg=2, bold=True)), Span(" in 3s"))


@pytest.mark.parametrize(
    ("parameters", "style"),
    [
        ("", PLAIN),
        ("0", PLAIN),
        ("31", Style(fg=1)),
        ("97", Style(fg=15)),
        ("44", Style(bg=4)),
        ("100", Style(bg=8)),
        ("38;5;208", Style(fg=208)),
        ("38:5:208", Style(fg=208)),
        ("48;2;1;2;3", Style(bg=(1, 2, 3))),
        ("48:2:1:2:3", Style(bg=(1, 2, 3))),
        ("38:2::1:2:3", Style(fg=(1, 2, 3))),
        (
            "1;2;3;4;7",
            Style(bold=True, dim=True, italic=True, underline=True, reverse=True),
        ),
        ("4:3", Style(underline=True)),
        ("4;4:0", PLAIN),
        ("1;22", PLAIN),
        ("31;39", PLAIN),
        ("38;5;208;1", Style(fg=208, bold=True)),
        ("58;5;1;3", Style(italic=True)),
        ("58:2::1:2:3;3", Style(italic=True)),
        ("1;0;3", Style(italic=True)),
        ("38;5;999", PLAIN),
        ("38;2;1;2", PLAIN),
        ("38;7;1", Style(bold=True)),
        ("999999999999", PLAIN),
        ("5;6;53", PLAIN),
    ],
)
def test_sgr_parameters_set_the_style(parameters: str, style: Style) -> None:
    assert apply_sgr(parameters, PLAIN) == style


def test_a_reset_drops_the_previous_style() -> None:
    assert apply_sgr("0", Style(fg=1, bold=True)) == PLAIN
    assert apply_sgr("1", Style(fg=1)) == Style(fg=1, bold=True)


def test_the_style_can_continue_in_the_next_line() -> None:
    _, style = sgr_row_and_style("\x1b[31mred")
    assert sgr_row_and_style("still", style) == ((Span("still", Style(fg=1)),), style)


def test_an_overwritten_line_keeps_its_last_text_and_style() -> None:
    row = sgr_row("10%\r\x1b[33m20%\r\x1b[32m30%\x1b[0m\r")
    assert row == (Span("30%", Style(fg=2)),)


def test_tabs_are_expanded_by_their_column_in_the_whole_line() -> None:
    assert plain(sgr_row("ab\x1b[1mc\td\te")) == "abc     d       e"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_output_is_harmless(hostile: str) -> None:
    text = plain(sgr_row(f"before {hostile} \x1b[1mafter"))
    assert safe_line(text) == text
    assert "\x1b" not in text


@given(st.lists(PIECES, max_size=12).map("".join))
def test_the_text_equals_that_of_safe_line(line: str) -> None:
    assert plain(sgr_row(line)) == safe_line(line)


@given(st.one_of(st.text(), st.lists(st.sampled_from(HOSTILE)).map("".join)))
def test_no_input_makes_unsafe_output(line: str) -> None:
    text = plain(sgr_row(line))
    assert safe_line(text) == text


@given(st.text("0123456789;:", max_size=30), st.sampled_from([PLAIN, Style(fg=1)]))
def test_any_parameters_give_a_style_that_can_be_drawn(
    parameters: str, style: Style
) -> None:
    after = apply_sgr(parameters, style)
    for color in (after.fg, after.bg):
        parts = color if isinstance(color, tuple) else (color or 0,)
        assert all(0 <= part <= 255 for part in parts)
