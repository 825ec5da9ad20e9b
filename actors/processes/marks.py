"""The mark that identifies a task's processes, even after they were orphaned.

Every child carries `BACKBURNER_TASK=<session>-<key>:<id>` in its environment, and its
descendants inherit it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MARK: Final = "BACKBURNER_TASK"
"""The environment variable that names the task of a process."""

SESSION: Final = "BACKBURNER_SESSION"
"""The environment variable that names the session folder of a host, for its jobs."""

_LONGEST_ID: Final = 16  # digits of 2**53; a job can write any number into its mark


def mark(session_key: str, task_id: int) -> str:
    """Return the value of the mark for one task.

    A program that runs inside a task and starts tasks itself appends its own mark to
    the one it inherited, so that all processes of the outer task can be found.
    """
    own = f"{session_key}:{task_id}"
    outer = os.environ.get(MARK)
    return f"{outer},{own}" if outer else own


def own_part(value: str) -> str:
    """Return the innermost part of a mark, which is that of the task itself."""
    return value.rpartition(",")[2]


def is_of_session(part: str, session_key: str) -> bool:
    """Return whether a part of a mark, `work-1f2e:3`, belongs to a session.

    The name of the session may differ, because its key is unique.
    """
    return part.rpartition(":")[0].rpartition("-")[2] == session_key


def task_of(part: str) -> int | None:
    """Return the task id in a part of a mark; None if it is malformed."""
    number = part.rpartition(":")[2]
    if len(number) > _LONGEST_ID or not (number.isascii() and number.isdecimal()):
        return None
    return int(number)
