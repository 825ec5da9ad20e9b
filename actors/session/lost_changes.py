"""Restoring the state of a session whose journal may have lost its last changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..journal.protocol import Memory

_FARTHEST_ID: Final = 10_000_000
"""Maximum distance from the highest known id at which an output file counts."""


def restored(
    memory: Memory, next_id: int, seq: int | None, outputs: Collection[int]
) -> tuple[Memory, str | None]:
    """Return the state of a session according to all of its files.

    The journal may have lost its last changes, in a power failure or because one of its
    files was deleted. No id may be reused, and no task may run twice: a queued task
    with an output file was started, so it is treated as running when the last program
    ended.

    Args:
        memory: The contents of the journal.
        next_id: The id of the next task according to the lock file.
        seq: The number of the last change according to the lock file; None if an older
            version wrote it, whose `next_id` may be too high.
        outputs: The ids of the output files.

    Returns:
        The state, and a text about lost changes for people, or None. The name of the
        journal precedes the text, and the name of the output directory follows it.
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
    # Avoids a pass over a long queue if there are no output files.
    started = (
        {it.id for it in memory.tasks if it.status is queued}.intersection(ours)
        if ours
        else frozenset[int]()
    )
    return replace(
        memory,
        next_id=next_id,
        seq=max(memory.seq, seq or 0),
        # Processes of lost changes may still run, and are known only by their marks.
        clean=memory.clean and lost is None,
        tasks=tuple(
            it.started(it.queued_at) if it.id in started else it for it in memory.tasks
        )
        if started
        else memory.tasks,
    ), lost
