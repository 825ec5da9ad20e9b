"""The screen of a terminal, built from a growing file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from backburner.ui.pager.terminal_view import KEPT, TerminalView
from tmux_session import TmuxSession

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.ui.text.rows import Row


def _shown(view: TerminalView) -> list[str]:
    rows = view.rows(20, 3)
    assert rows is not None
    return ["".join(span.text for span in row) for row in rows]


def test_the_view_follows_a_file_that_grows_and_shrinks(tmp_path: Path) -> None:
    file = tmp_path / "output"
    view = TerminalView(file)
    assert view.rows(20, 3) is None
    file.write_bytes(b"one\r\ntwo\x1b[3;1")
    assert _shown(view) == ["one", "two", ""]
    with file.open("ab") as output:
        output.write(b"Hthree\rT")
    assert _shown(view) == ["one", "two", "Three"]
    file.write_bytes(b"new")
    assert _shown(view) == ["new", "", ""]


def test_a_large_burst_of_output_is_shown_from_its_end(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_bytes(b"first\r\n")
    view = TerminalView(file)
    assert _shown(view) == ["first", "", ""]
    with file.open("ab") as output:
        output.write(b"".join(b"%d\r\n" % it for it in range(100_000)))
        output.write(b"last")
    assert _shown(view) == ["99998", "99999", "last"]


def test_the_size_is_unknown_before_the_first_read_and_after_a_restart(
    tmp_path: Path,
) -> None:
    file = tmp_path / "output"
    file.write_bytes(b"one")
    view = TerminalView(file)
    assert view.size != (20, 3)
    _shown(view)
    assert view.size == (20, 3)
    view.begin_anew()
    assert view.size != (20, 3)
    assert _shown(view) == ["one", "", ""]


def _text(rows: tuple[Row, ...] | None) -> list[str]:
    assert rows is not None
    return ["".join(span.text for span in row) for row in rows]


def _numbered(path: Path, *, to: int, after: bytes = b"") -> TerminalView:
    lines = b"".join(b"\x1b[32m%d\x1b[m\r\n" % it for it in range(to))
    path.write_bytes(lines + after)
    return TerminalView(path)


def test_scrolling_back_shows_lines_that_left_the_screen(tmp_path: Path) -> None:
    view = _numbered(tmp_path / "output", to=9, after=b"100%\r \x1b[31m9")
    assert _text(view.rows(20, 3)) == ["7", "8", " 90%"]
    assert view.scroll(-2)
    rows = view.rows(20, 3)
    assert _text(rows) == ["5", "6", "7"]
    assert rows is not None
    assert rows[0][0].style.fg == 2
    assert (view.up, view.percent) == (2, 80)
    assert view.page(-1)
    assert _text(view.rows(20, 3)) == ["3", "4", "5"]
    assert view.page(-9)
    assert _text(view.rows(20, 3)) == ["0", "1", "2"]
    assert not view.scroll(-1)
    assert view.is_whole
    view.scroll(3)
    assert _text(view.rows(20, 3)) == ["3", "4", "5"]
    view.end()
    assert _text(view.rows(20, 3)) == ["7", "8", " 90%"]


def test_the_view_does_not_move_while_scrolled_back(tmp_path: Path) -> None:
    file = tmp_path / "output"
    view = _numbered(file, to=9)
    assert _text(view.rows(20, 3)) == ["7", "8", ""]
    view.scroll(-1)
    with file.open("ab") as output:
        output.write(b"more\r\n" * 100_000)
    assert _text(view.rows(20, 3)) == ["6", "7", "8"]
    view.scroll(1)
    assert _text(view.rows(20, 3)) == ["more", "more", ""]


@pytest.mark.parametrize(
    ("columns", "height", "shown"),
    [
        (12, 3, ["2", "3", "wide line th"]),
        (30, 2, ["3", "wide line that is cut"]),
        (30, 6, ["0", "1", "2", "3", "wide line that is cut"]),
    ],
)
def test_a_terminal_of_another_size_is_shown_in_a_window(
    tmp_path: Path, columns: int, height: int, shown: list[str]
) -> None:
    view = _numbered(tmp_path / "output", to=4, after=b"wide line that is cut")
    assert _text(view.rows(columns, height, (25, 4))) == shown
    view.scroll_sideways(99)
    sideways = _text(view.rows(columns, height, (25, 4)))
    assert sideways[-1] == ("t is cut" if columns == 12 else shown[-1])


def test_a_cleared_screen_starts_at_the_same_row(tmp_path: Path) -> None:
    view = _numbered(tmp_path / "output", to=9, after=b"\x1b[H\x1b[2J$ ls")
    assert _text(view.rows(20, 2, (20, 4))) == ["$ ls", ""]
    assert _text(view.rows(20, 4, (20, 4))) == ["$ ls", "", "", ""]
    assert _text(view.rows(20, 6, (20, 4)))[:3] == ["4", "5", "$ ls"]


def test_the_end_of_a_large_output_is_shown_at_once(tmp_path: Path) -> None:
    file = tmp_path / "output"
    with file.open("wb") as output:
        output.truncate(1 << 30)
        output.seek(0, 2)
        output.write(b"".join(b"%d\r\n" % it for it in range(9000)))
        output.write(b"last")
    view = TerminalView(file)
    assert _shown(view) == ["8998", "8999", "last"]
    assert not view.is_whole
    with file.open("rb") as output:
        output.seek(view.begin)
        assert output.readline() == b"%d\r\n" % (9000 - KEPT - 2)
    view.home()
    assert _shown(view)[0] == str(9000 - KEPT - 2)


def test_leaving_the_alternate_screen_restores_the_main_one(tmp_path: Path) -> None:
    file = tmp_path / "output"
    drawn = b"\x1b[1;1Hdrawn\x1b[K\r\nby vim" * 20_000
    file.write_bytes(b"$ vim\r\n\x1b[?1049h" + drawn + b"\x1b[?1049l$ echo\r\nend")
    # The program began before the part that is read, and has ended: its screen is gone.
    assert _shown(TerminalView(file)) == ["$ echo", "end", ""]
    # A killed program leaves its screen behind, as on a terminal.
    file.write_bytes(b"$ vim\r\n\x1b[?1049h" + drawn)
    assert _shown(TerminalView(file)) == ["drawn", "by vim", ""]


_BUILD = b"".join(
    (
        "".join(
            f"\x1b[1mstep {it}\x1b[m\tof 40 {'and so on ' * (it % 7)}\r\n"
            for it in range(40)
        ).encode(),
        b"".join(
            b"\r\x1b[K\x1b[32m%3d%%\x1b[m [%s]" % (it, b"#" * (it // 5))
            for it in range(100)
        ),
        # Several bars, each on a line of its own.
        b"\r\n" + b"a: waits\r\nb: waits\r\nc: waits\r\n",
        b"".join(
            b"\x1b[%dA\r\x1b[2K%c: %d%%\x1b[%dB\r"
            % (3 - it % 3, 97 + it % 3, it, 3 - it % 3)
            for it in range(99)
        ),
        # A bar that stays at the bottom while lines scroll above it.
        b"\x1b7\x1b[1;9r\x1b8\x1b[1A"
        + b"".join(
            b"\x1b7\x1b[10;1H\x1b[7mProgress %d\x1b[m\x1b8unpacks %d\r\n" % (it, it)
            for it in range(30)
        ),
        b"\x1b7\x1b[r\x1b8",
        "漢字 and combining e\u0301\r\n".encode(),
        b"\x1b[?1049h\x1b[H\x1b[2Jless\r\n" + b"page\r\n" * 50 + b"\x1b[?1049l",
        b"abc\x1b[2D\x1b[PX\r\n\x1b[31mlast",
    )
)


@pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
@pytest.mark.parametrize("size", [(60, 10), (37, 10)])
def test_tmux_shows_the_same_lines(tmp_path: Path, size: tuple[int, int]) -> None:
    output = tmp_path / "output"
    output.write_bytes(_BUILD)
    view = TerminalView(output)
    screen = _text(view.rows(*size))
    view.home()
    lines = _text(view.rows(size[0], KEPT, size))
    with TmuxSession(tmp_path, *size) as tmux:
        tmux.begin_anew(["cat", str(output)])
        tmux.wait("last")
        assert tmux.text.splitlines() == [row.rstrip() for row in screen]
        assert tmux.scrollback.splitlines() == [row.rstrip() for row in lines]
