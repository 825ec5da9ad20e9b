"""The terminal: modes, size, and output.

Entering changes the screen, the keyboard and the line settings; leaving restores all of
them, any number of times and after any failure. Only one thread at a time may use it,
except that another thread may read keys with `input_fd`, `entered` and `read`.
"""

from __future__ import annotations

import os
import re
import select
import termios
import time
import tty
from typing import Final, Self

import msgspec

from ..program.job_control import uninterrupted, waiting
from .styling import STANDARD, Styling, build, learned, multiplexer, promised_colors

WRITE_PATIENCE: Final = 0.25
"""Maximum seconds that a write waits for a stalled terminal."""

PARTING_PATIENCE: Final = 1.0
"""Maximum seconds that the write of leaving waits."""

ANSWER_PATIENCE: Final = 1.5
"""Seconds within which a terminal answers; its answers must not reach the shell."""

_CHUNK: Final = 1 << 16

# Written here, because blessed sends these only to terminals that have answered a
# query, and waits for the answer, which some never send. Terminals ignore unknown ones.
_KEEP_TITLE, _GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
_MODES_ON: Final = "\x1b[?7l\x1b[?2004h\x1b[?1004h"  # no autowrap, pastes, focus
_MODES_OFF: Final = "\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[?7h"
_MOUSE_ON, _MOUSE_OFF = "\x1b[?1000h\x1b[?1006h", "\x1b[?1006l\x1b[?1000l"
# The kitty keyboard protocol: unambiguous keys, and their position on the keyboard.
_KEYBOARD_ON, _KEYBOARD_OFF = "\x1b[>5u", "\x1b[<u"
_ABORT: Final = "\x18"  # aborts an incomplete sequence
_ASK_BACKGROUND, _ASK_KEYBOARD, _ASK_ATTRIBUTES = "\x1b]11;?\x07", "\x1b[?u", "\x1b[c"
_ATTRIBUTES: Final = re.compile(rb"\x1b\[\?[0-9;]*c")
_LONGEST_ANSWER: Final = 256


class Size(msgspec.Struct, frozen=True):
    """The size of a screen, in cells; at least 1 by 1."""

    columns: int
    rows: int


class Terminal:
    """A terminal that can be entered and left.

    Args:
        input_fd: The descriptor of the input; duplicated.
        output_fd: The descriptor of the output; duplicated, so that the original may
            be redirected later.
        mouse: Whether to report the wheel and clicks; `set_mouse` changes it.
        encoding: The encoding of the output.

    Attributes:
        input_fd: The descriptor of the input.
        encoding: The encoding of the output.
        colors: The number of colors: 0, 8, 16, 256 or `styling.TRUE_COLOR`; before
            `learn` only as many as the environment guarantees.
        sequences: The sequences of the terminal; `STANDARD` before `learn`.
        styling: Converts styles to sequences.
        multiplexer: `tmux`, `screen` or empty.
        farewell: Bytes that are written first on leaving, to undo other settings.

    Raises:
        OSError: If the output can't be opened.
    """

    def __init__(
        self,
        *,
        input_fd: int = 0,
        output_fd: int = 1,
        mouse: bool = True,
        encoding: str = "utf-8",
    ) -> None:
        self.input_fd = input_fd
        self.encoding = encoding
        self.farewell = b""
        self.multiplexer = multiplexer(os.environ)
        self._fd = _own_descriptor(output_fd, os.O_WRONLY)
        self._keys = _own_descriptor(input_fd, os.O_RDONLY)
        self.colors = promised_colors(os.environ, self.multiplexer)
        self.sequences = STANDARD
        self.styling = Styling(STANDARD, self.colors)
        self._saved: list[int | list[bytes | int]] | None = None
        self._entered = False
        self._typed_ahead = 0
        self._backlog = bytearray()
        self._lost = False
        self._mouse = mouse
        self._knows_keyboard = False
        self._asked: float | None = None
        self._leave = ""

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def entered(self) -> bool:
        """Whether the terminal is entered."""
        return self._entered

    @property
    def lost(self) -> bool:
        """Whether the terminal is gone, so that nothing can be written."""
        return self._lost

    @property
    def output_fd(self) -> int:
        """The descriptor of the output, even if standard output is redirected."""
        return self._fd

    @property
    def backlog(self) -> int:
        """The number of bytes that are not written yet."""
        return len(self._backlog)

    @property
    def mouse(self) -> bool:
        """Whether the wheel and clicks are reported; if not, the mouse selects text."""
        return self._mouse

    def size(self) -> Size:
        """Return the current size of the screen; 80 by 24 if unknown."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            columns, rows = 0, 0
        return Size(columns or 80, rows or 24)

    def learn(self) -> None:
        """Load the terminal's sequences and number of colors from blessed.

        Blocks for about 50 ms while blessed loads. Frames before that use `STANDARD`
        and the colors that the environment guarantees.
        """
        with open(self._fd, "w", encoding=self.encoding, closefd=False) as stream:
            built, self.colors = build(stream, self.multiplexer)
            self.sequences = learned(built)
        self.styling = Styling(self.sequences, self.colors, built.rgb_downconvert)

    def enter(self) -> None:
        """Enter: raw keys, the alternate screen. Idempotent.

        Raises:
            termios.error: If the terminal is gone.
        """
        if self._entered:
            return
        self._saved = uninterrupted(lambda: termios.tcgetattr(self.input_fd))
        self._entered = True
        # TCSANOW: input that was typed ahead is for the chat, so don't flush it.
        uninterrupted(lambda: tty.setraw(self.input_fd, termios.TCSANOW))
        self._typed_ahead = waiting(self.input_fd)
        known = self.sequences
        mouse = _MOUSE_ON if self._mouse else ""
        keyboard = _KEYBOARD_ON if self._knows_keyboard else ""
        # Undo exactly what was sent on entering, even if `learn` is called later.
        self._leave = (
            f"{_MODES_OFF}{known.clear}{known.normal_cursor}{known.exit_fullscreen}"
            f"{_GIVE_TITLE_BACK}"
        )
        enter = (
            f"{_KEEP_TITLE}{known.enter_fullscreen}{known.hide_cursor}{_MODES_ON}"
            f"{mouse}{keyboard}{known.clear}"
        )
        self._put(enter.encode("ascii"), WRITE_PATIENCE)

    def leave(self) -> None:
        """Leave, and restore everything. Idempotent; ignores a terminal that is gone.

        Also for Ctrl+Z: leave, stop the process, enter, and invalidate the `Screen`.
        May block for a second or two on a stalled terminal.
        """
        self._part(await_answer=False)

    def _part(self, *, await_answer: bool) -> None:
        if not self._entered:
            return
        self._entered = False
        if not self._put(b"", PARTING_PATIENCE):
            self._backlog[:] = _ABORT.encode("ascii")
        keyboard = _KEYBOARD_OFF if self._knows_keyboard else ""
        mouse = _MOUSE_OFF if self._mouse else ""
        leave = f"{self.sequences.normal}{keyboard}{mouse}{self._leave}"
        self._put(self.farewell + leave.encode("ascii"), PARTING_PATIENCE)
        self._backlog.clear()
        self.farewell = b""
        if await_answer:
            self._drop_answer()
        try:
            # Discard unread answers and mouse reports, which would go to the shell. Not
            # with TCSADRAIN, which would block forever on a stalled terminal.
            uninterrupted(lambda: termios.tcflush(self.input_fd, termios.TCIFLUSH))
            saved = self._saved
            if saved is not None:
                uninterrupted(
                    lambda: termios.tcsetattr(self.input_fd, termios.TCSANOW, saved)
                )
        except (OSError, termios.error):
            self._lost = True

    def close(self) -> None:
        """Leave, and close the duplicated file descriptors. Idempotent.

        No thread may read keys at the same time: this reads them until the terminal has
        answered the last query, at most `ANSWER_PATIENCE`.
        """
        self._part(await_answer=True)
        if self._fd >= 0:
            os.close(self._fd)
            os.close(self._keys)
            self._fd = self._keys = -1

    def read(self) -> bytes | None:
        """Read keys. Never blocks if the terminal could be reopened as non-blocking.

        For the thread that reads keys, while another thread may leave and enter. Input
        that arrives after leaving was edited by the terminal's driver, for which Ctrl+D
        is the end of the file, and is not for this program.

        Returns:
            The bytes; None if there are no keys, and empty if the terminal is gone.
        """
        if not self._entered:
            return None
        try:
            data = os.read(self._keys, _CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        if not data:
            return b"" if _is_hung_up(self._keys) else None
        if self._typed_ahead:
            # In line mode the driver has turned Enter into a newline.
            ahead = data[: self._typed_ahead]
            self._typed_ahead -= len(ahead)
            data = ahead.replace(b"\n", b"\r") + data[len(ahead) :]
        return data if self._entered else None

    def set_mouse(self, *, on: bool) -> None:
        """Report the wheel and clicks, or let the mouse select text."""
        if on != self._mouse:
            self._mouse = on
            self.write((_MOUSE_ON if on else _MOUSE_OFF).encode("ascii"))

    def use_keyboard_protocol(self) -> None:
        """Use the kitty keyboard protocol now and whenever the terminal is entered.

        Only for a terminal that has answered that it supports the protocol.
        """
        if not self._knows_keyboard:
            self._knows_keyboard = True
            self.write(_KEYBOARD_ON.encode("ascii"))

    def ask(self, *, background: bool) -> None:
        """Query the terminal; the answers arrive as events.

        `BackgroundColor` and `KeyboardProtocol` come first, if supported, then
        `DeviceAttributes`, after which `note_answer` must be called. Some terminals
        answer nothing.
        """
        asked = f"{_ASK_BACKGROUND if background else ''}{_ASK_KEYBOARD}"
        self._asked = time.monotonic()
        self.write(f"{asked}{_ASK_ATTRIBUTES}".encode("ascii"))

    def note_answer(self) -> None:
        """Record that all queries are answered."""
        self._asked = None

    def answer_due(self) -> float:
        """Return how many seconds an answer may still take; 0 if none is due."""
        if self._asked is None:
            return 0.0
        return max(0.0, self._asked + ANSWER_PATIENCE - time.monotonic())

    def _drop_answer(self) -> None:
        """Read and drop the answers that are due, before the shell reads them."""
        poll = select.poll()
        poll.register(self.input_fd, select.POLLIN)
        read = b""
        while not self._lost and (left := self.answer_due()) > 0:
            if not poll.poll(left * 1000):
                continue
            try:
                data = os.read(self.input_fd, _CHUNK)
            except OSError:
                data = b""
            if not data:
                return
            read = read[-_LONGEST_ANSWER:] + data
            if _ATTRIBUTES.search(read):
                self.note_answer()

    def write(self, data: bytes) -> bool:
        """Write bytes after the backlog; does nothing unless the terminal is entered.

        Blocks for at most `WRITE_PATIENCE` on a slow terminal; unwritten bytes stay in
        the backlog until the next write.

        Returns:
            Whether the backlog is empty.
        """
        return self._put(data, WRITE_PATIENCE) if self._entered else True

    def _put(self, data: bytes, patience: float) -> bool:
        self._backlog += data
        deadline = time.monotonic() + patience
        while self._backlog and not self._lost:
            try:
                written = os.write(self._fd, bytes(self._backlog[:_CHUNK]))
            except BlockingIOError:
                if not self._wait_until_writable(deadline - time.monotonic()):
                    return False
            except OSError:
                self._lost = True
            else:
                del self._backlog[:written]
        if self._lost:
            self._backlog.clear()
        return True

    def _wait_until_writable(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return bool(poll.poll(seconds * 1000))


def _is_hung_up(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(0))


def _own_descriptor(fd: int, access: int) -> int:
    """Reopen a terminal, so that reads and writes never block.

    O_NONBLOCK belongs to the open file description: on a duplicate it would affect the
    standard streams of other processes.
    """
    flags = access | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        own = os.open(os.ttyname(fd), flags)
    except OSError:
        return os.dup(fd)
    if os.fstat(own).st_rdev != os.fstat(fd).st_rdev:
        # In a container the name may belong to another terminal.
        os.close(own)
        return os.dup(fd)
    return own
