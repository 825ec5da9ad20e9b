"""The changes that were not shown yet."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..messages import TaskChanged

UNSHOWN_KEPT: Final = 1_000
"""Maximum number of forgotten tasks whose unshown changes are kept.

Otherwise a host without viewers would accumulate them forever.
"""


class UnshownChanges:
    """The stored or pending changes that were not shown yet.

    They outlive their tasks, so that the end of every task is shown.

    Args:
        changes: The unshown changes of earlier runs of the session, in order.
        is_known: Returns whether a task is not forgotten.
        shown: The number of the last change that was shown.
    """

    def __init__(
        self,
        changes: Iterable[TaskChanged] = (),
        is_known: Callable[[int], bool] = lambda _: True,
        shown: int = 0,
    ) -> None:
        # In order; may include tasks that are no longer in `_last`.
        self._changes = deque(changes)
        # The number of each task's last change. Filled in bulk: there may be many.
        self._last = {it.task.id: it.seq for it in self._changes}
        # In the order of their last changes.
        self._forgotten: OrderedDict[int, None] = OrderedDict()
        self._shown = shown
        self._untidy = 0
        gone = [*itertools.filterfalse(is_known, self._last)]
        gone.sort(key=self._last.__getitem__)
        self._forgotten.update(dict.fromkeys(gone))

    @property
    def last(self) -> int:
        """The number of the last unshown change; 0 if there is none."""
        known = (it.seq for it in reversed(self._changes) if it.task.id in self._last)
        return next(known, 0)

    def add(self, change: TaskChanged) -> None:
        """Record a change."""
        self._changes.append(change)
        self._last[change.task.id] = change.seq

    def forgot(self, ids: Iterable[int]) -> list[int]:
        """Record that tasks are forgotten.

        Returns:
            Forgotten tasks whose changes are no longer needed.
        """
        done: list[int] = []
        for task_id in ids:
            if task_id in self._last:
                self._forgotten[task_id] = None
            else:
                done.append(task_id)
        while len(self._forgotten) > UNSHOWN_KEPT:
            task_id, _ = self._forgotten.popitem(last=False)
            del self._last[task_id]
            done.append(task_id)
            self._untidy += 1
        if self._untidy > max(UNSHOWN_KEPT, len(self._last)):
            self._untidy = 0
            self._changes = deque(
                it for it in self._changes if it.task.id in self._last
            )
        return done

    def shown(self, seq: int) -> list[int]:
        """Record that all changes up to this one were shown; never decreases.

        Returns:
            Forgotten tasks whose changes are no longer needed.
        """
        self._shown = max(self._shown, seq)
        done: list[int] = []
        while self._changes and self._changes[0].seq <= self._shown:
            change = self._changes.popleft()
            task_id = change.task.id
            if self._last.get(task_id) == change.seq:
                del self._last[task_id]
                if task_id in self._forgotten:
                    del self._forgotten[task_id]
                    done.append(task_id)
        return done

    def up_to(self, seq: float = math.inf) -> tuple[TaskChanged, ...]:
        """Return the unshown changes up to this number, in order; all by default."""
        return tuple(
            it
            for it in self._changes
            if self._shown < it.seq <= seq and it.task.id in self._last
        )
