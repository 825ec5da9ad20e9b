"""Decides which changes of tasks are stored, and encodes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.field_types import plain
from ..rules.outcome import STOPPING
from ..rules.status import TaskStatus
from ..rules.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..messages import TaskChanged
    from ..rules.attempts import Attempt

    _Standing = tuple[Attempt | None, bool, datetime | None, bool, str]

_encode = msgspec.json.Encoder(enc_hook=plain).encode


class Standings:
    """The stored states of running tasks, to detect relevant changes.

    Args:
        running: The running tasks of an earlier run of the session.
    """

    def __init__(self, running: Iterable[Task] = ()) -> None:
        self._known = {it.id: _standing(it) for it in running}

    def is_news(self, change: TaskChanged) -> bool:
        """Return whether a change must be stored, and record that it is.

        Progress need not be stored, unless a running task begins another attempt, gets
        a node, is told to stop, is paused or resumed: the next program must know that.
        """
        is_progress, task = not change.event.is_of_status, change.task
        if task.status is TaskStatus.RUNNING:
            standing = _standing(task)
            if is_progress and self._known.get(task.id, standing) == standing:
                return False
            self._known[task.id] = standing
        elif task.status.is_final:
            self._known.pop(task.id, None)
            return not is_progress
        return True


def _standing(task: Task) -> _Standing:
    """Return the part of a running task that must be stored."""
    stopping = task.reason.startswith(STOPPING)
    return task.attempt, stopping, task.paused_at, task.awaits_input, task.node


def row_of(change: TaskChanged) -> tuple[int, int, str, str]:
    """Return the row of a change."""
    return (change.seq, change.task.id, str(change.event), text_of(change.task))


def text_of(task: Task) -> str:
    """Return the text of a task as it is stored, without most default values.

    The reader adds them. No string in the text can look like a field, because JSON
    escapes quotes.
    """
    text = _encode(task).decode()
    for end in _ENDS:
        if text.endswith(end):
            text = f"{text.removesuffix(end)}}}"
            break
    if task.status.is_final:  # a long history consists of these
        for some in _SOME:
            text = text.replace(some, "")
    return text


def _defaults(first: str, last: str) -> str:
    """Return the text of consecutive fields with their default values."""
    fields = {it.name: it.default for it in msgspec.structs.fields(Task)}
    names = [*fields]
    some = names[names.index(first) : names.index(last) + 1]
    text = msgspec.json.encode({it: fields[it] for it in some}).decode()
    return f",{text[1:-1]}"


_LAST: Final = Task.__struct_fields__[-1]

_ENDS: Final = tuple(
    f"{_defaults(first, _LAST)}}}"
    # A waiting task has not begun; one that was canceled then has only an end.
    for first in ("started_at", "duration", "paused_at")
)
_SOME: Final = (_defaults("terms", "place"), _defaults("error", "progress"))
"""Omitted from the text of a task. No struct in a task has fields of these names."""
