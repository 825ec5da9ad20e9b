from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING

import pytest
from backburner.ui.dialogue.messages import BadInput, EndOfInput, InputLine
from backburner.ui.lines.input import CHUNK, LONGEST_LINE, LineInput
from hypothesis import example, given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Message = InputLine | BadInput | EndOfInput


class _Feed:
    """A pipe, and the reader of its lines."""

    def __init__(self) -> None:
        fd, self._write = os.pipe()
        self._lines = LineInput(fd)
        self._open = True

    def put(self, data: bytes) -> list[Message]:
        """Write data that fits into the pipe, and read it."""
        os.write(self._write, data)
        found: list[Message] = []
        for _ in range(0, len(data), CHUNK):
            found += self._lines.read()
        return found

    def end(self) -> list[Message]:
        """Close the writing end, and read the rest."""
        os.close(self._write)
        self._open = False
        return self._lines.read()

    def close(self) -> None:
        if self._open:
            os.close(self._write)
        os.close(self._lines.fd)


@pytest.fixture
def feed() -> Iterator[_Feed]:
    feed = _Feed()
    yield feed
    feed.close()


def _lines(*texts: str) -> list[Message]:
    return [InputLine(text) for text in texts]


def _read_all(pieces: Iterable[bytes]) -> list[Message]:
    feed = _Feed()
    try:
        found = [message for piece in pieces if piece for message in feed.put(piece)]
        return found + feed.end()
    finally:
        feed.close()


def test_lines_arrive_as_soon_as_they_are_complete(feed: _Feed) -> None:
    assert feed.put(b"one\ntwo\nthr") == _lines("one", "two")
    assert feed.put(b"ee") == []
    assert feed.put(b"\n\n") == _lines("three", "")
    assert feed.end() == [EndOfInput()]


def test_the_last_line_needs_no_line_break(feed: _Feed) -> None:
    assert feed.put(b"one\nlast") == _lines("one")
    assert feed.end() == [InputLine("last"), EndOfInput()]


def test_an_empty_input_just_ends(feed: _Feed) -> None:
    assert feed.end() == [EndOfInput()]


def test_end_of_input_can_be_read_repeatedly() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    lines = LineInput(nothing)
    assert [lines.read(), lines.read()] == [[EndOfInput()], [EndOfInput()]]
    os.close(nothing)


def test_line_breaks_of_other_systems_are_accepted(feed: _Feed) -> None:
    assert feed.put(b"one\r\ntwo\r\n\r\n") == _lines("one", "two", "")
    assert feed.put(b"10%\r20%\r\n") == _lines("10%\r20%")
    assert feed.put(b"one\r") == []
    assert feed.put(b"\ntwo") == _lines("one")
    assert feed.end() == [InputLine("two"), EndOfInput()]


def test_only_line_breaks_end_a_line(feed: _Feed) -> None:
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\x00g\t"
    assert feed.put(f"{text}\n".encode()) == _lines(text)


def test_a_byte_order_mark_is_not_part_of_the_first_line(feed: _Feed) -> None:
    assert feed.put(b"\xef\xbb\xbf/tasks\n\xef\xbb\xbfx\n") == _lines(
        "/tasks", "\ufeffx"
    )


_texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8)


@given(_texts, st.lists(st.integers(0, 200), max_size=8))
def test_lines_do_not_depend_on_how_the_input_is_split(
    texts: list[str], cuts: list[int]
) -> None:
    data = "\n".join(texts).encode()
    ends = [*sorted(cuts), None]
    pieces = [data[a:b] for a, b in zip([0, *sorted(cuts)], ends, strict=True)]
    assert _read_all(pieces) == _read_all([data])


@given(st.binary(max_size=100))
@example(codecs.BOM_UTF8 * 2 + b"a\n" + codecs.BOM_UTF8)
def test_no_byte_is_lost(data: bytes) -> None:
    *messages, end = _read_all([data])
    assert end == EndOfInput()
    lines = data.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    assert len(messages) == len(lines)
    lines[:1] = [it.removeprefix(codecs.BOM_UTF8) for it in lines[:1]]
    for message, line in zip(messages, lines, strict=True):
        text = line.decode("utf-8", "replace").removesuffix("\r")
        if isinstance(message, InputLine):
            assert message.text == text
        else:
            assert "\N{REPLACEMENT CHARACTER}" in text


def test_invalid_utf8_is_refused_with_its_position(feed: _Feed) -> None:
    assert feed.put(b"fine\ncaf\xe9\nfine again\n") == [
        InputLine("fine"),
        BadInput(
            "line 2 is not valid UTF-8 (byte 4 is 0xe9); it was not run:"
            " save it as UTF-8"
        ),
        InputLine("fine again"),
    ]


def test_half_a_character_at_the_end_is_refused(feed: _Feed) -> None:
    assert feed.put("é".encode()[:1]) == []
    bad, end = feed.end()
    assert isinstance(bad, BadInput)
    assert "line 1 is not valid UTF-8 (byte 1 is 0xc3)" in bad.problem
    assert end == EndOfInput()


def test_a_character_may_be_split_between_two_reads(feed: _Feed) -> None:
    first, second = "é".encode()[:1], "é".encode()[1:]
    assert feed.put(first) == []
    assert feed.put(second + b"\n") == _lines("é")


TOO_LONG = BadInput(
    "line 2 is longer than 1 MiB; it was not run: put the command into a script"
)


def _put_in_pieces(feed: _Feed, size: int) -> list[Message]:
    found: list[Message] = []
    while size > 0:
        found += feed.put(b"x" * min(size, CHUNK))
        size -= CHUNK
    return found


def test_the_longest_allowed_line_is_accepted(feed: _Feed) -> None:
    assert _put_in_pieces(feed, LONGEST_LINE) == []
    (line,) = feed.put(b"\n")
    assert isinstance(line, InputLine)
    assert len(line.text) == LONGEST_LINE


def test_a_longer_line_is_refused_once_and_skipped(feed: _Feed) -> None:
    assert feed.put(b"one\n") == _lines("one")
    assert _put_in_pieces(feed, 3 * LONGEST_LINE) == [TOO_LONG]
    assert feed.put(b"!rm -rf /\ncaf\xe9\nfour\n")[1:] == _lines("four")
    assert feed.put(b"\n") == _lines("")


def test_the_rest_of_a_line_that_is_too_long_is_not_a_line(feed: _Feed) -> None:
    feed.put(b"one\n")
    assert _put_in_pieces(feed, LONGEST_LINE + 1) == [TOO_LONG]
    assert feed.put(b"!rm -rf /") == []
    assert feed.end() == [EndOfInput()]


def test_line_numbers_include_lines_that_are_too_long(feed: _Feed) -> None:
    feed.put(b"one\n")
    _put_in_pieces(feed, LONGEST_LINE + 1)
    (bad,) = feed.put(b"\n\xff\n")
    assert isinstance(bad, BadInput)
    assert bad.problem.startswith("line 3 is not valid UTF-8")


def test_a_complete_line_that_is_just_too_long_is_refused(feed: _Feed) -> None:
    feed.put(b"one\n")
    assert _put_in_pieces(feed, LONGEST_LINE) == []
    assert feed.put(b"x\nthree\n") == [TOO_LONG, InputLine("three")]


def test_a_read_error_is_reported_and_ends_the_input(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    bad, end = LineInput(folder).read()
    assert isinstance(bad, BadInput)
    assert bad.problem.startswith("can't read the input (Is a directory)")
    assert end == EndOfInput()
    os.close(folder)
