"""The process of an engine: takes jobs over a socket, and runs them on a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..processes.spawn import open_output
from ..rules.outcome import Outcome
from ..rules.safe_text import safe_line
from ..runtime.frames import FrameError, FrameReader, frame
from .agent import NOTHING, Spec
from .backend import ClusterError, NodeLostError
from .ray_settings import Shipping
from .seats import Seats
from .shipping import Packages, ShipError
from .wire import (
    LONGEST,
    AskNodes,
    Began,
    Ended,
    FromEngine,
    Give,
    Gone,
    Halt,
    KillJob,
    NodesSeen,
    Order,
    Resize,
    Run,
    StopJob,
    ToEngine,
    Took,
    Waits,
    decode_to_engine,
    encode,
)

if TYPE_CHECKING:
    import socket

    from ..rules.nodes import Node
    from .backend import AgentCalls, Backend

PIECE: Final = 4 << 20
"""Bytes of output that are under way for a job at a time."""

LOOK_AT_NODES: Final = 3.0
"""Seconds between two looks at what is free while jobs wait."""

ATTEMPTS: Final = 3
"""How often room is looked for, if a node is found dead before a job has begun."""

FIRST_LOOK: Final = 0.2
"""Seconds that a job may wait before it is told what for."""

TOLD: Final = 50
"""Jobs of those that wait that are told how much is free."""

_READ: Final = 1 << 18


class _Job:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.agent: AgentCalls | None = None
        self.why = ""
        self.node = ""
        self.begun = False
        self.seated = False
        self.stopped = False
        self.may_begin = asyncio.Event()
        self.may_begin.set()
        self.orders: deque[Order] = deque()
        self.ordered = 0
        self.ordering = False


class Server:
    """Runs the jobs of one session on a cluster, until the session closes the socket.

    Args:
        sock: To the session.
        backend: The cluster.
        shipping: What travels of directories.
    """

    def __init__(
        self, sock: socket.socket, backend: Backend, shipping: Shipping | None = None
    ) -> None:
        self._sock = sock
        self._backend = backend
        self._seats = Seats(backend)
        self._packages = Packages(shipping or Shipping())
        self._jobs: dict[int, _Job] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._connected = asyncio.Event()
        self._came = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Serve until the session is gone; then end all jobs."""
        reader, self._writer = await asyncio.open_connection(sock=self._sock)
        connecting = self._in_background(self._connect())
        looking = self._in_background(self._look_at_nodes())
        frames = FrameReader(LONGEST)
        try:
            while data := await reader.read(_READ):
                for payload in frames.feed(data):
                    self._take(payload)
        except (OSError, FrameError):
            pass  # the session is gone, or not what it should be
        finally:
            connecting.cancel()
            looking.cancel()
            for task in self._tasks.values():
                task.cancel()
            with contextlib.suppress(Exception):
                await self._seats.close()
                await asyncio.wait_for(self._backend.close(), 5.0)
            self._writer.close()

    async def _connect(self) -> None:
        try:
            await self._backend.connect()
        except ClusterError as error:
            self._give_up(str(error))
        else:
            self._connected.set()

    def _give_up(self, text: str) -> None:
        self._say(Gone(safe_line(text)))
        if self._writer is not None:
            self._writer.write_eof()

    def _say(self, message: FromEngine) -> None:
        if self._writer is not None:
            self._writer.write(frame(encode(message)))

    def _in_background(self, step: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(step)  # type: ignore[arg-type]
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    def _take(self, payload: bytes) -> None:
        message: ToEngine = decode_to_engine(payload)
        match message:
            case Run() as run:
                job = self._jobs[run.job] = _Job(run)
                task = self._in_background(self._see_to(job))
                self._tasks[run.job] = task
                self._came.set()
            case StopJob(job=number):
                self._end(number, now=False)
            case KillJob(job=number):
                self._end(number, now=True)
            case Give() | Resize() | Halt():
                if (job := self._jobs.get(message.job)) is not None:
                    self._order(job, message)
            case AskNodes():
                self._in_background(self._tell_nodes())

    def _end(self, number: int, *, now: bool) -> None:
        job = self._jobs.get(number)
        if job is None:
            return
        job.stopped = True
        if job.agent is None:
            # What is canceled before its first step would end without a word.
            if job.begun and not job.seated:
                self._tasks[number].cancel()
            return
        call = job.agent.kill if now else job.agent.stop
        self._in_background(_quietly(call, number))

    def _order(self, job: _Job, order: Order) -> None:
        if isinstance(order, Halt):
            (job.may_begin.clear if order.paused else job.may_begin.set)()
        if job.agent is not None:
            job.orders.append(order)
            if not job.ordering:
                job.ordering = True
                self._in_background(self._give_orders(job, job.agent))

    async def _give_orders(self, job: _Job, agent: AgentCalls) -> None:
        # One after the other: what is typed must not be mixed up.
        with contextlib.suppress(NodeLostError):
            while job.orders:
                await agent.order(job.ordered, job.orders.popleft())
                job.ordered += 1
            job.ordering = False

    async def _see_to(self, job: _Job) -> None:
        number = job.run.job
        job.begun = True
        outcome, leftover = Outcome.failed("stopped before it had begun"), None
        try:
            if not job.stopped:
                outcome, leftover = await self._ended(job)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - a job must not end without a word
            outcome = Outcome.failed(safe_line(f"the engine failed: {error!r}"))
            leftover = None
        del self._jobs[number], self._tasks[number]
        self._say(Ended(number, outcome, leftover))

    async def _ended(self, job: _Job) -> tuple[Outcome, str | None]:
        """Run a job; return how it ended."""
        await self._connected.wait()
        for attempt in range(ATTEMPTS):
            try:
                return await self._placed(job)
            except (ClusterError, ShipError) as error:
                return Outcome.failed(safe_line(str(error))), None
            except NodeLostError as error:
                # Room may be handed out on a node that died a moment ago.
                if job.agent is not None or attempt == ATTEMPTS - 1:
                    return Outcome.failed(safe_line(str(error))), None
        raise AssertionError

    async def _placed(self, job: _Job) -> tuple[Outcome, str | None]:
        needs = job.run.needs
        job.seated = False
        package = None
        if job.run.ships:
            # Before there is room: that is not to wait for this.
            package = await self._packages.of(job.run.directory)
        while True:
            await job.may_begin.wait()
            room = await self._seats.take(needs)
            if job.may_begin.is_set():
                break
            self._seats.give_back(needs, room)
        lost = job.seated = True
        try:
            agent = await self._backend.agent(room.node)
            if package is not None:
                await self._packages.send(package, agent)
            spec = Spec(
                job.run.job,
                job.run.argv,
                {**job.run.variables, **room.variables},
                job.run.directory,
                job.run.mark,
                job.run.cpus,
                job.run.memory,
                job.run.pids,
                package.key if package is not None else "",
                job.run.input,
            )
            if (problem := await agent.start(spec)) is not None:
                lost = False
                return Outcome.failed(f"{problem} (on {room.name})"), None
            # From now on it is ended by its agent.
            job.agent, job.node = agent, room.name
            if not job.may_begin.is_set():
                self._order(job, Halt(job.run.job, paused=True))
            if job.stopped:
                await agent.kill(job.run.job)
            self._say(Began(job.run.job, room.name))
            ended = await asyncio.shield(
                asyncio.ensure_future(self._follow(job.run, agent))
            )
            lost = False
            return ended
        finally:
            self._seats.give_back(needs, room, lost=lost)

    async def _follow(self, run: Run, agent: AgentCalls) -> tuple[Outcome, str | None]:
        """Write a job's output until its end."""
        try:
            fd, _ = open_output(run.output, goes_on=run.goes_on)
        except OSError as error:
            return await self._refuse_output(run, agent, error), None
        offset, before, piece = 0, os.fstat(fd).st_size, NOTHING
        try:
            while True:
                last, piece = piece, await agent.follow(run.job, offset, PIECE, piece)
                try:
                    if piece.cut:
                        os.ftruncate(fd, before)
                        offset = 0
                    _write(fd, piece.data)
                except OSError as error:
                    return await self._refuse_output(run, agent, error), None
                offset += len(piece.data)
                if (piece.passed, piece.refused) != (last.passed, last.refused):
                    self._say(Took(run.job, piece.passed, piece.refused))
                if piece.end is not None:
                    return piece.end.outcome, piece.end.leftover
        finally:
            os.close(fd)

    async def _refuse_output(
        self, run: Run, agent: AgentCalls, error: OSError
    ) -> Outcome:
        await agent.kill(run.job)
        why = error.strerror or str(error)
        return Outcome.failed(f"can't write its output file {run.output}: {why}")

    async def _look_at_nodes(self) -> None:
        """Tell jobs that wait what they wait for, as long as there are some."""
        await self._connected.wait()
        while True:
            await self._came.wait()
            # Before the look: one that comes during it may not be in its seat yet.
            self._came.clear()
            await asyncio.sleep(FIRST_LOOK)
            while self._seats.is_anybody_waiting:
                await self._tell_why()
                await asyncio.sleep(LOOK_AT_NODES)

    async def _tell_why(self) -> None:
        try:
            nodes = await self._backend.nodes()
        except ClusterError as error:
            self._give_up(str(error))
            return
        told: Counter[str] = Counter()
        for number, job in self._jobs.items():
            if job.agent is not None:
                continue
            shape = str(job.run.needs)
            told[shape] += 1
            if told[shape] > TOLD:
                why = "waiting for the cluster, behind others that need the same"
            else:
                why = self._seats.why(job.run.needs, nodes)
            if why != job.why:
                job.why = why
                self._say(Waits(number, why))

    async def _tell_nodes(self) -> None:
        await self._connected.wait()
        try:
            nodes = await self._backend.nodes()
        except ClusterError as error:
            self._give_up(str(error))
            return
        jobs = Counter(it.node for it in self._jobs.values())
        seen: list[Node] = [replace(it, jobs=jobs[it.name]) for it in nodes]
        self._say(NodesSeen(tuple(seen)))


async def _quietly(call: object, number: int) -> None:
    # If the node is gone, the one who follows the job says so.
    with contextlib.suppress(NodeLostError):
        await call(number)  # type: ignore[operator]


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
