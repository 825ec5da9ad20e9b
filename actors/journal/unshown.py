"""The changes that nobody was shown yet, and what becomes of them."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..messages import TaskChanged

UNSHOWN_KEPT: Final = 1_000
"""Maximum number of forgotten tasks whose unshown changes are kept.

A host that shows changes to nobody would otherwise pile them up for ever.
"""


class UnshownChanges:
    """The changes that were written down or will be, and that nobody was shown yet.

    They outlive the task: somebody is owed its end.

    Args:
        changes: Those of earlier lives of the session, in order.
        is_known: Tells whether a task is not forgotten.
        shown: The number of the last change that was shown.
    """

    def __init__(
        self,
        changes: Iterable[TaskChanged] = (),
        is_known: Callable[[int], bool] = lambda _: True,
        shown: int = 0,
    ) -> None:
        # By task, in the order of their last changes. Both lose entries at the front
        # all the time, which makes a plain dict quadratic.
        # Tuples: the cycle collector need not look at them, and there may be many.
        told = [*changes]
        # Without a call for each if there is one for each task: there may be many.
        self._changes: OrderedDict[int, tuple[TaskChanged, ...]] = OrderedDict(
            [(it.task.id, (it,)) for it in told]
        )
        self._forgotten: OrderedDict[int, None] = OrderedDict()
        self._shown = shown
        if len(self._changes) < len(told):
            self._changes.clear()
            for change in told:
                self.add(change)
        self._forgotten.update(
            dict.fromkeys(itertools.filterfalse(is_known, self._changes))
        )

    @property
    def last(self) -> int:
        """The number of the last of them; 0 if there is none."""
        if not self._changes:
            return 0
        return self._changes[next(reversed(self._changes))][-1].seq

    def add(self, change: TaskChanged) -> None:
        """Note a change."""
        before = self._changes.pop(change.task.id, ())
        self._changes[change.task.id] = (*before, change)

    def forgot(self, ids: Iterable[int]) -> list[int]:
        """Note that tasks are forgotten.

        Returns:
            Forgotten tasks whose changes are no longer needed.
        """
        done: list[int] = []
        for task_id in ids:
            if task_id in self._changes:
                self._forgotten[task_id] = None
            else:
                done.append(task_id)
        while len(self._forgotten) > UNSHOWN_KEPT:
            task_id, _ = self._forgotten.popitem(last=False)
            del self._changes[task_id]
            done.append(task_id)
        return done

    def shown(self, seq: int) -> list[int]:
        """Note that all changes up to this one have been shown; never goes back.

        Returns:
            Forgotten tasks whose changes are no longer needed.
        """
        self._shown = max(self._shown, seq)
        done: list[int] = []
        while self._changes:
            task_id = next(iter(self._changes))
            if self._changes[task_id][-1].seq > self._shown:
                break
            del self._changes[task_id]
            if task_id in self._forgotten:
                del self._forgotten[task_id]
                done.append(task_id)
        return done

    def up_to(self, seq: float = math.inf) -> tuple[TaskChanged, ...]:
        """Return those up to this number, in order; all by default."""
        changes = [
            change
            for changes in self._changes.values()
            for change in changes
            if self._shown < change.seq <= seq
        ]
        changes.sort(key=lambda change: change.seq)
        return tuple(changes)
