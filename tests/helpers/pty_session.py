"""A real program on a real pseudo-terminal, and its screen."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil
import pyte
from patience import PATIENCE
from template import Forked, can_fork, template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LONGEST_BEGUN: Final = 4096  # bytes
_LAST_WORDS: Final = 3.0  # before the test itself times out

# pyte would print the payload of these sequences, or take them for others.
_NOT_FOR_PYTE: Final = re.compile(
    rb"\x1b[P_^X][^\x1b\x07]*(?:\x1b\\|\x07)|\x1b\[[<>=][0-9;]*[A-Za-z]"
    rb"|\x1b\[\?[0-9;]*(?:m|u|\$p)"
)

# A sequence continued in the next read; without its start it would not be removed.
_BEGUN: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[P_^X][^\x1b\x07]*\x1b?)?\Z")

# A session of its own makes the terminal send signals, and allows Ctrl+Z.
_TAKE_TERMINAL: Final = (
    "import fcntl, os, sys, termios;"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


ATTRIBUTES_ONLY: Final = {b"\x1b[c": b"\x1b[?62;22c"}
"""The answer of nearly every terminal to the query of its attributes."""


class PtySession:
    """Runs a program on a terminal of its own.

    Args:
        arguments: The program and its arguments.
        columns: The width of the terminal.
        rows: The height of the terminal.
        environ: Added to the environment.
        cwd: Its directory; by default that of this process.
        answers: What the terminal answers, by what it is asked; a terminal without any
            says nothing.
        start: Whether to start `backburner`, or `python -c`, instead of forking it.
    """

    def __init__(  # noqa: PLR0913 - what a terminal has
        self,
        arguments: Sequence[str],
        *,
        columns: int = 100,
        rows: int = 30,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        answers: Mapping[bytes, bytes] = ATTRIBUTES_ONLY,
        start: bool = False,
    ) -> None:
        self.raw = bytearray()
        self._answers = answers
        self._answered = 0
        self._begun = b""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = os.openpty()
        self._name = os.ttyname(slave)
        self._set_size(columns, rows)
        self._modes_before = self.modes
        unwanted = {"NO_COLOR", "TMUX", "STY", "COLORTERM"}
        env = {key: value for key, value in os.environ.items() if key not in unwanted}
        env.update({"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
        env["PYTHONFAULTHANDLER"] = "1"  # for the autopsy
        env.update(environ or {})
        self.process: subprocess.Popen[bytes] | Forked
        if not start and can_fork(arguments, env, own=True):
            self.process = template().fork(
                arguments, env, dict.fromkeys((0, 1, 2), slave), cwd=cwd, terminal=True
            )
        else:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-IS",  # without `site` it loads a third less
                    "-c",
                    _TAKE_TERMINAL,
                    *arguments,
                ],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A killed program can't end its jobs, and some would fill the disk.
        left: list[subprocess.Popen[bytes] | Forked | psutil.Process] = [self.process]
        with contextlib.suppress(
            psutil.NoSuchProcess
        ):  # the job may be ending just now
            left += psutil.Process(self.process.pid).children(recursive=True)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does; not twice."""
        master, self._master = self._master, -1
        if master >= 0:
            os.close(master)

    @property
    def master(self) -> int:
        """The side of the terminal with the screen and the keyboard."""
        return self._master

    @property
    def modes(self) -> list[object]:
        """The current input, output and control modes of the terminal."""
        return termios.tcgetattr(self._master)[:4]

    @property
    def modes_before(self) -> list[object]:
        """The modes before the program was started."""
        return self._modes_before

    @property
    def screen(self) -> pyte.Screen:
        """The screen, with the styles of its cells."""
        return self._screen

    @property
    def lines(self) -> list[str]:
        """The rows of the screen."""
        # Not pyte's `display`, which fails where half of a wide character was
        # overwritten.
        buffer, columns = self._screen.buffer, range(self._screen.columns)
        return [
            "".join(buffer[y][x].data for x in columns).rstrip()
            for y in range(self._screen.lines)
        ]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor."""
        return self._screen.cursor.y, self._screen.cursor.x

    def send(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def flood(self, text: str) -> None:
        """Send much text as fast as it is accepted, and read the output."""
        self.flood_bytes(text.encode())

    def flood_bytes(self, data: bytes) -> None:
        """Send bytes as `flood` does, while the program lives."""
        while data and self.process.poll() is None:
            _, writable, _ = select.select([], [self._master], [], 0.01)
            if writable:
                data = data[os.write(self._master, data[:1024]) :]
            while self.read(0.0, drain=True):
                pass

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._set_size(columns, rows)
        self._screen.resize(rows, columns)

    def wait(self, *wanted: str | Callable[[], bool]) -> None:
        """Read until the screen shows texts, and conditions hold.

        Raises:
            AssertionError: If not, with the screen.
        """
        end = time.monotonic() + PATIENCE
        while not all(w in self.text if isinstance(w, str) else w() for w in wanted):
            if time.monotonic() > end or not self.read(0.1):
                if all(w in self.text if isinstance(w, str) else w() for w in wanted):
                    return
                raise AssertionError(
                    f"no {wanted!r} on the screen:\n{self.text}\n{self._autopsy()}"
                )

    def wait_taken(self) -> None:
        """Read until the program has read all typed text."""
        slave = os.open(self._name, os.O_RDONLY | os.O_NOCTTY)
        nothing = bytes(struct.calcsize("i"))
        try:
            self.wait(lambda: fcntl.ioctl(slave, termios.FIONREAD, nothing) == nothing)
        finally:
            os.close(slave)

    def press_until(self, keys: str, *wanted: str) -> None:
        """Press keys repeatedly until the screen shows texts."""

        def shown() -> bool:
            done = all(text in self.text for text in wanted)
            if not done:
                self.send(keys)
            return done

        self.wait(shown)

    def wait_gone(self, text: str) -> None:
        """Read until the screen no longer shows a text."""
        self.wait(lambda: text not in self.text)

    def wait_exit(self) -> int:
        """Read until the program has ended; return its exit status."""
        end = time.monotonic() + PATIENCE
        while (status := self.process.poll()) is None:
            if time.monotonic() > end:
                raise AssertionError(
                    f"the program goes on:\n{self.text}\n{self._autopsy()}"
                )
            self.read(0.05)
        while self.read(0.0, drain=True):
            pass
        return status

    def read(self, timeout: float, *, drain: bool = False) -> bool:
        """Read the pending output; return whether more may follow."""
        ready, _, _ = select.select([self._master], [], [], timeout)
        if not ready:
            return not drain
        try:
            data = os.read(self._master, 1 << 16)
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        self.raw += data
        self._show(data)
        self._answer()
        return bool(data)

    def _show(self, data: bytes) -> None:
        data = self._begun + data
        found = _BEGUN.search(data, max(0, len(data) - _LONGEST_BEGUN))
        end = found.start() if found else len(data)
        self._begun = data[end:]
        self._stream.feed(_NOT_FOR_PYTE.sub(b"", data[:end]))

    def _answer(self) -> None:
        for question, answer in self._answers.items():
            at = self.raw.find(question, self._answered)
            if at >= 0:
                self._answered = at + len(question)
                os.write(self._master, answer)

    def _autopsy(self) -> str:
        """Kill a program that hangs; return its stacks."""
        if self.process.poll() is not None:
            return f"exit status {self.process.returncode}"
        process = Path(f"/proc/{self.process.pid}")
        waits: list[str] = []
        errors = Path(os.devnull)
        # The program may end at this very moment.
        with contextlib.suppress(OSError):
            errors = (process / "fd/2").readlink()
            threads = sorted(process.glob("task/*"))
            waits.extend((thread / "wchan").read_text() for thread in threads)
        heard = len(self.raw)
        self.process.send_signal(signal.SIGABRT)
        end = time.monotonic() + _LAST_WORDS
        while time.monotonic() < end and self.read(0.1):
            pass
        output = bytes(self.raw[heard:])
        if errors.is_file():
            output += errors.read_bytes()
        stacks = output.decode(errors="replace").replace("\r", "")
        return f"it was running; its threads were in {waits}:\n{stacks}"

    def _set_size(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)


def chat_command(state: Path, *options: str, host: bool | None = False) -> list[str]:
    """Return the command that opens the chat.

    Args:
        state: The state directory.
        options: More options.
        host: Whether the session lives in its host; None for what the program does if
            nothing is said of it.
    """
    where = {True: ["--host"], False: ["--no-host"], None: []}[host]
    program = [sys.executable, "-m", "backburner", *where]
    return [*program, "--state-dir", str(state), *options]
