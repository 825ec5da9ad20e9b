"""Identifying the process of a task whose program was killed during the start.

The id of the process was not recorded. The following is known: the time of the start,
the number given to the process, the existence of a process (there is an output file),
all running session leaders with a mark, and, if the keeper survived, all session
leaders that have ended.

The number identifies the process reliably. The other facts are for systems without such
numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FARTHEST: Final = 1 << 14
"""Process ids closer than this were assigned in their order; otherwise the ids may have
wrapped around in between."""


class Candidate(msgspec.Struct, frozen=True):
    """A session leader that may be the first process of a task.

    Attributes:
        pid: Its id.
        born: When it was started, in clock ticks since boot.
        task_id: The task of its mark; None if the mark is no longer known.
        status: Its exit status in the format of `waitpid`; None if it runs.
        number: The number of its start; 0 if unknown.
    """

    pid: int
    born: int
    task_id: int | None = None
    status: int | None = None
    number: int = 0


def by_number(
    numbers: Mapping[int, int], candidates: Iterable[Candidate]
) -> dict[int, Candidate]:
    """Return the first processes of tasks by the numbers of their starts.

    Other processes with the same number are descendants. A task is missing if there is
    no process with its number, or if process ids wrapped around just then, so that the
    first one can't be determined.
    """
    everything = [*candidates]
    found: dict[int, Candidate] = {}
    for task_id, number in numbers.items():
        its = [it for it in everything if it.number == number]
        for it in its:
            if all(_is_earlier(it, other) for other in its):
                found[task_id] = it
    return found


def identify(
    starts: Mapping[int, int], candidates: Iterable[Candidate]
) -> dict[int, Candidate]:
    """Return the first processes of tasks, as far as they are certain.

    Args:
        starts: The tasks, with the earliest clock tick of each start.
        candidates: All session leaders that may be one of the processes. They include
            the first process of each task.
    """
    everything = [*candidates]
    fitting = {
        task_id: [
            it
            for it in everything
            if it.born >= earliest and it.task_id in {None, task_id}
        ]
        for task_id, earliest in starts.items()
    }
    found: dict[int, Candidate] = {}
    while certain := {
        task_id: first
        for task_id, its in fitting.items()
        if task_id not in found and (first := _first(its)) is not None
    }:
        found |= certain
        taken = {*found.values()}
        fitting = {
            task_id: [it for it in its if it not in taken]
            for task_id, its in fitting.items()
        }
    for task_id in sorted(starts.keys() - found.keys()):
        # It may be any of these, but all of them have the same exit status.
        statuses = {it.status for it in fitting[task_id]}
        free = [it for it in fitting[task_id] if it not in found.values()]
        if free and len(statuses) == 1 and None not in statuses:
            found[task_id] = free[0]
    return found


def _first(its: list[Candidate]) -> Candidate | None:
    """Return the first process of a task, if only one candidate is possible.

    Other processes with its mark are descendants, which were started later.
    """
    if len(its) == 1:
        return its[0]
    for it in its:
        if it.task_id is not None and all(_is_earlier(it, other) for other in its):
            return it
    return None


def _is_earlier(one: Candidate, other: Candidate) -> bool:
    if one is other or one.born != other.born:
        return one is other or one.born < other.born
    return 0 < other.pid - one.pid < _FARTHEST
