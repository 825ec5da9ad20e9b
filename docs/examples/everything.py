"""Most of the library in one program."""

from __future__ import annotations

import asyncio
import fnmatch
import tempfile
from concurrent.futures import as_completed
from pathlib import Path

from backburner.actors import (
    BashKind,
    FunctionKind,
    Notification,
    Promise,
    RefusalCode,
    RefusedError,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TaskFilter,
    TaskRequest,
    TaskSystem,
    TaskSystemError,
    installed_kinds,
)
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.testing import AsyncRecorder


class PoolKind(BashKind):
    """Bash, with a resource that is released at the end."""

    name = "pooled"

    def close(self) -> None:
        """Release the resource; called after the last job has ended."""
        print("the pool is closed")


def first_day(directory: Path) -> int:
    """Run tasks, and return the number of the last change handled."""
    functions = FunctionKind()
    news: Promise[Notification] = Promise()
    # Includes the kinds that installed packages provide.
    kinds = installed_kinds([PoolKind(), functions])
    tasks = TaskSystem(directory=directory, name="days", kinds=kinds, slots=2)
    # Subscribes before the start, to miss no change; only the ends of these tasks.
    ends = Subscribe(news, origin="me", which=TaskFilter.FINISHED)
    tasks.start(subscribers=[ends])
    try:
        work(tasks, functions)
    finally:
        tasks.stop("the day is over")
    return last_change(news)


def work(tasks: TaskSystem, functions: FunctionKind) -> None:
    """Run a function and two commands."""
    files = functions.request_for(fnmatch.filter, ["a.py", "b.txt"], "*.py")
    build = TaskRequest("Build", "pooled", ("echo one; echo two",), "me")
    futures = [tasks.submit(files), tasks.submit(build)]
    for future in as_completed(futures, timeout=60):
        task = future.result()
        if task.kind == functions.name:
            print("the function returned", functions.result(task))
        else:
            print(task.description, task.status, tasks.tail(task.id, 1))
    endless = tasks.submit(
        TaskRequest("Watch", "pooled", ("echo ready; exec sleep 600",), "me")
    )
    while endless.task_id is None:
        tasks.list(answer_timeout=5)
    for line in tasks.output(endless.task_id, follow=True):
        print("printed:", line)
        break
    endless.cancel()
    tasks.wait(endless.task_id, timeout=60)
    try:
        tasks.get(99)
    except RefusedError as error:
        print("refused:", error, error.code is RefusalCode.UNKNOWN)


def last_change(news: Promise[Notification]) -> int:
    """Read all messages up to the last one; return the number of the last change."""
    seq = 0
    while True:
        match news.get(timeout=60):
            case TaskChanged(seq=number, task=task):
                print("told:", task.description, task.status)
                seq = number
            case SystemStopped(reason=reason):
                print("stopped:", reason)
                return seq
            case _:
                pass


def second_day(directory: Path, seq: int) -> None:
    """Open the session again, and print the changes that were missed."""
    news: Promise[Notification] = Promise()
    with TaskSystem(directory=directory, name="days", kinds=[BashKind()]) as tasks:
        task = tasks.add("Late", "bash", "true", origin="me")
        tasks.wait(task.id, timeout=60)
        tasks.subscribe(news, origin="me", since=seq)
        match news.get(timeout=60):
            case Subscribed(missed=missed):
                print("missed:", [change.task.description for change in missed])
            case _:
                pass
        waits = tasks.submit(TaskRequest("Never", "bash", ("sleep 600",)))
        waits.cancel()
    try:
        tasks.wait(task.id, timeout=60)
    except (RuntimeError, TaskSystemError) as error:
        print("afterward:", error)


async def third_day(directory: Path) -> None:
    """Open the session in a host, and use it from an event loop."""
    remote = RemoteSystem(HostSettings(directory=str(directory), name="days"))
    await asyncio.to_thread(remote.start)  # starts the host if there is none
    try:
        news: AsyncRecorder[Notification] = AsyncRecorder()
        remote.subscribe(news)
        request = TaskRequest("Apart", "bash", ("echo apart",))
        task = await asyncio.wrap_future(remote.submit(request))
        print(task.description, task.status, remote.tail(task.id, 1))
        told = await news.wait_for(TaskChanged, lambda it: it.task == task)
        print("told by the host:", told.task.description, told.event)
    finally:
        # `stop` would only disconnect, and leave the host running.
        await asyncio.to_thread(remote.end)


def main() -> None:
    """Use one session on three days."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "days"
        second_day(directory, first_day(directory))
        asyncio.run(third_day(directory))


if __name__ == "__main__":
    main()
