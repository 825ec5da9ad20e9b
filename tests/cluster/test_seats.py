"""The order in which jobs get room on a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from backburner.actors.cluster.backend import Backend, Reservation
from backburner.actors.cluster.seats import Seats
from backburner.actors.rules.nodes import Node
from patience import PATIENCE

if TYPE_CHECKING:
    from backburner.actors.cluster.wire import Amounts

ONE = {"CPU": 1.0}


class Rooms:
    """A cluster whose room the test assigns."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[asyncio.Future[Reservation]] = asyncio.Queue()

    async def reserve(self, needs: Amounts) -> Reservation:
        del needs
        answer: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self.asked.put_nowait(answer)
        return await answer

    async def free(self, reservation: Reservation) -> None:
        del reservation


def test_room_is_requested_for_a_job_that_arrives_while_another_is_canceled() -> None:
    async def run() -> Reservation:
        rooms = Rooms()
        seats = Seats(cast("Backend", rooms))
        loop = asyncio.get_running_loop()
        first = loop.create_task(seats.take(ONE))
        await rooms.asked.get()
        # Both calls run in one turn of the loop: the first request is being withdrawn
        # when the second job arrives.
        first.cancel()
        second = loop.create_task(seats.take(ONE))
        asked = await rooms.asked.get()
        asked.set_result(Reservation("node", "node"))
        return await second

    assert asyncio.run(asyncio.wait_for(run(), PATIENCE)).node == "node"


def test_room_is_requested_for_a_job_that_arrives_while_room_is_found() -> None:
    async def run() -> list[str]:
        rooms = Rooms()
        seats = Seats(cast("Backend", rooms))
        loop = asyncio.get_running_loop()
        jobs = [loop.create_task(seats.take(ONE)) for _ in range(20)]
        for number in range(20):
            (await rooms.asked.get()).set_result(Reservation(str(number), ""))
        return [(await it).node for it in jobs]

    nodes = asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert sorted(nodes, key=int) == [str(it) for it in range(20)]


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        ({"CPU": 4.0}, "needs 4 CPUs; 3 of 8 free"),
        ({"CPU": 0.5, "GPU": 1.0}, "needs 1 GPU; 0 of 1 free"),
        ({"memory": 2.0 * (1 << 30)}, "needs 2 GiB of memory; 1 GiB of 4 GiB free"),
        ({"tpu": 1.0}, "needs tpu=1; no node of the cluster has that"),
        ({"CPU": 9.0}, "needs 9 CPUs; no node of the cluster has that; the most is 8"),
    ],
)
def test_the_missing_resources_of_a_waiting_job_are_named(
    needs: Amounts, why: str
) -> None:
    total = {"CPU": 8.0, "GPU": 1.0, "memory": 4.0 * (1 << 30)}
    free = {"CPU": 3.0, "GPU": 0.0, "memory": 1.0 * (1 << 30)}
    seats = Seats(cast("Backend", Rooms()))
    assert seats.why(needs, [Node("one", total, free)]) == why
