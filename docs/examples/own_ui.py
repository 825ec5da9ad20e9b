"""Another user interface: an actor of the embedding program shows the tasks."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pykka
from backburner.actors import (
    GroupPaused,
    JournalTrouble,
    MessageSaid,
    Notification,
    SchedulesChanged,
    Shown,
    SlotsChanged,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TasksForgotten,
    TaskSystem,
)

if TYPE_CHECKING:
    from backburner.actors import QueueRequest, Recipient


class Ticker(pykka.ThreadingActor):
    """Prints one line for every end of a task, once, even across restarts.

    Args:
        queue: Receives `Shown`.
        idle: Set when the last open task has ended.
    """

    use_daemon_thread = True

    def __init__(self, queue: Recipient[QueueRequest], idle: threading.Event) -> None:
        super().__init__()
        self._queue = queue
        self._idle = idle
        self._open: set[int] = set()

    def on_receive(self, message: Notification) -> None:
        """Show one notification."""
        match message:
            case Subscribed(tasks=tasks, unshown=unshown):
                self._open = {task.id for task in tasks if not task.status.is_final}
                for change in unshown:
                    self._show(change)
            case TaskChanged():
                self._show(message)
            case TasksForgotten(ids=ids):
                print(f"forgotten: {ids}")
            case JournalTrouble(text=text):
                print(f"journal: {text or 'works again'}")
            case MessageSaid(message=said):
                print(f"{said.who}: {said.text}")
            case SystemStopped():
                self._idle.set()
            case SlotsChanged(slots=slots):
                print(f"{slots} tasks run at a time")
            case GroupPaused(group=group, task=task):
                print(f"{group} is paused: {task.description} failed")
            case SchedulesChanged(schedules=schedules):
                print(f"added again and again: {[it.every for it in schedules]}")

    def _show(self, change: TaskChanged) -> None:
        task = change.task
        if task.status.is_final:
            print(f"{task.description}: {task.status}, {task.reason}")
            self._open.discard(task.id)
        else:
            self._open.add(task.id)
        # It is then no longer among the unshown changes of the next `Subscribed`.
        self._queue.tell(Shown(change.seq))
        if task.status.is_final and not self._open:
            self._idle.set()


def main() -> None:
    """Run a task without a subscriber, and show its end in the next run."""
    with tempfile.TemporaryDirectory() as folder:
        with TaskSystem(directory=Path(folder)) as tasks:
            tasks.add("Unseen", "bash", "true")
            tasks.wait(timeout=10)
        idle = threading.Event()
        with TaskSystem(directory=Path(folder)) as tasks:
            ticker = Ticker.start(tasks.queue, idle)
            tasks.subscribe(ticker, shows=True)
            if not idle.wait(10):
                raise TimeoutError("nothing to show")
            idle.clear()
            tasks.add("Seen", "bash", "exit 3")
            if not idle.wait(10):
                raise TimeoutError("nothing more to show")
        ticker.stop()


if __name__ == "__main__":
    main()
