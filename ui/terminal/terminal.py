"""The terminal itself: its modes and size, and the bytes written to it.

Entering changes the screen, the keyboard and the line settings; leaving gives all of
it back, any number of times and after any failure. One thread at a time may use
it: the one that reads keys uses only `input_fd`, `entered` and `read`.
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
"""Seconds that a write waits for a terminal that takes nothing."""

PARTING_PATIENCE: Final = 1.0
"""The same for what gives the terminal back."""

ANSWER_PATIENCE: Final = 1.5
"""Seconds in which a terminal answers; what it was asked must not go to the shell."""

_CHUNK: Final = 1 << 16

# Written by hand: blessed sends these only to terminals that have answered a question,
# which some never do, and waits for the answer. Where they are unknown they do nothing.
_KEEP_TITLE, _GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
_MODES_ON: Final = "\x1b[?7l\x1b[?2004h\x1b[?1004h"  # no autowrap, pastes, focus
_MODES_OFF: Final = "\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[?7h"
_MOUSE_ON, _MOUSE_OFF = "\x1b[?1000h\x1b[?1006h", "\x1b[?1006l\x1b[?1000l"
# The kitty keyboard protocol: keys that can be told apart, and where they are.
_KEYBOARD_ON, _KEYBOARD_OFF = "\x1b[>5u", "\x1b[<u"
_ABORT: Final = "\x18"  # ends a sequence that was cut off
_ASK_BACKGROUND, _ASK_KEYBOARD, _ASK_ATTRIBUTES = "\x1b]11;?\x07", "\x1b[?u", "\x1b[c"
_ATTRIBUTES: Final = re.compile(rb"\x1b\[\?[0-9;]*c")
_LONGEST_ANSWER: Final = 256


class Size(msgspec.Struct, frozen=True):
    """How large a screen is, in cells; at least 1 by 1."""

    columns: int
    rows: int


class Terminal:
    """A terminal that can be taken over and given back.

    Args:
        input_fd: Where keys are read; duplicated.
        output_fd: Where it is drawn; duplicated, so it may be redirected later.
        mouse: Whether wheel and clicks are wanted; `set_mouse` changes it.
        encoding: How text is written.

    Attributes:
        input_fd: Where keys are read.
        encoding: How text is written.
        colors: How many colours there are: 0, 8, 16, 256 or `styling.TRUE_COLOR`; until
            `learn` was called only as many as the environment promises.
        sequences: What moves the cursor, clears and so on; the standard's until then.
        styling: Writes styles in these colours.
        multiplexer: `tmux`, `screen` or nothing.
        farewell: Written first when the terminal is left, for what was set beside it.

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
        """Whether the terminal is taken over now."""
        return self._entered

    @property
    def lost(self) -> bool:
        """Whether the terminal has gone away; nothing can be written any more."""
        return self._lost

    @property
    def output_fd(self) -> int:
        """Where it is drawn, even if standard output is something else by now."""
        return self._fd

    @property
    def backlog(self) -> int:
        """Bytes that the terminal has not taken yet."""
        return len(self._backlog)

    @property
    def mouse(self) -> bool:
        """Whether wheel and clicks are reported; the terminal selects text if not."""
        return self._mouse

    def size(self) -> Size:
        """Ask how large the screen is now; 80 by 24 if the terminal can't tell."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            columns, rows = 0, 0
        return Size(columns or 80, rows or 24)

    def learn(self) -> None:
        """Let blessed say how styles are written here, and in how many colours.

        Blocks for a twentieth of a second: blessed takes that long to load. What is
        drawn before is drawn as the standard and the environment have it.
        """
        with open(self._fd, "w", encoding=self.encoding, closefd=False) as stream:
            built, self.colors = build(stream, self.multiplexer)
            self.sequences = learned(built)
        self.styling = Styling(self.sequences, self.colors, built.rgb_downconvert)

    def enter(self) -> None:
        """Take the terminal over: raw keys, a screen of its own. Twice is once.

        Raises:
            termios.error: If it has gone away.
        """
        if self._entered:
            return
        self._saved = uninterrupted(lambda: termios.tcgetattr(self.input_fd))
        self._entered = True
        # What was typed ahead is for the chat, so nothing is flushed.
        uninterrupted(lambda: tty.setraw(self.input_fd, termios.TCSANOW))
        self._typed_ahead = waiting(self.input_fd)
        known = self.sequences
        mouse = _MOUSE_ON if self._mouse else ""
        keyboard = _KEYBOARD_ON if self._knows_keyboard else ""
        # As it was entered, even if more is known by now.
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
        """Give everything back. Twice is once; a terminal that is gone is no error.

        This is for Ctrl+Z too: leave, stop the process, enter, and invalidate the
        `Screen`. May wait a second or two for a terminal that takes nothing.
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
            # Answers and mouse reports that nobody reads would go to the shell. Not
            # TCSADRAIN: it would wait for ever for a terminal that takes nothing.
            uninterrupted(lambda: termios.tcflush(self.input_fd, termios.TCIFLUSH))
            saved = self._saved
            if saved is not None:
                uninterrupted(
                    lambda: termios.tcsetattr(self.input_fd, termios.TCSANOW, saved)
                )
        except (OSError, termios.error):
            self._lost = True

    def close(self) -> None:
        """Leave, and give up the duplicated file descriptors. Twice is once.

        Nobody may read keys any more: it does, for up to `ANSWER_PATIENCE` after the
        terminal was asked, until that has answered.
        """
        self._part(await_answer=True)
        if self._fd >= 0:
            os.close(self._fd)
            os.close(self._keys)
            self._fd = self._keys = -1

    def read(self) -> bytes | None:
        """Return what was typed; never blocks where the terminal can be opened anew.

        For the thread that reads keys, while another one may leave and enter. What is
        read while the terminal is given back has been edited by its driver, to which
        Ctrl+D is the end of a file: none of that is for this program.

        Returns:
            The bytes; None while there are no keys, and empty if the terminal is gone.
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
            # The driver has made a newline of Enter, as it does for all who read lines.
            ahead = data[: self._typed_ahead]
            self._typed_ahead -= len(ahead)
            data = ahead.replace(b"\n", b"\r") + data[len(ahead) :]
        return data if self._entered else None

    def set_mouse(self, *, on: bool) -> None:
        """Let wheel and clicks be reported, or let the terminal select text again."""
        if on != self._mouse:
            self._mouse = on
            self.write((_MOUSE_ON if on else _MOUSE_OFF).encode("ascii"))

    def use_keyboard_protocol(self) -> None:
        """Let keys be reported by the kitty protocol, now and when it is entered again.

        Only for a terminal that has said that it knows it.
        """
        if not self._knows_keyboard:
            self._knows_keyboard = True
            self.write(_KEYBOARD_ON.encode("ascii"))

    def ask(self, *, background: bool) -> None:
        """Ask what the terminal knows; the answers arrive as keys do.

        `BackgroundColor` and `KeyboardProtocol` come first, if the terminal knows
        them, then `DeviceAttributes`, which is to be told by `note_answer`; from some
        terminals none.
        """
        asked = f"{_ASK_BACKGROUND if background else ''}{_ASK_KEYBOARD}"
        self._asked = time.monotonic()
        self.write(f"{asked}{_ASK_ATTRIBUTES}".encode("ascii"))

    def note_answer(self) -> None:
        """Note that all is answered that the terminal was asked."""
        self._asked = None

    def answer_due(self) -> float:
        """Return how many seconds an answer may still take; 0 if none is waited for."""
        if self._asked is None:
            return 0.0
        return max(0.0, self._asked + ANSWER_PATIENCE - time.monotonic())

    def _drop_answer(self) -> None:
        """Read what the terminal still has to answer, before the shell would."""
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
        """Send bytes, after those of the backlog; nothing unless it is taken over.

        Waits at most `WRITE_PATIENCE` for a slow terminal; what it did not take by
        then stays in the backlog, and goes out first with the next write.

        Returns:
            Whether nothing is left in the backlog.
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
    """Open a terminal once more, so that reading and writing never block.

    The flag for that belongs to the open file: on a duplicate it would make the
    standard streams of other processes fail.
    """
    flags = access | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        own = os.open(os.ttyname(fd), flags)
    except OSError:
        return os.dup(fd)
    if os.fstat(own).st_rdev != os.fstat(fd).st_rdev:
        # A container without the terminal's device shows another by that name.
        os.close(own)
        return os.dup(fd)
    return own
