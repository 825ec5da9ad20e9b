"""The screen: frames, the bell, notifications and the title of a terminal.

Only changes since the last frame are written. No text can send the terminal a command:
control characters are removed here once more.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import safe_line
from ..text.cells import clip, clip_row, is_even, width
from ..text.rows import Row, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..text.rows import Frame
    from .terminal import Size, Terminal

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # synchronized output, if supported
_NOTICE_LIMIT: Final = 200
_NO_PROGRESS: Final = "9;4;0"
_KNOW_777: Final = {"ghostty", "WezTerm"}
_KNOW_777_KINDS: Final = ("foot", "rxvt", "xterm-ghostty")


class Screen:
    """Draws on a terminal.

    Args:
        terminal: The terminal, which is written to only while it is entered.
        environ: The environment that identifies the terminal; by default that of this
            process.
    """

    def __init__(
        self, terminal: Terminal, environ: Mapping[str, str] | None = None
    ) -> None:
        self._terminal = terminal
        self._environ = os.environ if environ is None else environ
        # The Linux console prints unknown OSC sequences.
        self._takes_osc = self._environ.get("TERM") != "linux"
        self._shown: list[Row] | None = None
        self._size: Size | None = None
        self._cursor: tuple[int, int] | None = None
        self._title: str | None = None
        self._progress: str | None = _NO_PROGRESS

    def paint(self, frame: Frame, size: Size) -> bool:
        """Show a frame.

        A frame that is too wide or too high is cut. May block for
        `terminal.WRITE_PATIENCE` on a slow terminal; a frame is skipped while an older
        one is not written completely.

        Returns:
            Whether the frame was written completely; if not, paint again later.
        """
        terminal = self._terminal
        if not terminal.entered or (terminal.backlog and not terminal.write(b"")):
            return False
        if size != self._size:
            self.invalidate()
        before, self._size = self._shown, size
        rows = [*frame.rows[: size.rows], *[()] * (size.rows - len(frame.rows))]
        parts = [
            self._row_sequence(number, row, size.columns)
            for number, row in enumerate(rows)
            if before is None or row != before[number]
        ]
        cursor = _inside(frame.cursor, size)
        if parts or cursor != self._cursor:
            known = terminal.sequences
            if self._cursor is not None:
                parts.insert(0, known.hide_cursor)
            if cursor is not None:
                parts.append(f"{known.move_yx(*cursor)}{known.normal_cursor}")
            self._shown, self._cursor = rows, cursor
            self._write(f"{_BEGIN}{''.join(parts)}{_END}")
        return True

    def invalidate(self) -> None:
        """Discard the known content of the screen: draw the next frame completely."""
        self._shown = None
        self._cursor = (0, 0)
        self._title = None
        self._progress = None

    def bell(self) -> None:
        """Ring the terminal's bell."""
        self._say("\a")

    def notify(self, title: str, body: str) -> None:
        """Show a desktop notification, if the terminal supports it.

        Uses OSC 777 where it is known to work, else OSC 9; not both, since some
        terminals would show the notification twice.
        """
        title, body = _notice(title), _notice(body)
        if _knows_777(self._environ):
            self._osc(f"777;notify;{title};{body}", pass_through=True)
        else:
            # The space prevents that digits at the start mean another command.
            self._osc(f"9; {title}: {body}", pass_through=True)

    def set_title(self, title: str) -> None:
        """Set the window's title; leaving the terminal restores the old one."""
        title = _notice(title)
        if title != self._title and self._osc(f"2;{title}"):
            self._title = title

    def set_progress(self, percent: int | None) -> None:
        """Show a percentage in the taskbar, if supported (OSC 9;4); None removes it."""
        progress = _NO_PROGRESS
        if percent is not None:
            progress = f"9;4;1;{min(100, max(0, percent))}"
        # iTerm shows every OSC 9 as a notification.
        if self._environ.get("TERM_PROGRAM") == "iTerm.app":
            return
        if progress != self._progress and self._osc(progress, pass_through=True):
            self._progress = progress
            undo = self._passed_through(f"\x1b]{_NO_PROGRESS}\a")
            self._terminal.farewell = self._encode(undo)

    def _row_sequence(self, number: int, row: Row, columns: int) -> str:
        row = tuple(Span(_safe(span.text), span.style) for span in row)
        row = clip_row(row, columns, "")
        # Terminals disagree about the width of these characters: position each span
        # after them explicitly, and erase leftovers of old ones first.
        doubtful = not all(is_even(span.text) for span in row)
        styling, known = self._terminal.styling, self._terminal.sequences
        parts = [known.move_yx(number, 0), known.clear_eol if doubtful else ""]
        at = 0
        misplaced = False
        for span in row:
            if misplaced:
                parts.append(known.move_yx(number, at))
            switch_on = styling.sequence(span.style)
            parts += (switch_on, span.text, styling.reset if switch_on else "")
            at += width(span.text)
            misplaced |= doubtful and not is_even(span.text)
        if at < columns and not doubtful:
            parts.append(known.clear_eol)
        return "".join(parts)

    def _osc(self, command: str, *, pass_through: bool = False) -> bool:
        """Send an operating system command (OSC); return whether it was sent."""
        if not self._takes_osc:
            return False
        sequence = f"\x1b]{command}\a"
        return self._say(self._passed_through(sequence) if pass_through else sequence)

    def _passed_through(self, sequence: str) -> str:
        match self._terminal.multiplexer:
            case "tmux":
                doubled = sequence.replace("\x1b", "\x1b\x1b")
                return f"\x1bPtmux;{doubled}\x1b\\"
            case "screen":
                return f"\x1bP{sequence}\x1b\\"
            case _:
                return sequence

    def _say(self, sequence: str) -> bool:
        # Else a stalled terminal would receive all of them at once later.
        if self._terminal.backlog or not self._terminal.entered:
            return False
        self._write(sequence)
        return True

    def _write(self, text: str) -> None:
        self._terminal.write(self._encode(text))

    def _encode(self, text: str) -> bytes:
        return text.encode(self._terminal.encoding, "replace")


def _safe(text: str) -> str:
    return text if text.isprintable() else safe_line(text)


def _notice(text: str) -> str:
    """Make text safe for a command: one short line, without separators."""
    return clip(safe_line(text).replace(";", ","), _NOTICE_LIMIT)


def _inside(cursor: tuple[int, int] | None, size: Size) -> tuple[int, int] | None:
    if cursor is None:
        return None
    row, column = cursor
    return min(max(0, row), size.rows - 1), min(max(0, column), size.columns - 1)


def _knows_777(environ: Mapping[str, str]) -> bool:
    return (
        "VTE_VERSION" in environ
        or environ.get("TERM_PROGRAM") in _KNOW_777
        or environ.get("TERM", "").startswith(_KNOW_777_KINDS)
    )
