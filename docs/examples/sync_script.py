"""A script that runs several jobs in parallel and waits for all of them."""

from __future__ import annotations

import sys

from backburner.actors import TaskStatus, TaskSystem


def main() -> int:
    """Run two jobs in parallel and print how they ended."""
    with TaskSystem(slots=2) as tasks:
        build = tasks.add("Build", "bash", "echo 12 files compiled")
        tests = tasks.add("Tests", "bash", "echo 1 of 40 failed; exit 1")
        ended = tasks.wait(build.id, tests.id, timeout=60)
    for task in ended:
        print(f"{task.description}: {task.status}, {task.reason}; {task.last_line}")
    return 0 if all(task.status is TaskStatus.COMPLETE for task in ended) else 1


if __name__ == "__main__":
    sys.exit(main())
