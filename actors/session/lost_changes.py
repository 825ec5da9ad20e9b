"""What is true of a session whose journal may have lost its last changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..journal.protocol import Memory

_FARTHEST_ID: Final = 10_000_000
"""How far above all known ids the name of an output file may be an id of ours."""


def restored(
    memory: Memory, next_id: int, seq: int | None, outputs: Collection[int]
) -> tuple[Memory, str | None]:
    """Return what is true of a session, by all that its folder remembers of it.

    The journal may have lost its last changes: in a power cut, or because a file of it
    was deleted. Then no id is given twice, and no task is run twice: one that is
    queued and has an output file was started, and so was running when the last program
    ended, as far as anybody knows.

    Args:
        memory: What the journal remembers.
        next_id: What the lock file has as the id of the next task.
        seq: What it has as the number of the last change; None if an older version
            wrote it, whose `next_id` may be too high.
        outputs: The ids of the output files.

    Returns:
        What is true, and what is lost, for people, or None. The text follows the name
        of the journal, and the name of the output folder follows the text.
    """
    is_new = memory.next_id == 1
    if seq is None and not is_new:
        next_id = 1
    next_id = max(next_id, memory.next_id)
    ours = [it for it in outputs if it < next_id + _FARTHEST_ID]
    next_id = max([next_id, *(it + 1 for it in ours)])
    lost: str | None = None
    if is_new and next_id > 1:
        lost = "was missing or empty, and the session starts without its tasks;"
    elif memory.seq < (seq or 0):
        lost = "has lost the last changes, perhaps what tasks were added and how some"
        lost += " ended;"
    if lost is not None:
        lost += " their output is still in"
    queued = TaskStatus.QUEUED
    # Without a look at each of a long queue if none of it can be one.
    started = (
        {it.id for it in memory.tasks if it.status is queued}.intersection(ours)
        if ours
        else frozenset[int]()
    )
    return replace(
        memory,
        next_id=next_id,
        seq=max(memory.seq, seq or 0),
        # What a lost change tells may run still, and is known by its mark alone.
        clean=memory.clean and lost is None,
        tasks=tuple(
            it.started(it.queued_at) if it.id in started else it for it in memory.tasks
        )
        if started
        else memory.tasks,
    ), lost
