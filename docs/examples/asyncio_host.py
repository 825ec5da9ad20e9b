"""An asyncio host: tasks are awaited, and nothing blocks the loop or polls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from backburner.actors import (
    AddTask,
    Notification,
    QueueReply,
    Refused,
    RefusedError,
    Subscribe,
    TaskAdded,
    TaskChanged,
    TaskRequest,
    TaskSystem,
    Unsubscribe,
    post,
)

if TYPE_CHECKING:
    from backburner.actors import Task

MessageT = TypeVar("MessageT")


class Inbox(Generic[MessageT]):
    """A recipient in an event loop: told on any thread, read by `await`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[MessageT] = asyncio.Queue()

    def tell(self, message: MessageT, /) -> None:
        """Hand a message to the loop. Never blocks."""
        self._loop.call_soon_threadsafe(self._messages.put_nowait, message)

    async def get(self) -> MessageT:
        """Return the next message."""
        return await self._messages.get()


async def run(tasks: TaskSystem, request: TaskRequest) -> Task:
    """Add a task, and return it when it has ended.

    Raises:
        RefusedError: If the request makes no sense.
    """
    queue = tasks.queue
    inbox: Inbox[Notification | QueueReply] = Inbox()
    queue.tell(Subscribe(inbox))
    queue.tell(AddTask(request, reply_to=inbox))
    added: int | None = None
    try:
        while True:
            match await inbox.get():
                case TaskAdded(task=task):
                    added = task.id
                case TaskChanged(task=task) if task.id == added:
                    if task.status.is_final:
                        return task
                case Refused(text=text, code=code):
                    raise RefusedError(text, code)
                case _:
                    pass
    finally:
        # The system may have stopped meanwhile; then there is nothing to be done.
        post(queue, Unsubscribe(inbox), tasks.dead_letters)


async def main() -> None:
    """Await two tasks at once, while the loop does other things."""
    tasks = TaskSystem()
    # These two block for a moment, and so have a thread of their own.
    await asyncio.to_thread(tasks.start)
    try:
        beats = asyncio.create_task(count_beats())
        ended = await asyncio.gather(
            run(tasks, TaskRequest("Slow", "bash", ("sleep 0.3; echo slow",))),
            run(tasks, TaskRequest("Quick", "bash", ("echo quick",))),
        )
        beats.cancel()
        for task in ended:
            print(f"{task.description}: {task.status}, {task.last_line}")
    finally:
        await asyncio.to_thread(tasks.stop)


async def count_beats() -> None:
    """Do what an event loop does, to show that it still can."""
    beats = 0
    try:
        while True:
            await asyncio.sleep(0.01)
            beats += 1
    finally:
        print("the loop was free" if beats else "the loop was blocked")


if __name__ == "__main__":
    asyncio.run(main())
