"""The mark by which a task's processes are recognized, also after they were orphaned.

Every child carries `BACKBURNER_TASK=<session>-<key>:<id>` in its environment, and its
children inherit it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MARK: Final = "BACKBURNER_TASK"
"""The environment variable that names the task a process belongs to."""

SESSION: Final = "BACKBURNER_SESSION"
"""The environment variable by which a job of a host finds its session: the folder."""


def mark(session_key: str, task_id: int) -> str:
    """Return the value of the mark for one task.

    A program that runs inside a task and starts tasks itself adds its own mark to the
    one it carries, so that the outer task's processes can all be found.
    """
    own = f"{session_key}:{task_id}"
    outer = os.environ.get(MARK)
    return f"{outer},{own}" if outer else own


def own_part(value: str) -> str:
    """Return the innermost part of a mark: that of the task itself."""
    return value.rpartition(",")[2]


def is_of_session(part: str, session_key: str) -> bool:
    """Tell whether a part of a mark, `work-1f2e:3`, is of the session with this key.

    Under any name of the session: its key alone is like no other's.
    """
    return part.rpartition(":")[0].rpartition("-")[2] == session_key


def task_of(part: str) -> int | None:
    """Return the id of the task that a part of a mark names; None if it is none."""
    number = part.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdecimal() else None
