"""The real program in line mode, started, fed, killed and read by these tests."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

import msgspec
import psutil
import pytest
from backburner.actors import Task, TaskEvent
from conditions import until
from patience import PATIENCE
from process_ends import marked, with_arguments
from template import Forked, popen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SOAK: Final = os.environ.get("BACKBURNER_SOAK", "") not in {"", "0"}
"""Whether the long form of the tests was requested."""

soak_only: Final = pytest.mark.skipif(not SOAK, reason="in the long form: make soak")

COMMAND: Final = Path(sys.executable).parent / "backburner"
SLOW: Final = ": this takes longer than usual"
"""The end of the line that a slow start prints on a busy machine."""

_LONGEST_ERRORS: Final = 1 << 20
# A page of a pipe holds only whole small writes; the rest of it stays empty.
_FULL: Final = 2 / 3
TAG: Final = "BACKBURNER_FAULT_TEST"
"""An environment variable that the program and all its descendants inherit."""


def without_slow(text: str) -> str:
    """Return the stderr of a program without the notes about a busy machine."""
    return "".join(it for it in text.splitlines(keepends=True) if SLOW not in it)


class Line(msgspec.Struct, frozen=True):
    """One line of the program's output."""

    event: str
    seq: int = 0
    task: Task | None = None
    text: str = ""
    ending: tuple[int, ...] = ()
    not_started: tuple[int, ...] = ()


_decode = msgspec.json.Decoder(Line).decode


class Program:
    """A running `backburner --plain --json`.

    Args:
        state: The state directory.
        options: More options of its command line.
        environment: More of its environment.
        before: A program and arguments that start it, `["nice"]` for example.
        directory: Where it is started; here by default.
        read: Whether its output is read as it comes.
    """

    def __init__(
        self,
        state: Path,
        *options: str,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        before: Sequence[str] = (),
        read: bool = True,
    ) -> None:
        self.tag = uuid.uuid4().hex
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        command = [str(COMMAND), "--plain", "--json", "--state-dir", str(state)]
        env = {**os.environ, **(environment or {}), TAG: self.tag}
        self.process = start(
            [*before, *command, *options], env, self._errors, directory
        )
        self.lines: list[Line] = []
        self._more = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        if read:
            self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for process in self.left():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._errors.close()

    def send(self, *lines: str) -> None:
        """Type lines."""
        self.send_raw("".join(f"{line}\n" for line in lines).encode())

    def send_raw(self, data: bytes) -> None:
        """Type any bytes."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def close_input(self) -> None:
        """Close its input."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def wait_for(self, matches: Callable[[Line], bool]) -> Line:
        """Wait for the first line that matches, and return it."""
        seen = 0
        end = time.monotonic() + PATIENCE
        with self._more:
            while True:
                for line in self.lines[seen:]:
                    if matches(line):
                        return line
                seen = len(self.lines)
                if self._ended:
                    raise AssertionError(f"it ended: {self.errors()}\n{self.lines}")
                if not self._more.wait(end - time.monotonic()):
                    raise TimeoutError(f"still waiting: {self.errors()}\n{self.lines}")

    def wait_until(self, matches: Callable[[Line], bool]) -> None:
        """Wait until a line matches or the program has ended."""
        with contextlib.suppress(AssertionError):
            self.wait_for(matches)
        if self._ended:
            self.process.wait(PATIENCE)

    def wait_for_event(self, event: TaskEvent, task_id: int) -> Task:
        """Return a task as the line of this event shows it."""
        line = self.wait_for(
            lambda it: (
                it.task is not None and (it.event, it.task.id) == (event, task_id)
            )
        )
        assert line.task is not None
        return line.task

    def wait_for_end(self, task_id: int) -> Task:
        """Return a task as the line of its end shows it."""
        line = self.wait_for(
            lambda it: (
                it.task is not None
                and it.task.id == task_id
                and it.task.status.is_final
            )
        )
        assert line.task is not None
        return line.task

    def forget_lines(self) -> None:
        """Forget all lines so far."""
        with self._more:
            self.lines.clear()

    def wait_until_full(self) -> None:
        """Wait until its output pipe is full; for a program whose output isn't read."""
        pipe = Path(f"/proc/{self.process.pid}/fd/1")
        until(lambda: not _is_writable(pipe), "a full pipe")

    def last_states(self) -> dict[int, Task]:
        """Return the last announced state of every task."""
        return {line.task.id: line.task for line in list(self.lines) if line.task}

    def texts(self, event: str) -> list[str]:
        """Return the texts of all its `reply` or `error` lines."""
        return [line.text for line in list(self.lines) if line.event == event]

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the program but not its tasks, and read its remaining output."""
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Wait for its end, read its remaining output, and return its exit status."""
        status = self.process.wait(PATIENCE)
        if self._reader.ident is not None:
            # A child that is just being forked may hold the pipe a moment longer.
            self._reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        return status

    def errors(self) -> str:
        """Return its stderr without the notes about a busy machine."""
        text = os.pread(self._errors.fileno(), _LONGEST_ERRORS, 0).decode()
        return without_slow(text)

    def left(self) -> list[psutil.Process]:
        """Return all running processes that descend from it."""
        return tagged(self.tag)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            if raw.endswith(b"\n"):  # a line cut off by a kill was not announced
                with self._more:
                    self.lines.append(_decode(raw))
                    self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()


def start(
    command: Sequence[str],
    env: Mapping[str, str],
    errors: IO[bytes],
    directory: Path | None = None,
) -> subprocess.Popen[bytes] | Forked:
    """Run the program, in a fork if that makes no difference."""
    return popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        cwd=directory,
        env=env,
    )


def _is_writable(pipe: Path) -> bool:
    fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        return bool(select.select([], [fd], [], 0)[1])
    finally:
        os.close(fd)


def tagged(value: str, name: str = TAG) -> list[psutil.Process]:
    """Return the running processes with this text in an environment variable."""
    return marked(name, value)


def fill(mount: Path, left: int = 0) -> None:
    """Fill a small disk with a file `filler`, except for `left` bytes."""
    filler = mount / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    os.truncate(filler, max(0, filler.stat().st_size - left))


def running_as(text: str) -> list[psutil.Process]:
    """Return the running processes named `sleep` with this text in their arguments."""
    return with_arguments(lambda it: it[0] == "sleep" and text in " ".join(it))


def until_running(text: str, count: int) -> None:
    """Wait for so many processes that `running_as` finds."""
    until(lambda: len(running_as(text)) >= count, f"{count} processes of {text}")
