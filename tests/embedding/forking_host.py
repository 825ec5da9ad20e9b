"""A host program that forks while its task system runs.

Arguments: the child's action, and the session's folder.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from backburner.actors import TaskChanged, TaskStatus, TaskSystem, TaskSystemError
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.testing import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 100.0  # the machine may stall for a while


def fork() -> int:
    # Python 3.12 and newer warn of a fork in a program with threads; hosts do it.
    warnings.simplefilter("ignore", DeprecationWarning)
    return os.fork()


def in_the_child(way: str, system: TaskSystem | RemoteSystem) -> None:
    match way.removesuffix(" of a client"):
        case "leaves the block":
            pass
        case "calls everything":
            call_everything(system)
        case "uses another":
            with TaskSystem() as own:
                task = own.add("Own", "bash", "echo mine")
                (ended,) = own.wait(task.id, timeout=PATIENCE)
                check(ended.last_line == "mine", "another system does not work")
        case _:
            raise ValueError(way)


def call_everything(system: TaskSystem | RemoteSystem) -> None:
    system.end()
    system.stop()
    system.stop(timeout=0)
    check(not system.hurry(), "a stop is under way")
    requests: tuple[Callable[[], object], ...] = (
        system.start,
        lambda: system.queue,
        lambda: system.add("Job", "bash", "true"),
        lambda: system.get(1),
        system.list,
        lambda: system.cancel(1),
        system.cancel_all,
        system.forget_finished,
        lambda: system.subscribe(Recorder()),
        lambda: system.unsubscribe(Recorder()),
        lambda: system.wait(timeout=PATIENCE),
    )
    for request in requests:
        try:
            request()
        except TaskSystemError as error:
            check("the parent of this one" in str(error), str(error))
        else:
            raise AssertionError(f"{request} was carried out in the child")


def check(holds: object, text: str) -> None:
    if not holds:
        raise AssertionError(text)


def main(way: str, folder: Path) -> None:
    if way == "lives on":
        live_on(folder)
        return
    if way.endswith(" of a client"):
        share_a_connection(way, folder)
        return
    child = -1
    with TaskSystem(directory=folder, grace=0.2) as system:
        news: Recorder[object] = Recorder()
        system.subscribe(news)
        job = system.add("Job", "bash", "echo here; sleep 600")
        news.wait_for(TaskChanged, lambda it: it.task.last_line == "here")
        child = fork()
        if child == 0:
            in_the_child(way, system)
        else:
            _, status = os.waitpid(child, 0)
            check(status == 0, "the child failed")
            check(system.get(job.id).status is TaskStatus.RUNNING, "the job was ended")
            check(Path(job.output_path or "").exists(), "its output is gone")
            after = system.add("After", "bash", "echo after")
            (ended,) = system.wait(after.id, timeout=PATIENCE)
            check(ended.last_line == "after", "nothing more works")
    if child == 0:
        return
    with TaskSystem(directory=folder) as system:
        check(system.warnings == (), "it was not closed in order")
        (job, after) = system.list()
        check(job.reason == "the session ended", job.reason)


def share_a_connection(way: str, folder: Path) -> None:
    """Fork while this program is connected to a session's host."""
    events: Recorder[object] = Recorder()
    client = RemoteSystem(HostSettings(directory=str(folder)), events=events)
    with client as system:
        task = system.add("Job", "sleep", "600s")
        child = fork()
        if child == 0:
            in_the_child(way, system)
        else:
            try:
                _, status = os.waitpid(child, 0)
                check(status == 0, "the child failed")
                check(system.get(task.id).status is TaskStatus.RUNNING, "it was ended")
                check(not events.received, f"the connection was lost: {events}")
            finally:
                system.end()


def live_on(folder: Path) -> None:
    """Close and reopen the session while a child that knows it lives."""
    own_end, child_end = os.pipe()
    system = TaskSystem(directory=folder)
    waiting = TaskSystem()
    system.start()
    if fork() == 0:
        os.close(child_end)
        os.read(own_end, 1)  # until the parent has ended
        with waiting:  # the child's own event, which the parent had not started
            waiting.list()
        return
    try:
        system.stop()
        with system:
            system.list()
    finally:
        os.close(child_end)
        os.wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
