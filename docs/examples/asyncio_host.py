"""A task system in an asyncio program, without polling or blocking the loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Generic, TypeVar

from backburner.actors import (
    Notification,
    SystemStopped,
    TaskChanged,
    TaskFilter,
    TaskRequest,
    TaskSystem,
)

if TYPE_CHECKING:
    from backburner.actors import Task

MessageT = TypeVar("MessageT")


class Inbox(Generic[MessageT]):
    """A recipient for an event loop: any thread may call `tell`, the loop awaits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[MessageT] = asyncio.Queue()

    def tell(self, message: MessageT, /) -> None:
        """Pass a message to the loop. Never blocks."""
        self._loop.call_soon_threadsafe(self._messages.put_nowait, message)

    async def get(self) -> MessageT:
        """Return the next message."""
        return await self._messages.get()


async def run(tasks: TaskSystem, request: TaskRequest) -> Task:
    """Add a task, and return it when it has ended. Canceling this cancels the task.

    Raises:
        RefusedError: If the request is invalid.
        TaskSystemError: If the system stops while the task is queued.
    """
    return await asyncio.wrap_future(tasks.submit(request))


async def report(news: Inbox[Notification]) -> None:
    """Print the end of every task."""
    while True:
        match await news.get():
            case TaskChanged(task=task):
                print(f"{task.description}: {task.status}, {task.last_line}")
            case SystemStopped():
                return
            case _:
                pass


async def main() -> None:
    """Await two tasks concurrently, while the loop does other work."""
    tasks = TaskSystem()
    news: Inbox[Notification] = Inbox()
    # These calls block for a moment, so they run on another thread.
    await asyncio.to_thread(tasks.start)
    ends = TaskFilter.FINISHED
    await asyncio.to_thread(tasks.subscribe, news, which=ends)
    reports = asyncio.create_task(report(news))
    try:
        beats = asyncio.create_task(count_beats())
        await asyncio.gather(
            run(tasks, TaskRequest("Slow", "bash", ("sleep 0.3; echo slow",))),
            run(tasks, TaskRequest("Quick", "bash", ("echo quick",))),
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await run(tasks, TaskRequest("Endless", "bash", ("sleep 600",)))
        beats.cancel()
    finally:
        await asyncio.to_thread(tasks.stop)
        await reports


async def count_beats() -> None:
    """Count the loop's turns, to show that nothing blocks it."""
    beats = 0
    try:
        while True:
            await asyncio.sleep(0.01)
            beats += 1
    finally:
        print("the loop was free" if beats else "the loop was blocked")


if __name__ == "__main__":
    asyncio.run(main())
