"""The agent of a node as a cluster actor, which ends itself without an owner."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from ..processes.warden import start_warden
from .agent import Agent
from .lease import Lease
from .versions import our_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .agent_messages import Held

LOOKS: Final = 20
"""Number of checks per lease."""

_OWN: Final = ("RAY_", "OMP_NUM_THREADS", "PYTHONBREAKPOINT")
"""Prefixes of the variables of a Ray worker that are hidden from jobs."""


class NodeAgent:
    """The cluster's actor on each node: an `Agent`, its warden, and its lease.

    It outlives the process that started it. A job ends if no process of its session
    renews it in time; the agent ends with all jobs if there is no such process at all.
    Methods with an `owner` raise `OwnerError` if there is a newer one.

    Args:
        key: See `Agent`.
        gone: Called when it has ended itself; by default it exits the process.
        name: The display name of the node.
    """

    def __init__(
        self, key: str, name: str = "", gone: Callable[[], object] | None = None
    ) -> None:
        self._key = key
        self._name = name
        self._gone = gone or (lambda: os._exit(0))
        self._agent: Agent | None = None
        self._opening = asyncio.Lock()
        self._lease = Lease(0.0)
        self._warden = -1
        self._others: set[asyncio.Task[None]] = set()

    async def open(self, owner: int, lease: float) -> str:
        """Prepare for the jobs of an owner; return the version of the program."""
        async with self._opening:
            if self._agent is None:
                # Kept open as long as this process lives.
                self._warden = await asyncio.to_thread(start_warden, self._key)
                base = {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}
                self._agent = Agent(self._key, base)
                self._lease = Lease(lease)
                self._in_background(self._watch(lease / LOOKS))
        self._lease.check(owner)
        return our_version()

    async def call(self, owner: int, method: str, *args: Any) -> Any:
        """Call a method of the agent."""
        self._lease.check(owner)
        if method == "start":
            self._lease.hold(args[0].job)
        return await getattr(self._opened(), method)(*args)

    async def held(self, owner: int) -> tuple[Held, ...]:
        """Return the running and ended jobs of this agent."""
        self._lease.check(owner)
        return await self._opened().held(self._name)

    async def renew(self, owner: int, jobs: Iterable[str]) -> None:
        """Extend the leases of these jobs."""
        self._lease.renew(owner, jobs)

    async def close(self, owner: int) -> None:
        """End all jobs immediately."""
        self._lease.check(owner)
        await self.end()

    async def end(self) -> None:
        """End all jobs of all owners immediately."""
        for task in self._others:
            task.cancel()
        if self._agent is not None:
            await self._agent.close()
        self.leave_to_warden()

    def leave_to_warden(self) -> None:
        """Leave remaining processes to the warden, as if this process had died."""
        warden, self._warden = self._warden, -1
        if warden >= 0:
            os.close(warden)

    async def _watch(self, pause: float) -> None:
        agent = self._opened()
        while not self._lease.is_over:
            await asyncio.sleep(pause)
            if over := self._lease.expired():
                self._in_background(agent.end(over))
        await agent.end(agent.jobs)
        await agent.close()
        self.leave_to_warden()
        self._gone()

    def _in_background(self, step: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(step)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _opened(self) -> Agent:
        if self._agent is None:
            raise RuntimeError("the agent is not open")
        return self._agent
