"""The main thread of line mode at a terminal: reads keys and signals."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from ..dialogue.messages import EndOfInput, Keystrokes, Prompt, TypingEnds
from ..program.job_control import continue_last, stop_until_continued
from .input import LineInput
from .joining import CommandInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pykka

    from ..program.wakeup import Wakeup
    from .joining import Input
    from .line_actor import LineActor
    from .owner import Owner
    from .typed_input import TypedInput

ANSWERED_WITHIN: Final = 0.1
"""Seconds after a line during which nothing is read.

If the line ends this program, later input is for the next reader of the terminal.
"""

LOOKS_EVERY: Final = 0.3
"""Seconds between two checks whether this program is in the foreground again.

A running program receives no signal when a shell moves it there.
"""

_STDOUT: Final = 1
_MOST_LINES: Final = 1000
_CONTINUES: Final = "> "


class Typist:
    """Passes typed keys and the finished lines on to the LineActor.

    The actor edits and shows the line, since only it writes to the terminal. Finished
    lines come back here, because checking with bash whether a command continues may
    block, and an actor must not.
    """

    def __init__(
        self,
        ui: pykka.ActorRef[LineActor],
        owner: Owner,
        wakeup: Wakeup,
        terminal: TypedInput,
    ) -> None:
        self._ui = ui
        self._owner = owner
        self._wakeup = wakeup
        self._terminal = terminal
        self._source = LineInput(terminal.fd)
        self._commands = CommandInput()
        self._ready: deque[Input] = deque()
        self._open = True
        self._wanted = True
        self._in_background = False
        self._asked: float | None = None
        self._ended_by: int | None = None

    def run(self) -> int | None:
        """Read until the session ends; return the signal that asked for it, if any."""
        with self._wakeup.hearing(signal.SIGTSTP, signal.SIGCONT):
            self._enter()
            try:
                while not self._is_over:
                    self._pass_on()
                    self._wait()
            finally:
                self._ui.tell(TypingEnds())
                self._terminal.leave()
        # A terminal that can't be written to is gone, even without a SIGHUP.
        gone = signal.SIGHUP if self._owner.lost is not None else None
        return self._ended_by or gone

    @property
    def _is_over(self) -> bool:
        owner = self._owner
        return owner.finished or owner.lost is not None or self._ended_by is not None

    def _wait(self) -> None:
        """Wait for a signal or input, and handle it."""
        timeout = None
        if self._asked is not None:
            timeout = self._asked + ANSWERED_WITHIN - time.monotonic()
        if timeout is not None and timeout <= 0:
            timeout = self._asked = None
        if self._is_in_background():
            timeout = LOOKS_EVERY if timeout is None else min(timeout, LOOKS_EVERY)
        reads = not self._in_background and self._open and self._asked is None
        reads = reads and len(self._ready) < _MOST_LINES
        readable, signals = self._wakeup.wait(
            *([self._terminal.fd] if reads else []), timeout=timeout
        )
        if signals:
            self._take_signals(signals)
        elif readable:
            self._read()

    def _is_in_background(self) -> bool:
        """Return whether another program has the foreground, and so the input."""
        before = self._in_background
        self._in_background = not self._terminal.in_foreground
        if before and not self._in_background:
            self._enter()
        return self._in_background

    def _pass_on(self) -> None:
        """Send the finished lines to the actor, one for each request."""
        if self._owner.take_input_request():
            self._wanted, self._asked = True, None
        while self._owner.typed:
            typed = self._owner.typed.popleft()
            for line in typed.lines:
                self._join(self._source.take(line + b"\n"))
            if typed.ended:
                self._join(self._source.take(b""))
        while self._wanted and self._ready:
            message = self._ready.popleft()
            self._wanted, self._asked = False, time.monotonic()
            self._ui.tell(message)

    def _join(self, found: Iterable[Input]) -> None:
        complete = self._commands.take(found)
        self._ready += complete
        self._open = self._open and not any(
            isinstance(message, EndOfInput) for message in complete
        )
        if not self._commands.is_unfinished:
            return
        self._asked = None
        if self._terminal.entered:
            self._ui.tell(Prompt(_CONTINUES))
        else:
            os.write(_STDOUT, _CONTINUES.encode())

    def _read(self) -> None:
        if self._is_in_background():
            return
        if not self._terminal.entered:
            self._enter()
        if not self._terminal.entered:
            self._join(self._source.read())
            return
        data = self._terminal.read()
        if not data:
            # The terminal is gone.
            self._ended_by = signal.SIGHUP
            return
        if self._terminal.ends_line(data):
            self._asked = time.monotonic()
        self._ui.tell(Keystrokes(data))

    def _take_signals(self, numbers: Iterable[int]) -> None:
        for number in continue_last(numbers):
            if self._ended_by is not None:
                return
            match number:
                case signal.SIGTSTP:
                    self._terminal.leave()
                    signals = stop_until_continued(self._wakeup)
                    self._take_signals((*signals, signal.SIGCONT))
                case signal.SIGCONT:
                    self._enter()
                case signal.SIGINT if self._commands.is_unfinished:
                    # As in a shell, Ctrl+C discards the unfinished command.
                    self._commands.drop()
                    self._ui.tell(TypingEnds())
                case _:
                    self._ended_by = number

    def _enter(self) -> None:
        self._terminal.enter()
        if self._terminal.entered:
            self._ui.tell(self._terminal.keys)
