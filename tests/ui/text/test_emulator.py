"""A terminal's screen, built from the output of a program."""

from __future__ import annotations

import pyte
import pytest
from backburner.ui.text.cells import row_width
from backburner.ui.text.emulator import Emulator
from backburner.ui.text.rows import Span, Style
from hypothesis import assume, example, given
from hypothesis import strategies as st

COLUMNS, ROWS = 12, 4


def _shown(*output: bytes) -> list[str]:
    screen = Emulator(COLUMNS, ROWS)
    for piece in output:
        screen.feed(piece)
    return ["".join(span.text for span in row) for row in screen.rows()]


def _first(output: bytes) -> str:
    return _shown(output)[0]


@pytest.mark.parametrize(
    ("output", "row"),
    [
        (b"one\rtw", "twe"),
        (b"10%\r\x1b[K20%", "20%"),
        (b"abc\b\bX", "aXc"),
        (b"a\tb", "a       b"),
        (b"name\x1b[3Cx", "name   x"),
        (b"\x1b[5Gx\x1b[1Gy", "y   x"),
        (b"abcdef\x1b[3D\x1b[P", "abcef"),
        (b"abcdef\x1b[4D\x1b[2@", "ab  cdef"),
        (b"abcdef\x1b[4G\x1b[1K", "    ef"),
        (b"abcdef\x1b[2G\x1b[3X", "a   ef"),
        (b"-\x1b[5b", "------"),
        (b"\x1b(0lqk\x1b(Bq", "┌─┐q"),
        ("漢字x\rab".encode(), "ab字x"),
        ("漢字\ra".encode(), "a 字"),
        ("e\u0301x".encode(), "e\u0301x"),
        (b"a\x1b]0;title\x07b\x1bPdata\x1b\\c\x1b[?25ld", "abcd"),
        (b"a\x1b[>4;2mb\x1b[6nc", "abc"),
        (b"\x1b7abc\x1b8X", "Xbc"),
    ],
)
def test_a_row_looks_as_on_a_terminal(output: bytes, row: str) -> None:
    assert _first(output) == row


@pytest.mark.parametrize(
    ("output", "rows"),
    [
        (b"1\r\n2\r\n3\r\n4\r\n5", ["2", "3", "4", "5"]),
        (b"123456789012345", ["123456789012", "345", "", ""]),
        (b"\x1b[?7l123456789012345", ["12345678901" + "5", "", "", ""]),
        (b"x\x1b[2;3Hy\x1b[4dz", ["x", "  y", "", "   z"]),
        (b"1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\n*", ["1", "3", "*", "4"]),
        (b"1\r\n2\r\n3\x1b[1;1H\x1b[L*", ["*", "1", "2", "3"]),
        (b"1\r\n2\r\n3\x1b[1;1H\x1b[M", ["2", "3", "", ""]),
        (b"1\r\n2\x1b[1;1H\x1bM0", ["0", "1", "2", ""]),
        (b"1\r\n2\x1b[2J\x1b[H3", ["3", "", "", ""]),
        (b"shell\x1b[?1049h\x1b[Hvim\x1b[?1049l!", ["shell!", "", "", ""]),
        (b"one\x1bctwo", ["two", "", "", ""]),
    ],
)
def test_a_screen_looks_as_on_a_terminal(output: bytes, rows: list[str]) -> None:
    assert _shown(output) == rows


def test_colors_stay_after_a_carriage_return_and_moves() -> None:
    screen = Emulator(COLUMNS, ROWS)
    screen.feed(b"\x1b[32mgreen\x1b[0m plain\r\x1b[31mred")
    red, green = Style(fg=1), Style(fg=2)
    assert screen.rows()[0] == (Span("red", red), Span("en", green), Span(" plain"))
    screen.feed(b"\r\x1b[44m\x1b[K")
    (blank,) = screen.rows()[0]
    assert blank.style.bg == 4


def test_a_sequence_may_arrive_byte_by_byte() -> None:
    output = b"a\x1b[2;3Hb\x1b]0;title\x1b\\c\x1b(0q\x1b(B\x1b[1mz\x1b\rd"
    pieces = [output[at : at + 1] for at in range(len(output))]
    assert _shown(*pieces) == _shown(output) == ["a", "d bc─z", "", ""]


@given(st.lists(st.binary(max_size=8), max_size=8))
def test_the_screen_does_not_depend_on_how_output_is_split(pieces: list[bytes]) -> None:
    assert _shown(*pieces) == _shown(b"".join(pieces))


_PIECES = st.sampled_from(
    [
        *(
            b"\x1b[%d%c" % (n, c)
            for n in (0, 1, 3, 99999)
            for c in b"ABCDEFGHJKLMPSTX@bdfr"
        ),
        *(
            b"\x1b[2;3r",
            b"\x1b[3;5H",
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1bM",
            b"\x1bD",
        ),
        *(
            b"\r",
            b"\n",
            b"\b",
            b"\t",
            b"text",
            "漢".encode(),
            b"\x1b[",
            b"\x1b]x",
            b"\x9b",
        ),
        *(b"\x1b[;;;;m", b"\x1b[38;5", b"\xff", "\u202e\u0301".encode(), b"\x1b[?7l"),
    ]
)


@given(st.lists(_PIECES | st.binary(max_size=4), max_size=60))
def test_any_output_stays_within_the_screen(pieces: list[bytes]) -> None:
    screen = Emulator(COLUMNS, ROWS)
    for piece in pieces:
        screen.feed(piece)
    rows = screen.rows()
    assert len(rows) == ROWS
    for row in rows:
        assert row_width(row) <= COLUMNS
        text = "".join(span.text for span in row)
        assert not set(text) & {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))}
        assert "\u202e" not in text
    row, column = screen.cursor
    assert 0 <= row < ROWS
    assert 0 <= column < COLUMNS


_KNOWN_TO_BOTH = st.sampled_from(
    [
        *(b"\x1b[%d%c" % (n, c) for n in (1, 2) for c in b"ABCDGdLMP@X"),
        *(b"\x1b[%d%c" % (n, c) for n in (0, 1, 2) for c in b"JK"),
        *(
            b"\x1b[2;3H",
            b"\x1b[H",
            b"\r",
            b"\n",
            b"\b",
            b"\x1bM",
            b"a",
            b"bc",
            b"wider",
        ),
    ]
)


_AFTER_A_FULL_LINE = {b"a", b"bc", b"wider", b"\r", b"\x1b[H", b"\x1b[2;3H"}
"""Sequences that all terminals treat alike with the cursor past the last column."""


class _Pyte(pyte.Screen):
    """pyte 0.8.2 without a bug: it keeps a deleted line if the next is unwritten."""

    def delete_lines(self, count: int | None = None) -> None:
        for row in range(self.lines):
            self.buffer[row]  # makes it
        super().delete_lines(count)


@given(st.lists(_KNOWN_TO_BOTH, max_size=30))
@example([b"a", b"\x1b[1M"])
def test_another_emulator_shows_the_same(pieces: list[bytes]) -> None:
    other = _Pyte(COLUMNS, ROWS)
    stream = pyte.ByteStream(other)
    for piece in pieces:
        assume(other.cursor.x < COLUMNS or piece in _AFTER_A_FULL_LINE)
        stream.feed(piece)
    assert _shown(*pieces) == [line.rstrip() for line in other.display]
