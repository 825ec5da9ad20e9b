"""An engine in a process of its own, as the session that gives it jobs sees it."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ..kinds import JobEnd, JobNote, NotingJob, ShortageError, StartError
from ..processes.marks import MARK, SESSION
from ..rules.outcome import Outcome
from ..rules.safe_text import safe_line
from ..rules.shortage import WAITS_FOR
from ..rules.terms import PLAIN
from ..runtime.frames import FrameError, FrameReader, frame
from ..runtime.promise import Promise
from ..runtime.sending import call_safely
from ..runtime.socket_writer import SocketWriter, close_socket
from .input import RemoteChannel
from .ray_settings import SEND, RaySettings, Stay
from .wire import (
    LONGEST,
    AskNodes,
    Began,
    Close,
    Ended,
    Gone,
    Halt,
    Intake,
    KillJob,
    NodesSeen,
    Ready,
    Run,
    StopJob,
    ToEngine,
    Took,
    Waits,
    decode_from_engine,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..kinds import Command, JobContext
    from ..rules.nodes import Node
    from .fake import FakeSettings
    from .ray_settings import ClusterSettings

WAITING: Final = JobNote("waiting for the cluster")

LAST_WAIT: Final = 20.0
"""Seconds after which a job that was killed and does not end is given up."""

SENT: Final = ("LANG", "LC_*", "TZ", "PYTHONUNBUFFERED", "BACKBURNER_*")
"""Names of the environment variables that travel with a job; `*` is any letters."""

_CLOSE_TIMEOUT: Final = 5.0
_END_TIMEOUT: Final = 10.0
_READ: Final = 1 << 18
_STAYS: Final = frozenset({MARK, SESSION, SEND})


class RemoteJob(NotingJob):
    """A job that the process of an engine runs."""

    def __init__(self, run: Run, context: JobContext) -> None:
        self.channel = run.input and RemoteChannel(run.job, run.input, self._send)
        """What leads to its input, if it takes any; see `TakesInput`."""
        self.run = run
        self._number = run.job
        self._link: _Link | None = None
        self._context = context
        has_begun = run.before == "began" and run.node
        self._note = JobNote(node=run.node) if has_begun else WAITING
        self._paused = self._stopped = self._killed = False
        self._end: JobEnd | None = None
        self._gives_up: float | None = None

    def look(self) -> JobEnd | None:
        """Return its end, if the engine has told that, or is gone."""
        if self._end is None and self._gives_up is not None:
            now = self._context.clock.now().monotonic
            if now >= self._gives_up:
                if self._link is not None:
                    self._link.forget(self._number)
                where = self._note.node or "the engine"
                text = f"{where} did not answer after it was to be killed"
                self._end = JobEnd(Outcome.failed(text), leftover=text)
        return self._end

    def note(self) -> JobNote:
        """Return why it waits, or where it runs."""
        return self._note

    def progress(self) -> None:
        """Know nothing; its output may."""

    def pid(self) -> None:
        """Have no process on this machine."""

    def pause(self) -> None:
        """Have the engine stop its processes; it does not start meanwhile."""
        self._paused = True
        self._send(Halt(self._number, paused=True))

    def resume(self) -> None:
        """Let it go on."""
        self._paused = False
        self._send(Halt(self._number, paused=False))

    def stop(self) -> None:
        """Have the engine ask it to end."""
        self._stopped = True
        self._send(StopJob(self._number))

    def kill(self) -> None:
        """Have the engine kill it; give it up if nothing comes of that."""
        self._killed = True
        self._send(KillJob(self._number))
        clock = self._context.clock
        self._gives_up = clock.now().monotonic + LAST_WAIT
        clock.call_later(LAST_WAIT, self._context.look)

    def given(self, link: _Link) -> None:
        """Have a process of the engine run it, and know all that it was told before."""
        self._link = link
        link.send(self.run)
        if self._paused:
            self.pause()
        if self._killed:
            link.send(KillJob(self._number))
        elif self._stopped:
            link.send(StopJob(self._number))

    def lost(self) -> None:
        """Be ready for another process of the engine, since its own has died."""
        if self.channel is not None:
            self.channel.lose()
        before = "began" if self._may_have_begun() else "given"
        self.run = msgspec.structs.replace(
            self.run, before=before, node=self._note.node
        )

    def _may_have_begun(self) -> bool:
        # The file is made before the job begins.
        return self._note.waits is None or (
            not self.run.goes_on and Path(self.run.output).exists()
        )

    def _send(self, message: ToEngine) -> None:
        if self._link is not None:
            self._link.send(message)

    def told(self, note: JobNote) -> None:
        """Take what the engine says of it. On the thread that reads."""
        if self.channel is not None and note.waits is None:
            self.channel.begin()
        self._note = note
        self._context.look()

    def took(self, intake: Intake) -> None:
        """Take how it stands to its input. On the thread that reads."""
        if self.channel is not None:
            self.channel.took(intake)
            self._context.look()

    def input_watch(self, *, waits: bool) -> RemoteChannel | None:
        """Return what tells whether it waits for input; see `TellsInput`."""
        if self.channel is not None:
            self.channel.waits = waits
        return self.channel

    def ended(self, end: JobEnd) -> None:
        """Take its end. On the thread that reads."""
        if self.channel is not None:
            self.channel.refused = "it has ended"
        self._end = end
        self._context.look()


class _Link:
    """One life of the process of an engine, and the jobs that it was given.

    Args:
        name: That of the engine.
        argv: Starts the process.
        settings: What it is told.
        over: Given the jobs that it had, and why it has died, if another process can
            take them over.
        before: Why the process before it has died, whose jobs it takes over.
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
        # Each job is put in, and each is told of the end of the process.
        self._changed = threading.Lock()
        ours, theirs = socket.socketpair()
        self._sock = ours
        from tempfile import TemporaryFile  # noqa: PLC0415 - most hosts start none

        self._errors = TemporaryFile()  # noqa: SIM115 - as long as the process
        environment = {k: v for k, v in os.environ.items() if k not in _STAYS}
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
        """Whether the process is gone, or about to be."""
        return bool(self._why)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def give(self, job: RemoteJob) -> str:
        """Give a job to the process; return why not, if it is gone."""
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
        """Have the nodes told, or why not if the process is gone."""
        with self._changed:
            if not self._why:
                self._asked.append(tell)
                self.send(AskNodes())
                return
        tell((), self._why)

    def forget(self, number: str) -> None:
        """Expect nothing more of a job."""
        with self._changed:
            self._jobs.pop(number, None)

    def close(self) -> None:
        """End the process, with all its jobs; blocks until it is gone."""
        self._closes = True
        self.send(Close())
        self._writer.wait_below(1, _CLOSE_TIMEOUT)
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
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
            pass  # it is gone
        except (FrameError, msgspec.MsgspecError) as error:
            why = why or f"the engine {self._name} can't be understood: {error}"
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
        """Tell every job that the process is gone."""
        can_go_on = not why and self._is_ready and not self._closes
        if not why:
            with contextlib.suppress(subprocess.TimeoutExpired):
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
        try:
            self._process.wait(_CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

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


def fail(jobs: Iterable[RemoteJob], why: str) -> None:
    """Have jobs end since nothing can go on with them."""
    end = JobEnd(Outcome.failed(why))
    for job in jobs:
        call_safely(lambda job=job: job.ended(end))


class RemoteEngine:
    """Runs jobs by a process of its own, which knows the cluster.

    A job that does not say how many CPUs it needs gets one.

    The process is started with the first job, and again if it has died: then the new
    one takes over its jobs, which have gone on on the cluster. Each cluster that jobs
    name by its address has a process of its own.

    Args:
        name: What requests call it.
        settings: What the process is told.
        slots: How many jobs it is given at a time, those that wait there among them.
        python: The Python that runs the process; by default this one.
        sent: Names of the environment variables that travel with jobs.
    """

    takes_input = True
    can_pause = True

    def __init__(
        self,
        name: str,
        settings: FakeSettings | RaySettings,
        *,
        slots: int = 1000,
        python: str | None = None,
        sent: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.slots = slots
        self._settings = settings
        self._python = python or sys.executable
        self._sent = (*SENT, *sent)
        self._stay = Stay(uuid.uuid4().hex, settings.stay.lease)
        self._is_closed = False
        self._starting = threading.Lock()
        # By the address of the cluster; empty for that of the settings.
        self._links: dict[str, _Link] = {}

    @property
    def pid(self) -> int | None:
        """The id of its process; None if there is none now."""
        link = self._links.get("")
        return None if link is None or link.is_over else link.pid

    def open(self, session: str, *, stays: bool) -> None:
        """Run the jobs of a session from now on; see `Outliving`."""
        self._stay = Stay(session, self._settings.stay.lease, stays)
        self._is_closed = False

    def start(self, command: Command, context: JobContext) -> RemoteJob:
        """Give a job to the process; see `Engine`."""
        return self._give(self._run(command, context), context)

    def adopt(self, command: Command, context: JobContext) -> RemoteJob:
        """Have the process take over a job of a killed program; see `Outliving`."""
        run, task = self._run(command, context), context.task
        began = task.node or (not run.goes_on and Path(run.output).exists())
        run = msgspec.structs.replace(
            run, before="began" if began else "given", node=task.node
        )
        return self._give(run, context)

    def _run(self, command: Command, context: JobContext) -> Run:
        output = context.task.output_path
        if output is None:
            raise StartError("a job of an engine needs an output file")
        task = context.task
        attempt = 1 if task.attempt is None else task.attempt.number
        terms = context.task.terms or PLAIN
        run = Run(
            f"{context.mark}.{attempt}",
            tuple(command.argv),
            self._travels(command.environment.variables),
            command.directory,
            output,
            context.mark,
            {"CPU": 1.0, **dict(command.needs)},
            context.task.attempt is not None,
            ships=terms.ships,
            input=terms.input,
        )
        if (limits := command.limits) is not None:
            run = msgspec.structs.replace(
                run, cpus=limits.cpus, memory=limits.memory, pids=limits.pids
            )
        return run

    def _give(self, run: Run, context: JobContext) -> RemoteJob:
        self._is_closed = False
        job = RemoteJob(run, context)
        why = ""
        for _ in range(2):  # it may just be ending
            if not (why := self._linked(_address(context)).give(job)):
                return job
        raise StartError(why)

    def nodes(self, timeout: float) -> tuple[Node, ...]:
        """Return the nodes of the cluster; blocks until it has told.

        Returns:
            None of them if they can't be told.

        Raises:
            TimeoutError: If it does not answer in time.
        """
        promise: Promise[tuple[Node, ...]] = Promise()
        self.tell_nodes(lambda nodes, _: promise.tell(nodes))
        return promise.get(timeout)

    def tell_nodes(
        self, tell: Callable[[tuple[Node, ...], str], object], address: str = ""
    ) -> None:
        """Have the process tell its nodes; see `ListsNodes`."""
        try:
            self._linked(address).ask(tell)
        except (StartError, ShortageError) as error:
            tell((), str(error))

    def close(self) -> None:
        """End the process, with all jobs that it still runs; blocks for seconds."""
        with self._starting:
            self._is_closed = True
            links, self._links = self._links, {}
        for link in links.values():
            link.close()

    def _linked(self, address: str, before: str = "") -> _Link:
        settings = self._settings
        if address == settings.address:
            address = ""
        owner = f"{self._stay.owner}@{address}" if address else self._stay.owner
        settings = msgspec.structs.replace(
            settings,
            address=address or settings.address,
            stay=msgspec.structs.replace(self._stay, owner=owner),
        )
        with self._starting:
            link = self._links.get(address)
            if link is None or link.is_over:
                if before and self._is_closed:
                    raise StartError("the session ends")
                argv = (self._python, "-m", "backburner.actors.cluster")
                try:
                    link = _Link(
                        self.name,
                        argv,
                        msgspec.json.encode(settings),
                        lambda jobs, why: self._go_on(address, jobs, why),
                        before,
                    )
                    self._links[address] = link
                except OSError as error:
                    if (lacks := WAITS_FOR.get(error.errno or 0)) is not None:
                        raise ShortageError(lacks) from error
                    why = f"can't start the process of the engine {self.name}"
                    raise StartError(f"{why}: {self._python}: {error.strerror}") from (
                        error
                    )
            return link

    def _go_on(self, address: str, jobs: list[RemoteJob], why: str) -> None:
        """Have another process take over the jobs of one that has died."""
        for job in jobs:
            job.lost()
        try:
            link = self._linked(address, why)
        except (StartError, ShortageError) as error:
            fail(jobs, f"{why}; {error}")
            return
        for job in jobs:
            if problem := link.give(job):
                fail((job,), problem)

    def _travels(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that a job takes to another machine."""
        more = tuple(it.strip() for it in variables.get(SEND, "").split(","))
        wanted = (*self._sent, *more)
        return {
            name: value
            for name, value in variables.items()
            if name not in _STAYS
            and any(fnmatch.fnmatchcase(name, it) for it in wanted)
        }


def _address(context: JobContext) -> str:
    return (context.task.terms or PLAIN).address


def ray_engine(settings: ClusterSettings) -> RemoteEngine:
    """Return the engine `ray`; nothing is started, and Ray is not looked for."""
    return RemoteEngine(
        "ray",
        RaySettings(
            settings.address,
            shipping=settings.shipping,
            stay=Stay(lease=settings.lease),
        ),
        slots=settings.slots,
        python=settings.python or None,
        sent=settings.environment,
    )
