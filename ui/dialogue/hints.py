"""Hints that the chat adds to a refusal: the command that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors import (
    AddTask,
    CancelTask,
    PauseSchedule,
    QueueRequest,
    RefusalCode,
    Refused,
    RemoveSchedule,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...actors.kinds.kind import KindWords

_EXAMPLES: Final = {"bash": '/task "List" bash ls -l', "sleep": '/task "Nap" sleep 10s'}
_ENDS_SOON: Final = "at the latest"  # its processes still run


def with_hint(
    refusal: Refused, request: QueueRequest, kinds: Iterable[KindWords]
) -> str:
    """Return the text of a refusal, with the command to type next if known."""
    text = refusal.text
    match refusal.code, request:
        case RefusalCode.UNKNOWN, PauseSchedule() | RemoveSchedule():
            return f"{text}; /schedules lists all schedules"
        case RefusalCode.UNKNOWN, _ if "left the history" not in text:
            return f"{text}; /tasks --all lists all tasks"
        case RefusalCode.FINISHED, CancelTask(task_id=task_id) if not text.endswith(
            _ENDS_SOON
        ):
            return f"{text}; /show {task_id} tells more"
        case RefusalCode.INVALID, AddTask(request=task) if text.startswith("missing "):
            for kind in kinds:
                if kind.name == task.kind:
                    example = f'/task "Description" {kind.name} {kind.usage}'
                    return f"{text}; try: {_EXAMPLES.get(kind.name, example)}"
            return text
        case _:
            return text
