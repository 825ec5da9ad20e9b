from __future__ import annotations

import os
import pty
import re
import termios
from typing import TYPE_CHECKING

import pyte
import pytest
from backburner.ui.terminal import terminal as terminal_module
from backburner.ui.terminal.screen import Screen
from backburner.ui.terminal.styling import TRUE_COLOR
from backburner.ui.terminal.terminal import Size, Terminal
from backburner.ui.text.rows import PLAIN, Frame, Row, Span, Style
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = Size(20, 5)
HOSTILE = "\x1b]52;c;Zm9v\x07\x1b[2J\x1bPq\x1b\\\x9b2J\r\n\x07\u202e"
TEXTS = st.one_of(
    st.text("abc é─✓日本", max_size=12), st.sampled_from(["", "x" * 25, "日" * 12])
)
STYLES = st.sampled_from(
    [PLAIN, Style(fg=1, bold=True), Style(bg=(1, 2, 3)), Style(reverse=True)]
)
ROWS = st.lists(st.builds(Span, TEXTS, STYLES), max_size=3).map(tuple)
FRAMES = st.builds(
    Frame,
    st.lists(ROWS, max_size=7).map(tuple),
    st.one_of(st.none(), st.tuples(st.integers(0, 6), st.integers(0, 25))),
)


class Stage:
    """A terminal with a screen, and the emulator that shows it."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (SIZE.rows, SIZE.columns))
        os.set_blocking(self.master, False)
        self.terminal = Terminal(input_fd=self.slave, output_fd=self.slave)
        self.terminal.learn()
        self.terminal.enter()
        self.read()
        self.screen = Screen(self.terminal, environ or {"TERM": "xterm-256color"})
        self.seen = pyte.Screen(SIZE.columns, SIZE.rows)
        self.seen.reset_mode(7 << 5)
        self._stream = pyte.ByteStream(self.seen)

    def read(self) -> bytes:
        parts: list[bytes] = []
        try:
            while part := os.read(self.master, 1 << 16):
                parts.append(part)
        except BlockingIOError:
            pass
        return b"".join(parts)

    def paint(self, frame: Frame, size: Size = SIZE) -> bytes:
        """Paint a frame; return the bytes written."""
        assert self.screen.paint(frame, size)
        written = self.read()
        self._stream.feed(written)
        return written

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.seen.display]

    def close(self) -> None:
        self.terminal.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def frame(*lines: str, cursor: tuple[int, int] | None = None) -> Frame:
    return Frame(tuple((Span(line),) for line in lines), cursor)


def test_a_frame_is_shown(stage: Stage) -> None:
    stage.paint(frame("hello", "", "日本 x", cursor=(2, 3)))
    assert stage.lines() == ["hello", "", "日本 x", "", ""]
    assert (stage.seen.cursor.y, stage.seen.cursor.x) == (2, 3)
    assert not stage.seen.cursor.hidden


def test_only_what_changed_is_written(stage: Stage) -> None:
    stage.paint(frame("one", "two", "three", cursor=(0, 0)))
    written = stage.paint(frame("one", "2", "three", cursor=(0, 0)))
    assert b"one" not in written
    assert b"three" not in written
    assert stage.lines()[:3] == ["one", "2", "three"]
    assert stage.paint(frame("one", "2", "three", cursor=(0, 0))) == b""


@pytest.mark.parametrize("text", ["x" * SIZE.columns, "\u65e5" * (SIZE.columns // 2)])
def test_the_end_of_a_full_row_is_not_erased(stage: Stage, text: str) -> None:
    """A cursor after the last column stays on it; erasing would clear that cell."""
    stage.paint(frame("before"))
    written = stage.paint(frame(text))
    assert not written.partition(text[-1].encode())[2].count(b"\x1b[K")
    assert stage.lines()[0] == text


def test_the_rest_of_a_row_is_erased_once(stage: Stage) -> None:
    for text in ("short", "\u65e5"):
        stage.paint(frame("x" * SIZE.columns))
        assert stage.paint(frame(text)).count(b"\x1b[K") == 1
        assert stage.lines()[0] == text


def test_a_frame_is_drawn_at_once(stage: Stage) -> None:
    written = stage.paint(frame("one"))
    assert written.startswith(b"\x1b[?2026h")
    assert written.endswith(b"\x1b[?2026l")


def test_the_cursor_moves_and_hides(stage: Stage) -> None:
    stage.paint(frame("one", cursor=(0, 1)))
    written = stage.paint(frame("one", cursor=(0, 2)))
    assert b"one" not in written
    assert stage.seen.cursor.x == 2
    stage.paint(frame("one"))
    assert stage.seen.cursor.hidden
    stage.paint(frame("one", cursor=(99, 99)))
    assert (stage.seen.cursor.y, stage.seen.cursor.x) == (4, 19)


def test_invalidate_redraws_everything(stage: Stage) -> None:
    stage.paint(frame("one", "two"))
    stage.screen.invalidate()
    assert b"one" in stage.paint(frame("one", "two"))


def test_a_new_size_redraws_everything(stage: Stage) -> None:
    stage.paint(frame("one", "two"))
    assert b"one" in stage.paint(frame("one", "two"), Size(10, 4))


def test_content_larger_than_the_screen_is_cut(stage: Stage) -> None:
    stage.paint(frame(*["0123456789" * 3] * 9))
    assert stage.lines() == ["0123456789" * 2] * 5


@pytest.mark.parametrize("size", [Size(1, 1), Size(2, 1), Size(1, 3)])
def test_a_frame_is_painted_on_a_tiny_screen(stage: Stage, size: Size) -> None:
    stage.paint(frame("日本語", "x", "y", "z", cursor=(3, 9)), size)


def test_styles_are_switched_on_and_off(stage: Stage) -> None:
    row = (Span("a", Style(fg=2, bold=True)), Span("b", Style(bg=208)), Span("c"))
    written = stage.paint(Frame((row,)))
    assert b"\x1b[1m\x1b[32ma\x1b[m\x1b[48;5;208mb\x1b[mc" in written
    cells = stage.seen.buffer[0]
    assert (cells[0].fg, cells[0].bold, cells[2].fg, cells[2].bold) == (
        "green",
        True,
        "default",
        False,
    )


@pytest.mark.parametrize(
    ("environ", "style", "sequence"),
    [
        ({"COLORTERM": "truecolor"}, Style(fg=(255, 135, 0)), b"\x1b[38;2;255;135;0m"),
        ({}, Style(fg=(255, 135, 0)), b"\x1b[38;5;208m"),
        ({}, Style(fg=9), b"\x1b[91m"),
        ({}, Style(bg=9), b"\x1b[101m"),
        ({"TERM": "linux"}, Style(fg=9), b"\x1b[31m"),
        ({"TERM": "linux"}, Style(fg=196), b"\x1b[31m"),
        ({"TERM": "linux"}, Style(fg=255), b"\x1b[37m"),
        ({"TERM": "linux"}, Style(fg=(0, 0, 250)), b"\x1b[34m"),
        ({"NO_COLOR": "1"}, Style(fg=1, bold=True), b"\x1b[1mx"),
    ],
)
def test_colours_are_reduced_to_those_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    style: Style,
    sequence: bytes,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    stage = Stage()
    assert (stage.terminal.colors == TRUE_COLOR) == ("COLORTERM" in environ)
    written = stage.paint(Frame(((Span("x", style),),)))
    assert sequence in written
    assert len(re.findall(rb"\x1b\[[0-9;]*m", written)) == 2
    stage.close()


def test_the_column_is_set_after_text_of_ambiguous_width(stage: Stage) -> None:
    row = (Span("☀\ufe0f ok"), Span(" right", Style(bold=True)))
    written = stage.paint(Frame((row,)))
    assert "\x1b[1;1H\x1b[K☀\ufe0f ok\x1b[1;6H\x1b[1m right".encode() in written
    assert b"H\x1b[K" not in stage.paint(frame("● plain ─ ✓"))


def test_hostile_text_does_not_reach_the_terminal(stage: Stage) -> None:
    stage.screen.set_title(f"a{HOSTILE}b")
    stage.screen.notify(f"a{HOSTILE}b", f"c{HOSTILE};d")
    assert stage.read() == b"\x1b]2;a b\a\x1b]9; a b: c ,d\a"
    written = stage.paint(frame(f"a{HOSTILE}b"))
    assert stage.lines()[0] == "a b"
    for bad in (b"]52", b"\x1b[2J", b"\x1bP", b"\a", b"\r", b"\n", b"\xc2\x9b"):
        assert bad not in written
    assert "\u202e".encode() not in written


@given(st.lists(FRAMES, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_drawing_changes_gives_the_same_screen_as_drawing_everything(
    stage: Stage, frames: list[Frame]
) -> None:
    for frame in frames:
        stage.paint(frame)
        changed = [list(line) for line in stage.seen.display]
        cells = {y: dict(line) for y, line in stage.seen.buffer.items()}
        stage.screen.invalidate()
        stage.seen.reset()
        stage.paint(frame)
        assert [list(line) for line in stage.seen.display] == changed
        for y, line in stage.seen.buffer.items():
            for x in range(SIZE.columns):
                assert line[x] == cells.get(y, {}).get(x, line.default)


@given(FRAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_painted_frame_reads_as_given(stage: Stage, given: Frame) -> None:
    stage.paint(given)
    for row, line in zip(given.rows[: SIZE.rows], stage.seen.display, strict=False):
        text = plain(row)
        shown = "".join(line).rstrip()
        assert text.rstrip().startswith(shown)


def plain(row: Row) -> str:
    return "".join(span.text for span in row)


def test_a_frame_waits_until_the_previous_one_is_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_module, "WRITE_PATIENCE", 0.01)
    stage.terminal.write(b"\0" * 100_000)
    assert stage.terminal.backlog
    assert not stage.screen.paint(frame("one"), SIZE)
    stage.screen.bell()
    stage.screen.set_title("title")
    received = b""
    while not stage.screen.paint(frame("two"), SIZE):
        received += stage.read()
    received += stage.read()
    assert b"one" not in received
    assert b"two" in received
    assert b"\a" not in received
    stage.screen.set_title("title")
    assert b"title" in stage.read()


def test_nothing_is_painted_after_leaving_the_terminal(stage: Stage) -> None:
    stage.terminal.leave()
    stage.read()
    assert not stage.screen.paint(frame("one"), SIZE)
    stage.screen.bell()
    assert stage.read() == b""
    stage.terminal.enter()
    stage.read()
    stage.screen.invalidate()
    assert b"one" in stage.paint(frame("one"))


def test_the_title_is_written_once(stage: Stage) -> None:
    stage.screen.set_title("2 running")
    stage.screen.set_title("2 running")
    assert stage.read() == b"\x1b]2;2 running\a"


def test_progress_is_written_once_and_removed_at_the_end(stage: Stage) -> None:
    stage.screen.set_progress(None)
    assert stage.read() == b""
    stage.screen.set_progress(62)
    stage.screen.set_progress(62)
    stage.screen.set_progress(900)
    assert stage.read() == b"\x1b]9;4;1;62\a\x1b]9;4;1;100\a"
    stage.terminal.leave()
    assert b"\x1b]9;4;0\a" in stage.read()


def test_the_bell_is_rung(stage: Stage) -> None:
    stage.screen.bell()
    assert stage.read() == b"\a"


@pytest.mark.parametrize(
    ("environ", "written"),
    [
        ({"TERM": "xterm-256color"}, b"\x1b]9; done: Build docs\a"),
        ({"VTE_VERSION": "7600"}, b"\x1b]777;notify;done;Build docs\a"),
        ({"TERM": "foot"}, b"\x1b]777;notify;done;Build docs\a"),
        ({"TERM": "linux"}, b""),
    ],
)
def test_a_notification_is_written_once_in_the_format_of_the_terminal(
    environ: dict[str, str], written: bytes
) -> None:
    stage = Stage(environ)
    stage.screen.notify("done", "Build docs")
    assert stage.read() == written
    stage.close()


def test_iterm_gets_no_progress_because_it_would_show_notifications() -> None:
    stage = Stage({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"})
    stage.screen.set_progress(5)
    assert stage.read() == b""
    stage.close()


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("TMUX", "socket", b"\x1bPtmux;\x1b\x1b]9; a: b\a\x1b\\"),
        ("STY", "socket", b"\x1bP\x1b]9; a: b\a\x1b\\"),
    ],
)
def test_multiplexers_pass_notifications_on(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, written: bytes
) -> None:
    monkeypatch.setenv(name, value)
    stage = Stage()
    stage.screen.notify("a", "b")
    assert stage.read() == written
    stage.close()
