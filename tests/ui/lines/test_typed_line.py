"""A line that is typed while lines are written above it."""

from __future__ import annotations

import pyte
import pytest
from backburner.ui.dialogue.messages import LinesTyped
from backburner.ui.lines.typed_line import TypedLine
from hypothesis import given
from hypothesis import strategies as st

COLUMNS, ROWS = 20, 12


class Stage:
    """A line on a terminal of its own."""

    def __init__(self, *, clears: bool = True) -> None:
        self.columns = COLUMNS
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self.screen)
        self.line = TypedLine(self, lambda: self.columns, clears=clears)

    def write(self, text: str, /) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))

    def flush(self) -> None:
        pass

    def type(self, text: str) -> LinesTyped:
        typed = self.line.feed(text.encode())
        self.line.flush()
        return typed

    def news(self, text: str) -> None:
        self.line.write(f"{text}\n")
        self.line.flush()

    @property
    def rows(self) -> list[str]:
        shown = "\n".join(row.rstrip() for row in self.screen.display)
        return shown.rstrip("\n").split("\n")


def test_news_are_written_above_the_typed_line() -> None:
    stage = Stage()
    stage.type("make te")
    stage.news("#1 running")
    assert stage.rows == ["#1 running", "make te"]
    assert stage.type("st\n").lines == (b"make test",)
    stage.news("#2 running")
    assert stage.rows == ["#1 running", "make test", "#2 running"]


@pytest.mark.parametrize(
    ("clears", "columns"), [(False, COLUMNS), (True, 3)], ids=["dumb", "narrower now"]
)
def test_a_line_that_cannot_be_cleared_is_shown_again(
    *, clears: bool, columns: int
) -> None:
    stage = Stage(clears=clears)
    stage.type("make te")
    stage.columns = columns
    stage.news("#1 running")
    assert stage.rows == ["make te", "#1 running", "make te"]


def test_a_line_of_several_rows_is_shown_again_in_full() -> None:
    stage = Stage()
    typed = "echo " + "ab" * COLUMNS
    stage.type(typed)
    stage.news("#1 running")
    assert "".join(stage.rows) == f"{typed}#1 running{typed}"
    assert stage.type("\n").lines == (typed.encode(),)


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("lsx\x7f", "ls"),
        ("lsx\b", "ls"),
        ("ls é\u0301\x7f-l", "ls -l"),
        ("ls 漢\x7f-l", "ls -l"),
        ("ls\t\x7f\x7f", "l"),
        ("ls \x1b[D\x7f\x7f\x7f", "ls "),
        ("git commit --amend\x17\x17push", "git push"),
        ("rm -rf\x15ls", "ls"),
        ("\x7f\x17\x15ls", "ls"),
        ("printf a\x16\tb", "printf a\tb"),
        ("printf \x16\x7f", "printf \x7f"),
        ("kept\x04\x15\x7f\x17 more", "kept more"),
        ("x" * 19 + "yz" + "\x7f" * 3, "x" * 18),
        ("x" * 40 + "\x7f" * 25, "x" * 15),
    ],
)
def test_keys_edit_as_in_the_terminal_driver(typed: str, line: str) -> None:
    stage = Stage()
    stage.type(typed)
    stage.type("\x12")
    assert stage.type("\n").lines == (line.encode(),)


def test_erased_characters_disappear() -> None:
    stage = Stage()
    for key in "ls 漢\t\x1b":
        stage.type(key)
    assert stage.rows == ["ls 漢   ^["]
    for _ in "漢\t\x1b":
        stage.type("\x7f")
    assert stage.rows == ["ls"]
    stage.type("\x15")
    stage.news("#1 running")
    assert stage.rows == ["#1 running"]


def test_erasing_past_the_start_of_a_row_shows_the_line_again() -> None:
    stage = Stage()
    stage.type("x" * (COLUMNS + 1))
    stage.type("\x7f\x7f")
    assert stage.rows[-1] == "x" * (COLUMNS - 1)


def test_the_input_ends_only_at_the_beginning_of_a_line() -> None:
    stage = Stage()
    assert stage.type("last\x04") == LinesTyped()
    assert stage.type("\x04") == LinesTyped((b"last",), ended=True)
    assert Stage().type("a\n\x04b") == LinesTyped((b"a",), ended=True)


def test_a_prompt_precedes_one_line() -> None:
    stage = Stage()
    stage.type("!cat <<EOF\n")
    stage.line.set_prompt("> ")
    stage.type("te")
    stage.news("#1 running")
    assert stage.rows == ["!cat <<EOF", "#1 running", "> te"]
    stage.type("xt\n")
    stage.news("#1 complete")
    assert stage.rows[-2:] == ["> text", "#1 complete"]


def test_an_abandoned_line_stays_on_its_own_row() -> None:
    stage = Stage()
    stage.type("unfinished")
    stage.line.discard()
    stage.news("left")
    assert stage.rows == ["unfinished", "left"]


def test_typed_text_never_reaches_the_terminal_as_a_sequence() -> None:
    stage = Stage()
    typed = "a\x1b]0;t\x07\u202e\x9b2J\x07"
    stage.line.feed(typed.encode())
    assert stage.rows == ["a^[]0;t^G\ufffd\ufffd2J^G"]
    assert stage.type("\n").lines == (typed.encode(),)


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_every_byte_of_a_line_arrives(pieces: list[bytes]) -> None:
    stage = Stage()
    special = bytes({*range(0x20)} - {9} | {0x7F})
    safe = [piece.translate(None, special) for piece in pieces]
    for number, piece in enumerate(safe):
        stage.line.feed(piece)
        if number % 2:
            stage.news(f"#{number} running")
    assert stage.type("\n").lines == (b"".join(safe),)
