"""Tasks that wait for others, listed under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...actors import Task

DEEPEST: Final = 5
"""By how many steps a task is indented at most: a chain may be long."""


def waits_for(task: Task) -> tuple[int, ...]:
    """Return the ids of the tasks that must have ended before this one starts."""
    return () if task.terms is None else task.terms.waits_for


def chain_order(
    ids: Sequence[int], others: Callable[[int], Iterable[int]]
) -> list[int]:
    """Return ids in their order, but each under the last one that it waits for.

    Args:
        ids: The ids.
        others: Returns the ids that one waits for; those that are not among `ids`
            count for nothing.
    """
    known = frozenset(ids)
    under: dict[int, list[int]] = {}
    first: list[int] = []
    for task_id in ids:
        parent = _parent(task_id, others, known)
        (first if parent is None else under.setdefault(parent, [])).append(task_id)
    if not under:
        return first
    order: list[int] = []
    stack = first[::-1]
    while stack:
        task_id = stack.pop()
        order.append(task_id)
        stack.extend(reversed(under.get(task_id, ())))
    return order


def depths(
    ids: Iterable[int], others: Callable[[int], Iterable[int]]
) -> dict[int, int]:
    """Return how far each id is indented; they are in the order of a chain."""
    found: dict[int, int] = {}
    for task_id in ids:
        parent = _parent(task_id, others, found)
        found[task_id] = 0 if parent is None else min(found[parent] + 1, DEEPEST)
    return found


def indented(depth: int, branch: str) -> str:
    """Return what stands before a task that is indented so far."""
    return f"{'  ' * (depth - 1)}{branch} " if depth else ""


def in_chains(tasks: Sequence[Task]) -> list[tuple[Task, int]]:
    """Return tasks with how far each is indented, under those that they wait for."""
    known: Mapping[int, Task] = {task.id: task for task in tasks}

    def others(task_id: int) -> tuple[int, ...]:
        return waits_for(known[task_id])

    order = chain_order([*known], others)
    deep = depths(order, others)
    return [(known[it], deep[it]) for it in order]


def _parent(
    task_id: int,
    others: Callable[[int], Iterable[int]],
    known: frozenset[int] | Mapping[int, int],
) -> int | None:
    # Only earlier ones: then there is no circle, even if the data has one.
    return max(
        (it for it in others(task_id) if it in known and it < task_id), default=None
    )
