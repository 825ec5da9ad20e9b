"""Requests from code outside actors: `ask`, always with a timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.actors import (
    AddTask,
    ListTasks,
    QueueReply,
    Refused,
    TaskAdded,
    TaskList,
    TaskRequest,
    TaskSystem,
)

if TYPE_CHECKING:
    from backburner.actors import QueueRequest


def ask(tasks: TaskSystem, request: QueueRequest) -> QueueReply:
    """Return the answer to a request; blocks up to five seconds."""
    reply: QueueReply = tasks.queue.ask(request, block=True, timeout=5)
    return reply


def main() -> None:
    """Add a valid task and an invalid one, and print the answers."""
    with TaskSystem() as tasks:
        for kind in ("sleep", "snooze"):
            match ask(tasks, AddTask(TaskRequest("Nap", kind, ("0s",)))):
                case TaskAdded(task=task):
                    print(f"added: {task.id}")
                case Refused(text=text):
                    print(f"refused: {text}")
                case other:
                    raise TypeError(f"not an answer to AddTask: {other}")
        tasks.wait(timeout=10)
        match ask(tasks, ListTasks()):
            case TaskList(counts=counts):
                print(f"complete: {counts.complete}")
            case other:
                raise TypeError(f"not an answer to ListTasks: {other}")


if __name__ == "__main__":
    main()
