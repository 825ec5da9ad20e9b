"""The agent of a node: runs jobs there as a session runs them locally."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import shutil
import tarfile
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..kinds import Command, JobContext, JobEnd, ShortageError, StartError
from ..kinds.kind import Pausable, TakesInput, TellsInput
from ..kinds.local_engine import LOCAL
from ..processes.channels import Channels
from ..processes.environment import Environment
from ..processes.exits import PidfdWatcher
from ..processes.marks import MARK
from ..processes.output_file import read_part
from ..processes.warden import GRACE, folder_prefix
from ..rules.request import TaskRequest
from ..rules.task import Task
from ..rules.terms import Terms
from ..runtime.clock import SystemClock
from .agent_messages import Held, Piece, Spec
from .copies import Copies
from .wire import Give, Halt, Intake, Resize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..kinds import Job
    from ..kinds.kind import InputChannel, InputWatch
    from .wire import Order

LOOK: Final = 0.05
"""Seconds between two checks of the output of a followed job."""

LONGEST_FOLLOW: Final = 20.0
"""Timeout in seconds of a follow without news."""

FIRST_NEWS: Final = 0.02
"""Seconds that a start waits for the end of the job; most short jobs end by then."""

_REMEMBERED: Final = 10_000  # ends kept for repeated requests after a lost answer


class _Job:
    def __init__(self, number: int, spec: Spec, output: Path) -> None:
        self.number = number
        self.room = spec.room
        self.before = spec.before
        self.output = output
        self.job: Job | None = None
        self.end: JobEnd | None = None
        self.orders = 0
        self.is_unwanted = False
        self.changed = asyncio.Event()
        self.watch: InputWatch | None = None
        self.size = 0  # of its output at the last check

    @property
    def channel(self) -> InputChannel | None:
        return self.job.channel if isinstance(self.job, TakesInput) else None

    def intake(self, now: float, size: int) -> Intake | None:
        if (channel := self.channel) is None:
            return None
        if self.watch is None and isinstance(self.job, TellsInput):
            self.watch = self.job.input_watch(waits=False)
        awaits = is_new = False
        if self.watch is not None and self.end is None:
            self.watch.look(now, news=size != self.size)
            awaits = self.watch.waits
            is_new = awaits and self.watch.is_new
        self.size = size
        return Intake(channel.passed, channel.refused, awaits, is_new)

    def look(self) -> None:
        if self.end is None and self.job is not None:
            self.end = self.job.look()


class Agent:
    """Runs jobs on one node. All methods are called on one event loop.

    Args:
        key: Unique to this agent; part of its processes' mark.
        base: The default environment variables of all jobs.
    """

    def __init__(self, key: str, base: Mapping[str, str] | None = None) -> None:
        self.key = key
        self._base = dict(os.environ if base is None else base)
        self._base.pop(MARK, None)
        self._folder = Path(tempfile.mkdtemp(prefix=folder_prefix(key)))
        self._copies = Copies(self._folder)
        self._jobs: dict[str, _Job] = {}
        self._numbers = itertools.count()
        self._starting: dict[str, asyncio.Task[str | None]] = {}
        self._ends: OrderedDict[str, tuple[JobEnd, int]] = OrderedDict()
        self._clock = SystemClock()
        self._exits = PidfdWatcher()
        self._channels = Channels()
        self._closed = False
        self._loop = asyncio.get_event_loop()
        threading.Thread(
            target=self._watch, name="backburner-exits", daemon=True
        ).start()

    async def start(self, spec: Spec, limit: int) -> str | Piece:
        """Start a job, or continue with it; return at most `limit` bytes of its output.

        Returns:
            Its first output, which is empty if it runs for longer than `FIRST_NEWS`; or
            the reason if it can't be started.
        """
        number, problem = spec.job, None
        if number not in self._jobs and number not in self._ends:
            if not spec.package:
                problem = self._start(spec, next(self._numbers), spec.directory)
            else:
                if number not in self._starting:
                    starting = self._start_in_copy(spec)
                    self._starting[number] = self._loop.create_task(starting)
                problem = await asyncio.shield(self._starting[number])
        if problem is not None:
            return problem
        return await self.follow(number, 0, limit, starts=True)

    async def receive(self, key: str, offset: int, data: bytes) -> int:
        """Receive a piece of an archive, if it is the next one.

        Args:
            key: The key of the archive.
            offset: The offset of the piece.
            data: The piece; empty to query how much was received.

        Returns:
            Bytes of the archive received so far.
        """
        return self._copies.receive(key, offset, data)

    async def _start_in_copy(self, spec: Spec) -> str | None:
        number = next(self._numbers)
        try:
            copy = await self._copies.make(spec.package, number)
        except (OSError, tarfile.TarError) as error:
            problem: str | None = f"can't make a copy of {spec.directory}: {error}"
        else:
            problem = self._start(spec, number, str(copy))
        if problem is not None:
            self._copies.delete(number)
        self._starting.pop(spec.job, None)
        return problem

    def _start(self, spec: Spec, number: int, directory: str) -> str | None:
        held = _Job(number, spec, self._folder / f"{number}.log")
        now = self._clock.now()
        task = Task.of(
            TaskRequest("job", "process", terms=_terms(spec)),
            id=number + 1,
            reason="",
            queued_at=now.wall,
            output_path=str(held.output),
        ).started(now.wall)
        # The last part is the agent's own: its warden ends processes that carry it.
        mark = f"{spec.mark},{self.key}:{number}"
        own = {"PWD": directory, MARK: mark}
        environment = Environment({**self._base, **spec.variables, **own})
        context = JobContext(
            task,
            mark,
            self._clock,
            self._exits,
            functools.partial(self.wake, spec.job),
            environment,
            channels=self._channels,
        )
        command = Command(spec.argv, environment, directory)
        try:
            held.job = LOCAL.start(command, context)
        except ShortageError as error:
            return f"lacks {error}"
        except StartError as error:
            return str(error)
        self._jobs[spec.job] = held
        return None

    async def follow(
        self,
        number: str,
        offset: int,
        limit: int,
        known: Intake | None = None,
        *,
        starts: bool = False,
    ) -> Piece:
        """Return a job's output after an offset; wait for output or for its end.

        The output is kept until `forget` is called for the job.

        Args:
            number: The job.
            offset: The offset.
            limit: Maximum number of bytes to return.
            known: The last known state of its input.
            starts: Whether it is just starting: then output alone does not end the
                wait.

        Raises:
            LookupError: If there is no such job.
        """
        if (ended := self._ends.get(number)) is not None:
            return Piece(end=ended[0])
        held = self._jobs.get(number)
        if held is None:
            raise LookupError(f"no job {number}")
        within = FIRST_NEWS if starts else LONGEST_FOLLOW
        deadline = self._loop.time() + within
        while True:
            held.changed.clear()
            held.look()
            size = _size(held.output)
            intake = held.intake(self._clock.now().monotonic, size)
            if size < offset:
                return Piece(cut=True, intake=intake)
            data = b""
            if size > offset:
                data = read_part(held.output, offset, min(limit, size - offset))
            end = held.end if offset + len(data) >= size else None
            left = deadline - self._loop.time()
            is_news = len(data) == limit if starts else data
            if is_news or end or intake != known or left <= 0:
                return Piece(data, end=end and _told(end), intake=intake)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(held.changed.wait(), min(left, LOOK))

    async def forget(self, jobs: Iterable[str]) -> None:
        """Delete the data of jobs; running ones are killed."""
        for number in jobs:
            if (held := self._jobs.get(number)) is not None:
                held.is_unwanted = True
                if held.end is None and held.job is not None:
                    held.job.kill()
                self._changed(number)

    async def order(self, index: int, order: Order) -> None:
        """Carry out an order for a running job, unless it was carried out before.

        Args:
            index: The number of earlier orders for this job.
            order: The order.
        """
        held = self._jobs.get(order.job)
        if held is None or index < held.orders:
            return
        held.orders = index + 1
        channel = held.channel
        match order:
            case Give(data=data, ends=ends):
                if channel is not None and data:
                    channel.send(data)
                if channel is not None and ends:
                    channel.end_input()
            case Resize(columns=columns, rows=rows):
                if channel is not None:
                    channel.resize(columns, rows)
            case Halt(paused=paused):
                if isinstance(held.job, Pausable):
                    (held.job.pause if paused else held.job.resume)()
        held.changed.set()

    async def stop(self, number: str) -> None:
        """Send SIGTERM to a job."""
        held = self._jobs.get(number)
        if held is not None and held.job is not None:
            held.job.stop()
            held.changed.set()

    async def kill(self, number: str) -> None:
        """Kill a job."""
        held = self._jobs.get(number)
        if held is not None and held.job is not None:
            held.job.kill()
            held.changed.set()

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs of this agent."""
        return tuple(self._jobs)

    async def held(self, name: str) -> tuple[Held, ...]:
        """Return running and ended jobs of this agent."""
        while self._starting:
            await asyncio.wait(self._starting.values())
        return (
            *(
                Held(
                    job,
                    name,
                    room=it.room if it.end is None else "",
                    before=it.before,
                    orders=it.orders,
                )
                for job, it in self._jobs.items()
            ),
            *(Held(job, name, before=it[1]) for job, it in self._ends.items()),
        )

    async def end(self, jobs: Iterable[str]) -> None:
        """End abandoned jobs, with a grace period."""
        ending = [held for job in jobs if (held := self._jobs.get(job)) is not None]
        for held in ending:
            held.is_unwanted = True
            if held.end is None and held.job is not None:
                held.job.stop()
        if any(it.end is None for it in ending):
            await asyncio.sleep(GRACE)
        for held in ending:
            if held.end is None and held.job is not None:
                held.job.kill()
        for job in [*self._jobs]:
            self._changed(job)

    async def close(self) -> None:
        """Kill all jobs, and delete their output."""
        for held in self._jobs.values():
            if held.job is not None and held.end is None:
                held.job.kill()
                held.look()
        self._channels.close()
        self._closed = True
        self._exits.wake()
        self._clock.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wake(self, number: str) -> bool:
        """Make the follow of a job check it. On any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._changed, number)
        return True

    def _changed(self, number: str) -> None:
        if (held := self._jobs.get(number)) is not None:
            held.look()
            held.changed.set()
            if held.is_unwanted and held.end is not None:
                self._forget(number, held, held.end)

    def _forget(self, number: str, held: _Job, end: JobEnd) -> None:
        del self._jobs[number]
        self._ends[number] = (_told(end), held.before)
        while len(self._ends) > _REMEMBERED:
            self._ends.popitem(last=False)
        with contextlib.suppress(OSError):
            held.output.unlink()
        if not end.left:
            self._copies.delete(held.number)

    def _watch(self) -> None:
        while not self._closed:
            self._exits.wait(None)


def _told(end: JobEnd) -> JobEnd:
    # Its background processes are known only on this node.
    return JobEnd(end.outcome, end.leftover)


def _terms(spec: Spec) -> Terms | None:
    terms = Terms(cpus=spec.cpus, memory=spec.memory, pids=spec.pids, input=spec.input)
    return terms if terms.has_limits or terms.input else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the job has deleted it
