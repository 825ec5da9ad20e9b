"""Order and indent tasks below the tasks that they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors.rules.terms import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...actors import Task

DEEPEST: Final = 5
"""Maximum indentation of a task, in steps; chains may be longer."""


def waits_for(task: Task) -> tuple[int, ...]:
    """Return the ids of the tasks that must have ended before this one starts."""
    return (task.terms or PLAIN).waits_for


def chain_order(
    ids: Sequence[int], others: Callable[[int], Iterable[int]]
) -> list[int]:
    """Return ids in their order, but each below the last id that it waits for.

    `others` returns the ids that an id waits for; ids outside `ids` are ignored.
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
    """Return the indentation of each id, in steps; `ids` are in chain order."""
    found: dict[int, int] = {}
    for task_id in ids:
        parent = _parent(task_id, others, found)
        found[task_id] = 0 if parent is None else min(found[parent] + 1, DEEPEST)
    return found


def indented(depth: int, branch: str) -> str:
    """Return the prefix of a task at this indentation."""
    return f"{'  ' * (depth - 1)}{branch} " if depth else ""


def in_chains(tasks: Sequence[Task]) -> list[tuple[Task, int]]:
    """Return tasks in chain order, each with its indentation in steps."""
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
    # Only earlier ids, so that a cycle in the data can't cause a loop.
    return max(
        (it for it in others(task_id) if it in known and it < task_id), default=None
    )
