"""The chat in a program whose tasks begin and end so fast that nobody could read it.

python -m bench.busy_chat FOLDER TASKS_PER_SECOND
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from backburner.actors import AddTask, TaskRequest, TaskSystem
from backburner.ui.chat.run import ChatOptions, run_chat


def _keep_adding(system: TaskSystem, per_second: float) -> None:
    added, begun = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - begun) * per_second)
        for _ in range(due - added):
            system.queue.tell(AddTask(TaskRequest("Nap", "sleep", ("0",))))
        added = due
        time.sleep(0.01)


def main() -> int:
    """Run the chat, and return its exit status."""
    folder, per_second = Path(sys.argv[1]), float(sys.argv[2])
    with TaskSystem(directory=folder, slots=8) as system:
        threading.Thread(
            target=_keep_adding, args=(system, per_second), daemon=True
        ).start()
        return run_chat(system, ChatOptions("busy", folder))


if __name__ == "__main__":
    sys.exit(main())
