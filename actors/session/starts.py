"""Which process a task is whose program was killed in the moment of its start.

Nobody has written down its id then. What is known: when the start began, the number
that it gave the process, that there was such a process (its output file is there),
every process that leads a session and runs with a mark, and, if the keeper lived on,
every one that has ended.

The number tells without a doubt. The rest is for starts that have none: on systems
where there are no numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FARTHEST: Final = 1 << 14
"""Ids that lie closer together were given in their order; else they may have begun
again from the lowest in between."""


class Candidate(msgspec.Struct, frozen=True):
    """The leader of a session that may be the first process of a task.

    Attributes:
        pid: Its id.
        born: When it was started, in clock ticks since the machine was.
        task_id: The task whose mark it carries; None if that is not known any more.
        status: How it ended, as `waitpid` has it; None if it runs.
        number: The number of the start that it comes from, if that has one.
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

    Everything else with the same number descends from it. A task is missing if there is
    no process with its number, or if process ids began again from the lowest in that
    moment, so that it can't be told which was first.
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
    """Return the first processes of tasks, as far as there is no doubt.

    Args:
        starts: The tasks, and the clock tick before which each was not started.
        candidates: All leaders of sessions that are not known to be something else. The
            first process of each of the tasks is among them.
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
        # It may be any of these, but all of them ended alike.
        statuses = {it.status for it in fitting[task_id]}
        free = [it for it in fitting[task_id] if it not in found.values()]
        if free and len(statuses) == 1 and None not in statuses:
            found[task_id] = free[0]
    return found


def _first(its: list[Candidate]) -> Candidate | None:
    """Return the first process of a task, if only one of the candidates can be that.

    All else that carries its mark descends from it, and was started later.
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
