"""An actor that subscribes, adds and cancels tasks, and never waits for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pykka
from backburner.actors import (
    AddTask,
    CancelTask,
    Notification,
    QueueReply,
    QueueRequest,
    Refused,
    Subscribe,
    TaskAdded,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskSystem,
)

if TYPE_CHECKING:
    from backburner.actors import Recipient


class Builder(pykka.ThreadingActor):
    """Runs a build beside an endless task, which it cancels when the build ends."""

    use_daemon_thread = True

    def __init__(self, queue: Recipient[QueueRequest]) -> None:
        super().__init__()
        self._queue = queue
        self._ids: dict[str, int] = {}

    def on_start(self) -> None:
        """Subscribe to all changes, and add two tasks. Answers arrive as messages."""
        me = self.actor_ref
        self._queue.tell(Subscribe(me))
        clock = TaskRequest("Clock", "bash", ("while date; do sleep 1; done",))
        self._queue.tell(AddTask(clock, reply_to=me, correlation_id="clock"))
        build = TaskRequest("Build", "bash", ("sleep 0.2; echo built",))
        self._queue.tell(AddTask(build, reply_to=me, correlation_id="build"))

    def on_receive(self, message: Notification | QueueReply) -> None:
        """Handle notifications and answers; ignore the rest."""
        match message:
            case TaskAdded(task=task, correlation_id=str(name)):
                self._ids[name] = task.id
            case Refused(text=text):
                print(f"refused: {text}")
                self.stop()
            case TaskChanged(event=TaskEvent.COMPLETE, task=task):
                print(f"{task.description} is complete: {task.last_line}")
                self._queue.tell(CancelTask(self._ids["clock"], "the build is done"))
            case TaskChanged(event=TaskEvent.CANCELED, task=task):
                print(f"{task.description} was canceled: {task.reason}")
                self.stop()
            case _:
                pass


def main() -> None:
    """Run the actor until it stops."""
    with TaskSystem() as tasks:
        builder = Builder.start(tasks.queue)
        if not builder.actor_stopped.wait(timeout=60):
            raise TimeoutError("the builder is still at work")


if __name__ == "__main__":
    main()
