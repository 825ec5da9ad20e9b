"""The chat's responsiveness: the time to the first frame, and of an echoed key."""

from __future__ import annotations

import contextlib
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
from typing import TYPE_CHECKING

import psutil

from .figures import Figure, Report, median, percentile
from .start import environment, program
from .systems import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

COLUMNS, ROWS = 200, 60
STARTS = 11
KEYS = 500
# Letters that are not on the screen otherwise.
LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
IDLE_SECONDS = 20
NOTIFICATIONS = 2000
PLACEHOLDER = "A note to yourself"
FLOOD = "yes | head -c 3G; sleep 600"
BARE_ECHO = f"""
import os, tty
tty.setraw(0)
os.write(1, b"{PLACEHOLDER}")
while True:
    os.write(1, os.read(0, 4096))
"""
_PATIENCE = 20.0
_SEQUENCE = re.compile(rb"\x1b\[[0-9;?:]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def measure(folder: Path) -> Report:
    """Measure on a real pseudo-terminal, with continuous typing."""
    starts = [_first_frame(folder, number) * 1000 for number in range(STARTS)]
    first = median(starts)
    return Report(
        figures=(
            Figure(
                "from start to first frame of the chat",
                "150 ms",
                f"median {first:.0f} ms, least {min(starts):.0f} ms",
                first <= 150,
            ),
            *_idle(folder),
            _echo("from key to echo, nothing running", quiet(folder, "quiet"), jobs=0),
            _bare_echo(folder),
            _echo("from key to echo, 4 x `yes`", quiet(folder, "yes"), jobs=4),
            _echo(
                f"from key to echo, {NOTIFICATIONS:,} notifications/s", _busy(folder)
            ),
            _echo(
                f"from key to echo, 4 x `yes` and {NOTIFICATIONS:,} notifications/s",
                _busy(folder, "both"),
                jobs=4,
            ),
        )
    )


class Keyboard:
    """A program on a pseudo-terminal, with simulated typing.

    Args:
        argv: The program and its arguments.
        folder: The cache of compiled modules.
    """

    def __init__(self, argv: Sequence[str], folder: Path) -> None:
        self.master, slave = os.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(folder),
            start_new_session=True,
        )
        os.close(slave)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def type_until(self, text: str, done: Callable[[], bool]) -> None:
        """Type a long text, and read the output until a condition is true.

        Raises:
            TimeoutError: If it does not become true.
        """
        left = text.encode()
        os.set_blocking(self.master, False)
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError("what was typed has not led to anything")
            readable, writable, _ = select.select(
                [self.master], [self.master] if left else [], [], 0.005
            )
            if readable:
                os.read(self.master, 1 << 16)
            if writable:
                left = left[os.write(self.master, left[:1024]) :]

    def wait_for(self, text: str) -> None:
        """Read until a text appears.

        Raises:
            TimeoutError: If it does not.
        """
        seen = b""
        deadline = time.monotonic() + _PATIENCE
        while text.encode() not in _SEQUENCE.sub(b"", seen):
            part = self.read(deadline - time.monotonic())
            if not part:
                raise TimeoutError(f"no {text!r} on the screen")
            seen += part

    def read(self, timeout: float) -> bytes:
        """Read available output; return nothing on a timeout."""
        ready, _, _ = select.select([self.master], [], [], max(0.0, timeout))
        return os.read(self.master, 1 << 16) if ready else b""

    def close(self) -> None:
        """Leave the program."""
        with contextlib.suppress(psutil.NoSuchProcess):
            left = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait()
        os.close(self.master)


@contextlib.contextmanager
def typing(argv: Sequence[str], folder: Path) -> Generator[Keyboard]:
    """Run a program on a pseudo-terminal, and kill it at the end."""
    keyboard = Keyboard(argv, folder)
    try:
        yield keyboard
    finally:
        keyboard.close()


def quiet(folder: Path, name: str) -> tuple[list[str], Path]:
    """Return the arguments of `typing` for a chat with a new session."""
    return [program(), "--no-host", "--state-dir", str(folder / name)], folder


def _busy(folder: Path, name: str = "busy") -> tuple[list[str], Path]:
    per_second = str(NOTIFICATIONS)
    argv = [sys.executable, "-m", "bench.busy_chat", str(folder / name), per_second]
    return argv, folder


def _first_frame(folder: Path, number: int) -> float:
    begun = time.perf_counter()
    with typing(*quiet(folder, f"first-{number}")) as keyboard:
        keyboard.wait_for(PLACEHOLDER)
        return time.perf_counter() - begun


def _idle(folder: Path) -> tuple[Figure, ...]:
    with typing(*quiet(folder, "idle")) as keyboard:
        keyboard.wait_for(PLACEHOLDER)
        process = psutil.Process(keyboard.process.pid)
        while keyboard.read(1.0):
            pass
        before = process.cpu_times()
        written = keyboard.read(IDLE_SECONDS)
        after = process.cpu_times()
    ticks = round((after.user + after.system - before.user - before.system) * 100)
    what = f"idle chat for {IDLE_SECONDS} s"
    return (
        Figure(f"{what}: CPU time", "0 ticks", f"{ticks} ticks", ticks == 0),
        Figure(f"{what}: bytes", "none", f"{len(written)}", not written),
    )


def _echo(what: str, command: tuple[list[str], Path], jobs: int = 0) -> Figure:
    with typing(*command) as keyboard:
        keyboard.wait_for(PLACEHOLDER)
        for _ in range(jobs):
            keyboard.type(f"!{FLOOD}\r")
            time.sleep(0.2)
        return echoes(what, keyboard)


def echoes(what: str, keyboard: Keyboard) -> Figure:
    """Press keys one by one, and measure the time until each is on the screen."""
    _settle(keyboard)
    times = [_key(keyboard, number) * 1000 for number in range(KEYS)]
    worst = percentile(times, 99)
    return Figure(what, "p99 16 ms", _both(times), worst < 16)


def _both(times: list[float]) -> str:
    return f"median {median(times):.1f} ms, p99 {percentile(times, 99):.1f} ms"


def _bare_echo(folder: Path) -> Figure:
    """Measure the echo of a minimal program, as a baseline."""
    jobs = [
        subprocess.Popen(
            ["bash", "-c", f"({FLOOD}) > {folder}/flood-{number}"],
            start_new_session=True,
        )
        for number in range(4)
    ]
    try:
        with typing([sys.executable, "-c", BARE_ECHO], folder) as keyboard:
            keyboard.wait_for(PLACEHOLDER)
            _settle(keyboard)
            times = [_key(keyboard, number) * 1000 for number in range(KEYS)]
    finally:
        for job in jobs:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
    what = "for comparison: a program that only echoes, 4 x `yes`"
    return Figure(what, "", _both(times))


def _settle(keyboard: Keyboard) -> None:
    deadline = time.monotonic() + 1
    while (left := deadline - time.monotonic()) > 0:
        keyboard.read(left)


def _key(keyboard: Keyboard, number: int) -> float:
    """Press a key; return the seconds until it is on the screen."""
    letter = LETTERS[number % len(LETTERS)]
    if number % len(LETTERS) == 0:
        keyboard.type("\x15")  # erases the line, so that each letter is new on it
        _read_for(keyboard, 0.05)
    begun = time.perf_counter()
    keyboard.type(letter)
    seen = b""
    while letter.encode() not in seen:
        part = keyboard.read(_PATIENCE)
        if not part:
            raise TimeoutError(f"no {letter!r} on the screen")
        seen += part
    seconds = time.perf_counter() - begun
    _read_for(keyboard, 0.02)
    return seconds


def _read_for(keyboard: Keyboard, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        keyboard.read(left)
