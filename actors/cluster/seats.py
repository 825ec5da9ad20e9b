"""The jobs that wait for room on a cluster, and their order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ..rules.resources import amount_text
from ..rules.safe_text import size_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..rules.nodes import Node
    from .backend import Backend, Reservation
    from .wire import Amounts

ASKING: Final = 8
"""Maximum number of concurrent reservation requests for jobs of one shape."""

KEPT: Final = 0.5
"""Seconds that free room is kept for the next job of the same shape."""

MEMORY: Final = "memory"
"""The clusters' name of memory, in bytes."""

_COUNTED: Final = ("CPU", "GPU")
_Shape = tuple[tuple[str, float], ...]


class _Waiting:
    """Jobs with the same needs, in order."""

    def __init__(self, needs: Amounts) -> None:
        self.needs = needs
        self.jobs: OrderedDict[int, asyncio.Future[Reservation]] = OrderedDict()
        self.asking: set[asyncio.Task[None]] = set()
        self.kept: list[tuple[Reservation, asyncio.TimerHandle]] = []


class Seats:
    """Assigns room of a cluster, in order among jobs with the same needs.

    Room of an ended job goes to the next job of its shape without a request to the
    cluster, unless a job of another shape has waited for longer.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._shapes: dict[_Shape, _Waiting] = {}
        self._numbers = itertools.count()
        self._freeing: set[asyncio.Task[None]] = set()

    async def take(self, needs: Amounts) -> Reservation:
        """Return room for a job; wait for it. Can be canceled."""
        waiting = self._waiting(needs)
        while waiting.kept:
            reservation, timer = waiting.kept.pop()
            timer.cancel()
            return reservation
        number = next(self._numbers)
        future = asyncio.get_running_loop().create_future()
        waiting.jobs[number] = future
        self._ask(waiting)
        try:
            return await future
        except asyncio.CancelledError:
            waiting.jobs.pop(number, None)
            if future.done() and not future.cancelled():
                self.give_back(needs, future.result())
            self._ask_less(waiting)
            raise

    def give_back(
        self, needs: Amounts, reservation: Reservation, *, lost: bool = False
    ) -> None:
        """Release the room of a job that has ended.

        Args:
            needs: The needs of the job.
            reservation: Its room.
            lost: Whether the room can no longer be used.
        """
        waiting = self._waiting(needs)
        if lost or self._others_first(waiting):
            self._free(reservation)
        elif waiting.jobs:
            self._hand_over(waiting, reservation)
        else:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(KEPT, self._drop, waiting, reservation)
            waiting.kept.append((reservation, timer))

    def why(self, needs: Amounts, nodes: Iterable[Node]) -> str:
        """Return why a job waits, for people."""
        listed = [*nodes]
        for name, amount in needs.items():
            what = f"needs {_need_text(name, amount)}"
            most = max((it.total.get(name, 0.0) for it in listed), default=0.0)
            if most < amount:
                has = f"; the most is {_amount_text(name, most)}" if most else ""
                return f"{what}; no node of the cluster has that{has}"
        for name, amount in needs.items():
            if max(it.free.get(name, 0.0) for it in listed) < amount:
                free = sum(it.free.get(name, 0.0) for it in listed)
                total = sum(it.total.get(name, 0.0) for it in listed)
                return (
                    f"needs {_need_text(name, amount)};"
                    f" {_amount_text(name, free)} of {_amount_text(name, total)} free"
                )
        return "waiting for a node of the cluster"

    @property
    def has_waiting_jobs(self) -> bool:
        """Whether a job waits for room."""
        return any(it.jobs for it in self._shapes.values())

    async def close(self) -> None:
        """Release kept room, and cancel all requests."""
        for waiting in self._shapes.values():
            for reservation, timer in waiting.kept:
                timer.cancel()
                self._free(reservation)
            waiting.kept.clear()
            for task in waiting.asking:
                task.cancel()
        if self._freeing:
            await asyncio.wait(self._freeing, timeout=1.0)

    def _waiting(self, needs: Amounts) -> _Waiting:
        shape = tuple(sorted(needs.items()))
        waiting = self._shapes.get(shape)
        if waiting is None:
            waiting = self._shapes[shape] = _Waiting(needs)
        return waiting

    def _others_first(self, waiting: _Waiting) -> bool:
        """Return whether a job of another shape has waited for longer than all here."""
        firsts = {next(iter(it.jobs)): it for it in self._shapes.values() if it.jobs}
        return bool(firsts) and firsts[min(firsts)] is not waiting

    def _ask(self, waiting: _Waiting) -> None:
        while len(waiting.asking) < min(len(waiting.jobs), ASKING):
            task = asyncio.get_running_loop().create_task(self._reserve(waiting))
            waiting.asking.add(task)
            task.add_done_callback(waiting.asking.discard)

    def _ask_less(self, waiting: _Waiting) -> None:
        for task in [*waiting.asking][len(waiting.jobs) :]:
            # Removed at once: while counted, it would prevent another request.
            waiting.asking.discard(task)
            task.cancel()

    async def _reserve(self, waiting: _Waiting) -> None:
        try:
            reservation = await self._backend.reserve(waiting.needs)
        except Exception as error:  # noqa: BLE001 - the one that waits is told
            while waiting.jobs:
                _, future = waiting.jobs.popitem(last=False)
                if not future.done():
                    future.set_exception(error)
                    return
            return
        waiting.asking.discard(asyncio.current_task())  # type: ignore[arg-type]
        if waiting.jobs:
            self._hand_over(waiting, reservation)
        else:
            self._free(reservation)
        self._ask(waiting)

    def _hand_over(self, waiting: _Waiting, reservation: Reservation) -> None:
        while waiting.jobs:
            _, future = waiting.jobs.popitem(last=False)
            if not future.done():
                future.set_result(reservation)
                self._ask_less(waiting)
                return
        self._free(reservation)

    def _drop(self, waiting: _Waiting, reservation: Reservation) -> None:
        waiting.kept[:] = [it for it in waiting.kept if it[0] is not reservation]
        self._free(reservation)

    def _free(self, reservation: Reservation) -> None:
        async def free() -> None:
            with contextlib.suppress(Exception):
                await self._backend.free(reservation)

        task = asyncio.get_running_loop().create_task(free())
        self._freeing.add(task)
        task.add_done_callback(self._freeing.discard)


def _need_text(name: str, amount: float) -> str:
    much = _amount_text(name, amount)
    if name == MEMORY:
        return f"{much} of memory"
    if name in _COUNTED:
        return f"{much} {name}{'' if amount == 1 else 's'}"
    return f"{name}={much}"


def _amount_text(name: str, amount: float) -> str:
    return size_text(int(amount)) if name == MEMORY else amount_text(amount)
