"""A host program around a task system, which ends in one of several bad ways.

Arguments: the way, the session's folder, and a file for process ids.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Never

import pykka
from backburner.actors import Notification, TaskChanged, TaskFilter, TaskSystem
from backburner.actors.testing import Recorder


class Bystander(pykka.ThreadingActor):
    """An actor of the host's own; any message makes it exit, as some programs do."""

    use_daemon_thread = True

    def on_receive(self, message: object) -> Never:
        del message
        sys.exit("the host's actor has had enough")


def start(folder: Path, pids: Path, on_term: str = "exit 1") -> TaskSystem:
    """Start a system with a running task in two process sessions, and a queued one.

    On SIGTERM the first runs `on_term`.
    """
    system = TaskSystem(directory=folder, slots=1, grace=5.0)
    system.start()
    news: Recorder[Notification] = Recorder()
    system.subscribe(news)
    begin = f"echo $$ >> {pids}; setsid sleep 600 & echo $! >> {pids}; echo ready"
    endless = "while :; do sleep 0.05; done"
    system.add("Runs", "bash", f"trap '{on_term}' TERM; {begin}; {endless}")
    news.wait_for(TaskChanged, lambda change: change.task.last_line == "ready")
    system.unsubscribe(news)
    system.add("Waits", "bash", "echo at last")
    return system


def main(way: str, folder: Path, pids: Path) -> None:
    if way == "is interrupted twice":
        system = start(folder, pids, on_term="kill -INT $PPID")
    else:
        system = start(folder, pids)
    bystander = Bystander.start()
    match way:
        case "stops all actors":
            pykka.ActorRegistry.stop_all()
            system.stop()
        case "stops all actors and nothing else":
            pykka.ActorRegistry.stop_all()
        case "has an actor that exits":
            bystander.tell("exit")
            bystander.actor_stopped.wait(100)
            system.stop()
        case "raises":
            raise RuntimeError("the host is broken")
        case "raises and stops":
            try:
                raise RuntimeError("the host is broken")
            finally:
                system.stop()
        case "is interrupted twice":
            try:
                raise KeyboardInterrupt
            finally:
                system.stop(timeout=600)
        case "returns":
            return
        case "forks":
            # Python 3.12 and newer warn of a fork in a program with threads; hosts do
            # it.
            warnings.simplefilter("ignore", DeprecationWarning)
            if os.fork() == 0:
                sys.exit()
            os.wait()
            if len(system.list(TaskFilter.RUNNING)) != 1:
                raise RuntimeError("the end of a forked child ended a task")
            system.stop()
        case _:
            raise ValueError(way)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
