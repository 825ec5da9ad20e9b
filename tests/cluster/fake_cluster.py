"""A cluster of simulated nodes: agents in one process that run jobs of this machine.

The nodes live in the process of the engine, or in one of their own, which outlives it
as real ones do.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from backburner.actors.cluster.__main__ import serve
from backburner.actors.cluster.backend import (
    AgentCalls,
    ClusterError,
    NodeLostError,
    Reservation,
    held_by,
    renew_all,
)
from backburner.actors.cluster.ray_settings import RaySettings
from backburner.actors.cluster.remote import RemoteEngine
from backburner.actors.cluster.versions import check_version, our_version
from backburner.actors.cluster.wire import LONGEST, Amounts
from backburner.actors.runtime.frames import FrameReader, frame

from tests.cluster.fake_nodes import FakeNodes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backburner.actors.cluster.agent_messages import Held
    from backburner.actors.rules.nodes import Node

_START_TIMEOUT: Final = 30.0
_READ: Final = 1 << 18


class FakeSettings(RaySettings, frozen=True, kw_only=True):
    """The settings of a simulated cluster.

    Attributes:
        nodes: The nodes, and which resources each has.
        problem: Why it can't be reached; empty if it can. It may name the `{address}`.
        version: What the nodes say that they have; by default what this process has.
        path: The socket of the process in which its nodes live; empty if that is the
            process of the engine. It is started if it is not there.
    """

    nodes: dict[str, Amounts] = msgspec.field(default_factory=dict[str, Amounts])
    problem: str = ""
    version: str = ""
    path: str = ""


ROOT: Final = Path(__file__).parents[2]
"""The folder from which the tests are imported."""

_ENGINE: Final = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from {__name__} import serve_engine
serve_engine()
"""
NODES: Final = f"from {__name__} import main; main()"
"""The program of the simulated nodes; its argument is their socket."""


class FakeEngine(RemoteEngine):
    """An engine of simulated nodes; see `RemoteEngine`.

    Args:
        settings: The simulated cluster.
        python: The Python that runs the process; by default this one.
    """

    program = ("-c", _ENGINE)

    def __init__(self, settings: FakeSettings, *, python: str | None = None) -> None:
        super().__init__("fake", settings, python=python)


class FakeCluster:
    """Simulated nodes; SIGUSR1 kills one that runs jobs."""

    def __init__(self, settings: FakeSettings) -> None:
        self._settings = settings
        self._call: Callable[..., Awaitable[Any]] = _nowhere
        self._owner = 0
        self._agents: dict[str, asyncio.Task[AgentCalls]] = {}
        self._rooms: set[str] = set()
        self._losing: set[asyncio.Future[Any]] = set()

    async def connect(self) -> None:
        """Implement `Backend`, as the methods below."""
        settings = self._settings
        if settings.problem:
            raise ClusterError(settings.problem.format(address=settings.address))
        if settings.path:
            self._call = await _reach(settings)
        else:
            nodes = FakeNodes(settings.nodes, settings.stay.lease)

            def call(method: str, *args: object) -> Awaitable[Any]:
                return getattr(nodes, method)(*args)

            self._call = call
        self._owner = await self._call("own")
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._lose_one)

    async def held(self) -> tuple[list[Held], list[str]]:
        """Take over the agents of an earlier owner."""
        nodes = await self._call("agents")
        found, problems = await held_by(
            ((it, self.agent(it)) for it in nodes), self._settings.stay.lease
        )
        rooms = [it.room for it in found if it.room]
        self._rooms |= {*rooms}
        await self._call("keep", self._owner, rooms)
        return found, problems

    async def nodes(self) -> tuple[Node, ...]:
        """Return the living nodes."""
        return await self._call("nodes")

    async def reserve(self, needs: Amounts) -> Reservation:
        """Reserve room on the first node with enough."""
        room, node = await self._call("reserve", self._owner, needs)
        self._rooms.add(room)
        return Reservation(node, node, room)

    async def free(self, reservation: Reservation) -> None:
        """Release room."""
        self._rooms.discard(reservation.handle)
        await self._call("free", self._owner, (reservation.handle,))

    async def agent(self, node: str) -> AgentCalls:
        """Return a node's agent."""
        if node not in self._agents:
            opening = self._open(node)
            self._agents[node] = asyncio.get_running_loop().create_task(opening)
        return await asyncio.shield(self._agents[node])

    async def renew(self) -> None:
        """Renew the leases of agents, jobs and rooms."""
        rooms = self._call("renew", self._owner, tuple(self._rooms))
        await renew_all(rooms, [*self._agents.values()], self._settings.stay.lease)

    async def close(self) -> None:
        """End all agents."""
        await self._call("close", self._owner)

    async def _open(self, node: str) -> AgentCalls:
        own_version = our_version()
        check_version(node, self._settings.version or own_version, own_version)

        async def call(method: str, *args: Any) -> Any:
            try:
                return await self._call("agent", node, method, *args)
            except NodeLostError:
                self._agents.pop(node, None)
                raise

        agent = AgentCalls(self._owner, call)
        await agent.open(self._settings.stay.lease)
        return agent

    def _lose_one(self) -> None:
        self._losing.add(asyncio.ensure_future(self._call("lose")))


async def _nowhere(*_: object) -> None:
    raise ClusterError("the simulated cluster was not reached")


async def _reach(settings: FakeSettings) -> Callable[..., Awaitable[Any]]:
    """Return a caller of the node process; start the process if it is missing."""
    deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
    started = False
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(settings.path)
        except OSError:
            if asyncio.get_running_loop().time() > deadline:
                raise ClusterError("the simulated nodes did not start") from None
        else:
            return _Caller(reader, writer)
        if not started:
            started = True
            await asyncio.to_thread(_start_nodes, settings)
        await asyncio.sleep(0.02)


def _start_nodes(settings: FakeSettings) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", NODES, settings.path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(msgspec.json.encode(settings))
    process.wait()


class _Caller:
    """Calls methods of nodes in another process."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writer = writer
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.ensure_future(self._read(reader))

    async def __call__(self, method: str, *args: object) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write(frame(pickle.dumps((number, method, args), 5)))
        try:
            return await answer
        finally:
            self._answers.pop(number, None)
            if answer.cancelled():
                self._writer.write(frame(pickle.dumps((number, "", ()), 5)))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader(LONGEST)
        while data := await reader.read(_READ):
            for payload in frames.feed(data):
                number, result, error = pickle.loads(payload)  # noqa: S301 - our own
                answer = self._answers.get(number)
                if answer is None or answer.done():
                    continue
                if error is None:
                    answer.set_result(result)
                else:
                    answer.set_exception(error)
        os._exit(1)  # as Ray does after the loss of its cluster


def serve_engine() -> None:
    """Run the engine process."""
    serve(int(sys.argv[1]), FakeSettings, FakeCluster)


async def _serve(settings: FakeSettings) -> None:
    nodes = FakeNodes(settings.nodes, settings.stay.lease, lambda: os._exit(0))
    loop = asyncio.get_running_loop()
    for number, method in (
        (signal.SIGUSR1, nodes.lose),
        (signal.SIGUSR2, nodes.kill_agents),
    ):
        loop.add_signal_handler(number, lambda it=method: asyncio.ensure_future(it()))

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        calls: dict[int, asyncio.Task[None]] = {}

        async def call(number: int, method: str, args: tuple[Any, ...]) -> None:
            try:
                result = (number, await getattr(nodes, method)(*args), None)
            except Exception as error:  # noqa: BLE001 - the caller is told
                result = (number, None, error)
            calls.pop(number, None)
            writer.write(frame(pickle.dumps(result, 5)))

        frames = FrameReader(LONGEST)
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ):
                for payload in frames.feed(data):
                    number, method, args = pickle.loads(payload)  # noqa: S301 - our own
                    if method:
                        calls[number] = asyncio.ensure_future(
                            call(number, method, args)
                        )
                    elif number in calls:
                        calls.pop(number).cancel()
        for it in calls.values():
            it.cancel()

    await asyncio.start_unix_server(answer, settings.path)
    await asyncio.Event().wait()


def main() -> None:
    """Run the simulated nodes until their last lease has expired."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=FakeSettings)
    if os.fork():
        os._exit(0)
    Path(settings.path).unlink(missing_ok=True)
    asyncio.run(_serve(settings))
