"""Prints every change of one task."""

from __future__ import annotations

from backburner.actors import Notification, TaskChanged, TaskSystem


class Printer:
    """A recipient. `tell` is called on a thread of the system and must not block."""

    def tell(self, message: Notification, /) -> None:
        """Print one line for each change."""
        match message:
            case TaskChanged(event=event, task=task):
                print(f"{task.description}: {event}, {task.reason}")
            case _:
                pass


def main() -> None:
    """Run one job and print its changes."""
    with TaskSystem() as tasks:
        tasks.subscribe(Printer())
        build = tasks.add("Build", "bash", "sleep 0.2; echo built")
        tasks.wait(build.id, timeout=60)


if __name__ == "__main__":
    main()
