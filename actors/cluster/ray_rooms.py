"""The Ray actors that reserve room on nodes for a session."""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from typing import TYPE_CHECKING, Any

from .lease import Lease
from .node_agent import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .wire import Amounts


class Rooms:
    """The Ray actor that holds a session's reserved room, and knows its owner.

    Ray removes the placement groups that an actor has created when the actor ends,
    whatever the cause.
    """

    def __init__(self, lease: float) -> None:
        self._seconds = lease
        self._lease = Lease(lease)
        self._groups: dict[str, Any] = {}
        self._watching: asyncio.Task[None] | None = None

    async def own(self) -> int:
        """Take over; return the number of the new owner."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        # The numbers of an earlier actor are unknown, but were lower.
        owner = max(self._lease.owner + 1, time.time_ns())
        self._lease.check(owner)
        return owner

    async def own_as(self, owner: int) -> None:
        """Continue with the owner of an earlier actor."""
        await self.own()
        self._lease = Lease(self._seconds)
        self._lease.check(owner)

    async def make(self, owner: int, needs: Amounts) -> str:
        """Create a placement group of one bundle; return its id without waiting."""
        self._lease.check(owner)
        groups = importlib.import_module("ray.util.placement_group")
        made = await asyncio.to_thread(
            lambda: groups.placement_group([needs], strategy="PACK")
        )
        name = str(made.id.hex())
        self._groups[name] = made
        self._lease.hold(name)
        return name

    async def free(self, owner: int, names: Iterable[str]) -> None:
        """Remove placement groups."""
        self._lease.check(owner)
        await self._remove(names)

    async def keep(self, owner: int, names: Iterable[str]) -> None:
        """Renew these placement groups, and remove all others."""
        self._lease.renew(owner, names)
        await self._remove(self._groups.keys() - {*names})

    async def renew(self, owner: int, names: Iterable[str]) -> None:
        """Renew placement groups."""
        self._lease.renew(owner, names)

    async def _watch(self) -> None:
        while not self._lease.is_over:
            await asyncio.sleep(self._seconds / LOOKS)
            await self._remove(self._lease.expired())
        os._exit(0)

    async def _remove(self, names: Iterable[str]) -> None:
        groups = importlib.import_module("ray.util.placement_group")
        for name in [*names]:
            self._lease.drop(name)
            if (group := self._groups.pop(name, None)) is not None:
                await asyncio.to_thread(groups.remove_placement_group, group)


class GpuHolder:
    """The Ray actor in a reservation with GPUs, which knows their ids."""

    def visible(self) -> dict[str, str]:
        """Return the variables that restrict programs to these GPUs."""
        names = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
        return {name: os.environ[name] for name in names if name in os.environ}
