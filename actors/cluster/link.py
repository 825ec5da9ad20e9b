"""The connection to the process of an engine, which this module starts."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from ..kinds import JobEnd, JobNote
from ..processes.marks import MARK, SESSION
from ..rules.safe_text import safe_line
from ..runtime.frames import FrameError, FrameReader, frame
from ..runtime.sending import call_safely
from ..runtime.socket_writer import SocketWriter, close_socket
from .ray_settings import SEND
from .remote_job import fail
from .wire import (
    LONGEST,
    AskNodes,
    Began,
    Close,
    Ended,
    Gone,
    NodesSeen,
    Ready,
    ToEngine,
    Took,
    Waits,
    decode_from_engine,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..rules.nodes import Node
    from .remote_job import RemoteJob

_CLOSE_TIMEOUT: Final = 5.0
_END_TIMEOUT: Final = 10.0
_READ: Final = 1 << 18

STAYS: Final = frozenset({MARK, SESSION, SEND})
"""Variables that are passed neither to the process nor to jobs."""


class Link:
    """One process of an engine, and the jobs given to it.

    Args:
        name: The name of the engine.
        argv: The command of the process.
        settings: Its settings.
        over: Called with its jobs and the reason of its death, if another process can
            adopt them.
        before: Why the previous process died, whose jobs this one adopts.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        settings: bytes,
        over: Callable[[list[RemoteJob], str], object],
        before: str = "",
    ) -> None:
        self._name = name
        self._over = over
        self._before = before
        self._is_ready = False
        self._closes = False
        self._jobs: dict[str, RemoteJob] = {}
        self._asked: list[Callable[[tuple[Node, ...], str], object]] = []
        self._why = ""
        # Guards the jobs against a concurrent end of the process.
        self._changed = threading.Lock()
        ours, theirs = socket.socketpair()
        self._sock = ours
        import subprocess  # noqa: PLC0415 - the same
        from tempfile import TemporaryFile  # noqa: PLC0415 - most hosts start none

        self._gave_up = subprocess.TimeoutExpired
        self._errors = TemporaryFile()  # noqa: SIM115 - as long as the process
        environment = {k: v for k, v in os.environ.items() if k not in STAYS}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [*argv, str(theirs.fileno())],
                    stdin=subprocess.PIPE,
                    stdout=self._errors,
                    stderr=self._errors,
                    pass_fds=(theirs.fileno(),),
                    env=environment,
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            self._errors.close()
            raise
        given = self._process.stdin
        assert given is not None  # noqa: S101 - asked for above
        with contextlib.suppress(OSError):
            given.write(settings)
            given.close()
        self._writer = SocketWriter(ours, lambda: None)
        threading.Thread(
            target=self._read, name=f"backburner-{name}", daemon=True
        ).start()

    @property
    def is_over(self) -> bool:
        """Whether the process is gone, or about to end."""
        return bool(self._why)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def give(self, job: RemoteJob) -> str:
        """Send a job to the process; return the reason if it is gone."""
        with self._changed:
            if self._why:
                return self._why
            self._jobs[job.run.job] = job
        job.given(self)
        return ""

    def send(self, message: ToEngine) -> None:
        """Send a message; never blocks."""
        self._writer.send(frame(encode(message)))

    def ask(self, tell: Callable[[tuple[Node, ...], str], object]) -> None:
        """Request the nodes; report the reason if the process is gone."""
        with self._changed:
            if not self._why:
                self._asked.append(tell)
                self.send(AskNodes())
                return
        tell((), self._why)

    def forget(self, number: str) -> None:
        """Ignore further messages about a job."""
        with self._changed:
            self._jobs.pop(number, None)

    def close(self) -> None:
        """End the process, with all its jobs; blocks until it is gone."""
        self._closes = True
        self.send(Close())
        self._writer.wait_below(1, _CLOSE_TIMEOUT)
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._end_process(_END_TIMEOUT)
        close_socket(self._sock)

    def _read(self) -> None:
        frames = FrameReader(LONGEST)
        why = ""
        try:
            while data := self._sock.recv(_READ):
                for payload in frames.feed(data):
                    message = decode_from_engine(payload)
                    if isinstance(message, Gone):
                        why = message.text
                    else:
                        self._take(message)
        except OSError:
            pass  # it has ended
        except (FrameError, msgspec.MsgspecError) as error:
            why = why or f"the engine {self._name} sent an invalid message: {error}"
        self._fail(why)

    def _take(self, message: Ready | Waits | Began | Took | Ended | NodesSeen) -> None:
        match message:
            case Ready():
                self._is_ready = True
            case Waits(job=number, why=why):
                if (job := self._jobs.get(number)) is not None:
                    call_safely(lambda: job.told(JobNote(why)))
            case Began(job=number, node=node):
                if (job := self._jobs.get(number)) is not None:
                    call_safely(lambda: job.told(JobNote(node=node)))
            case Took(job=number, intake=intake):
                if (job := self._jobs.get(number)) is not None:
                    job.took(intake)
            case Ended(job=number, outcome=outcome, leftover=leftover):
                with self._changed:
                    job = self._jobs.pop(number, None)
                if job is not None:
                    end = JobEnd(outcome, leftover)
                    call_safely(lambda: job.ended(end))
            case NodesSeen(nodes=nodes):
                with self._changed:
                    asked, self._asked = self._asked, []
                for tell in asked:
                    tell(nodes, "")

    def _fail(self, why: str) -> None:
        """Report the death of the process to every job."""
        can_go_on = not why and self._is_ready and not self._closes
        if not why:
            with contextlib.suppress(self._gave_up):
                self._process.wait(_CLOSE_TIMEOUT)
            why = self._died()
        if self._before and not self._is_ready:
            why = f"{self._before}; {why}"
        with self._changed:
            self._why = why
            jobs, self._jobs = self._jobs, {}
            asked, self._asked = self._asked, []
        self._writer.close()
        close_socket(self._sock)
        if can_go_on and jobs:
            self._over([*jobs.values()], why)
        else:
            fail(jobs.values(), why)
        for tell in asked:
            tell((), why)
        self._end_process(_CLOSE_TIMEOUT)
        self._errors.close()

    def _end_process(self, timeout: float) -> None:
        """Wait for the process to end; kill it after the timeout."""
        try:
            self._process.wait(timeout)
        except self._gave_up:
            self._process.kill()
            self._process.wait()

    def _died(self) -> str:
        status = self._process.returncode
        how = "does not answer"
        if status is not None:
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if status is None or status < 0:
            return f"the process of the engine {self._name} ended ({how})"
        with contextlib.suppress(OSError, ValueError):
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 4096))
            lines = self._errors.read().decode("utf-8", "replace").splitlines()
            last = next((it for it in reversed(lines) if it.strip()), "")
            if last:
                how = f"{how}: {safe_line(last.strip())}"
        return f"the process of the engine {self._name} ended ({how})"
