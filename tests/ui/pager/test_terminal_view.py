"""The screen of a terminal that is made of a growing file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.ui.pager.terminal_view import TerminalView

if TYPE_CHECKING:
    from pathlib import Path


def _shown(view: TerminalView) -> list[str]:
    rows = view.rows(20, 3)
    assert rows is not None
    return ["".join(span.text for span in row) for row in rows]


def test_it_follows_a_file_that_grows_and_shrinks(tmp_path: Path) -> None:
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


def test_a_flood_is_shown_from_its_end(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_bytes(b"first\r\n")
    view = TerminalView(file)
    assert _shown(view) == ["first", "", ""]
    with file.open("ab") as output:
        output.write(b"".join(b"%d\r\n" % it for it in range(100_000)))
        output.write(b"last")
    assert _shown(view) == ["99998", "99999", "last"]


def test_it_has_no_size_before_the_first_look_and_when_it_begins_anew(
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
