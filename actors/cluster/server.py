"""The process of an engine: takes jobs over a socket, and runs them on a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..rules.outcome import Outcome
from ..rules.safe_text import safe_line
from ..runtime.frames import FrameError, FrameReader, frame
from .agent_messages import Piece, Spec
from .backend import ClusterError, NodeLostError, Reservation
from .job import Job
from .lease import RENEWALS, TAKEN_OVER, OwnerError
from .node_looks import NodeLooks
from .ray_settings import Shipping, Stay
from .seats import Seats
from .shipping import Packages, ShipError
from .wire import (
    LONGEST,
    AskNodes,
    Began,
    Close,
    Ended,
    FromEngine,
    Give,
    Gone,
    Halt,
    KillJob,
    Order,
    Ready,
    Resize,
    Run,
    StopJob,
    ToEngine,
    Took,
    decode_to_engine,
    encode,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Coroutine

    from .agent_messages import Held
    from .backend import AgentCalls, Backend

PIECE: Final = 4 << 20
"""Maximum bytes of output in transit per job."""

ATTEMPTS: Final = 3
"""Maximum number of reservations for a job, if nodes die before it has begun."""

UNSEEN: Final = "while no engine process was running"

_READ: Final = 1 << 18

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


class Server:
    """Runs the jobs of a session on a cluster, until the session closes the socket."""

    def __init__(
        self,
        sock: socket.socket,
        backend: Backend,
        shipping: Shipping | None = None,
        stay: Stay | None = None,
    ) -> None:
        self._sock = sock
        self._backend = backend
        self._seats = Seats(backend)
        self._packages = Packages(shipping or Shipping())
        self._lease = (stay or Stay()).lease
        self._ends = not (stay or Stay()).stays
        self._held: dict[str, Held] = {}
        self._not_taken: list[str] = []
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[Any]] = set()
        self._connected = asyncio.Event()
        self._nodes = NodeLooks(
            backend,
            self._seats,
            self._jobs,
            self._connected,
            send=self._send,
            give_up=self._give_up,
        )
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Serve until the session is gone; then end all jobs, or leave them."""
        reader, self._writer = await asyncio.open_connection(sock=self._sock)
        connecting = self._in_background(self._connect())
        looking = self._in_background(self._nodes.look())
        renewing = self._in_background(self._renew())
        frames = FrameReader(LONGEST)
        try:
            while data := await reader.read(_READ):
                for payload in frames.feed(data):
                    self._take(payload)
        except (OSError, FrameError):
            pass  # the session is gone, or sent an invalid frame
        finally:
            connecting.cancel()
            looking.cancel()
            renewing.cancel()
        if self._ends:
            for task in self._tasks.values():
                task.cancel()
            with contextlib.suppress(Exception):
                await self._seats.close()
                await asyncio.wait_for(self._backend.close(), 5.0)
        self._writer.close()

    async def _connect(self) -> None:
        try:
            await self._backend.connect()
            held, self._not_taken = await self._backend.held()
        except ClusterError as error:
            self._give_up(str(error))
        except OwnerError:
            self._give_up(TAKEN_OVER, ends=False)
        else:
            self._held = {it.job: it for it in held}
            self._connected.set()
            self._send(Ready())

    async def _renew(self) -> None:
        """Renew the leases, so that nothing on the cluster ends."""
        await self._connected.wait()
        while True:
            await asyncio.sleep(self._lease / RENEWALS)
            try:
                await self._backend.renew()
            except OwnerError:
                self._give_up(TAKEN_OVER, ends=False)
                return
            except Exception:  # the next attempt may succeed
                logger.exception("The leases could not be renewed")

    def _give_up(self, text: str, *, ends: bool = True) -> None:
        self._ends = ends
        self._send(Gone(safe_line(text)))
        if self._writer is not None:
            self._writer.write_eof()

    def _send(self, message: FromEngine) -> None:
        if self._writer is not None:
            self._writer.write(frame(encode(message)))

    def _in_background(
        self, step: Coroutine[Any, Any, ResultT]
    ) -> asyncio.Task[ResultT]:
        task = asyncio.get_running_loop().create_task(step)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    def _take(self, payload: bytes) -> None:
        message: ToEngine = decode_to_engine(payload)
        match message:
            case Run() as run:
                job = self._jobs[run.job] = Job(run)
                task = self._in_background(self._serve_job(job))
                self._tasks[run.job] = task
                self._nodes.came.set()
            case StopJob(job=number):
                self._end(number, now=False)
            case KillJob(job=number):
                self._end(number, now=True)
            case Give() | Resize() | Halt():
                if (job := self._jobs.get(message.job)) is not None:
                    self._order(job, message)
            case Close():
                self._ends = True
            case AskNodes():
                self._in_background(self._nodes.tell())

    def _end(self, number: str, *, now: bool) -> None:
        job = self._jobs.get(number)
        if job is None:
            return
        job.stopped = True
        job.killed |= now
        if job.agent is None:
            # A task that is canceled before its first step would not report the end.
            if job.begun and not job.seated and self._knows(job):
                self._tasks[number].cancel()
            return
        call = job.agent.kill if now else job.agent.stop
        self._in_background(_quietly(call, number))

    def _knows(self, job: Job) -> bool:
        """Return whether no agent can have the job from an earlier process."""
        return not job.run.before or (
            self._connected.is_set() and job.run.job not in self._held
        )

    def _order(self, job: Job, order: Order) -> None:
        if isinstance(order, Halt):
            (job.may_begin.clear if order.paused else job.may_begin.set)()
        if job.agent is not None:
            job.orders.append(order)
            if not job.ordering:
                job.ordering = True
                self._in_background(self._give_orders(job, job.agent))

    async def _give_orders(self, job: Job, agent: AgentCalls) -> None:
        # In sequence, so that input arrives in order.
        with contextlib.suppress(NodeLostError):
            while job.orders:
                await agent.order(job.ordered, job.orders.popleft())
                job.ordered += 1
            job.ordering = False

    async def _serve_job(self, job: Job) -> None:
        number = job.run.job
        job.begun = True
        outcome, leftover = Outcome.failed("stopped before it had begun"), None
        try:
            if not (job.stopped and self._knows(job)):
                outcome, leftover = await self._ended(job)
        except asyncio.CancelledError:
            pass
        except OwnerError:
            self._give_up(TAKEN_OVER, ends=False)
            return
        except Exception as error:  # noqa: BLE001 - a job must not end without a word
            outcome = Outcome.failed(safe_line(f"the engine failed: {error!r}"))
            leftover = None
        job.output.close()
        del self._jobs[number], self._tasks[number]
        self._send(Ended(number, outcome, leftover))

    async def _ended(self, job: Job) -> tuple[Outcome, str | None]:
        """Run a job; return its outcome and leftover."""
        await self._connected.wait()
        run = job.run
        if (held := self._held.get(run.job)) is not None:
            return await self._taken_over(job, held)
        if run.before == "began":
            for problem in self._not_taken:
                if run.node and problem.startswith(f"the node {run.node} "):
                    return Outcome.failed(f"it can't be taken over: {problem}"), None
            where = f"the node {run.node}" if run.node else "the node that had it"
            return Outcome.failed(f"{where}, or the agent on it, died {UNSEEN}"), None
        if job.stopped:
            return Outcome.failed("stopped before it had begun"), None
        for attempt in range(ATTEMPTS):
            try:
                return await self._placed(job)
            except (ClusterError, ShipError) as error:
                return Outcome.failed(safe_line(str(error))), None
            except NodeLostError as error:
                # The reserved node may have died a moment ago.
                if job.agent is not None or attempt == ATTEMPTS - 1:
                    return Outcome.failed(safe_line(str(error))), None
        raise AssertionError

    async def _placed(self, job: Job) -> tuple[Outcome, str | None]:
        needs = job.run.needs
        job.seated = False
        package = None
        if job.run.ships:
            # Before the reservation, so that room does not wait for this.
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
            if (problem := job.output.open(goes_on=job.run.goes_on)) is not None:
                lost = False
                return problem, None
            before = job.output.size
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
                room.handle,
                before,
            )
            first = await agent.start(spec, PIECE)
            if not isinstance(first, Piece):
                lost = False
                return Outcome.failed(f"{first} (on {room.name})"), None
            ended = await self._run_on(job, agent, room.name, before, first)
            lost = False
            return ended
        finally:
            self._seats.give_back(needs, room, lost=lost)

    async def _taken_over(self, job: Job, held: Held) -> tuple[Outcome, str | None]:
        """Continue a job that an earlier process has started."""
        job.seated = True
        room = Reservation(held.node, held.name, held.room)
        try:
            agent = await self._backend.agent(held.node)
            del self._held[held.job]
            if (problem := job.output.open(goes_on=True)) is not None:
                agent.forget(held.job)
                return problem, None
            job.ordered = held.orders
            return await self._run_on(job, agent, held.name, held.before)
        except NodeLostError as error:
            return Outcome.failed(safe_line(f"{error} {UNSEEN}")), None
        finally:
            if held.room:
                # Its devices are no longer known.
                self._seats.give_back(job.run.needs, room, lost=True)

    async def _run_on(
        self,
        job: Job,
        agent: AgentCalls,
        node: str,
        before: int,
        first: Piece | None = None,
    ) -> tuple[Outcome, str | None]:
        """Follow a job of an agent."""
        # From now on the agent ends it.
        job.agent, job.node = agent, node
        if not job.may_begin.is_set():
            self._order(job, Halt(job.run.job, paused=True))
        if job.stopped:
            await (agent.stop if job.run.before and not job.killed else agent.kill)(
                job.run.job
            )
        self._send(Began(job.run.job, node))
        return await asyncio.shield(
            asyncio.ensure_future(self._follow(job, agent, before, first))
        )

    async def _follow(
        self, job: Job, agent: AgentCalls, before: int, first: Piece | None
    ) -> tuple[Outcome, str | None]:
        """Write a job's output until its end.

        Args:
            job: The job.
            agent: The agent that runs it.
            before: Bytes that its output file had before the job.
            first: Its first output, if already received.
        """
        run, known = job.run, None
        offset = max(0, job.output.size - before)
        piece = first or await agent.follow(run.job, offset, PIECE)
        while True:
            offset = len(piece.data) + (0 if piece.cut else offset)
            if piece.intake is not None and piece.intake != known:
                self._send(Took(run.job, piece.intake))
            known = piece.intake
            if (end := piece.end) is not None:
                problem = job.output.put(before, piece)
                agent.forget(run.job)
                return (problem, None) if problem else (end.outcome, end.leftover)
            # Fetch the next piece while this one is written.
            asked = self._in_background(agent.follow(run.job, offset, PIECE, known))
            await asyncio.sleep(0)
            if (problem := job.output.put(before, piece)) is not None:
                asked.cancel()
                agent.forget(run.job)
                return problem, None
            # Release the written piece's memory in the cluster during the wait.
            del piece
            piece = await asked


async def _quietly(call: Callable[[str], Awaitable[None]], number: str) -> None:
    # If the node is gone, the follow of the job reports it.
    with contextlib.suppress(NodeLostError):
        await call(number)
