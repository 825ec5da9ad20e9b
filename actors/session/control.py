"""The blocking calls that say which task starts when, and how many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import (
    GetRules,
    HoldTask,
    MoveTask,
    PauseQueue,
    RulesFound,
    SetGroup,
    SetSlots,
    Slots,
    TaskAltered,
)
from .asking import ANSWER_TIMEOUT, Asking

if TYPE_CHECKING:
    from ..rules.task import Task
    from ..rules.terms import QueueRules


class Control(Asking):
    """Changes the order of queued tasks, and what is set for the queue."""

    def move(
        self,
        task_id: int,
        *,
        first: bool = False,
        before: int | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Put a queued task elsewhere in the order, and return it.

        Args:
            task_id: Which.
            first: Whether before all others of its priority, or behind them.
            before: Another queued task before which it is put, if any; it gets the
                priority of that one.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        request = MoveTask(task_id, first, before)
        return self._request(request, TaskAltered, answer_timeout).task

    def pause(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> QueueRules:
        """Start no task of a group, or none at all; tasks that run go on.

        Args:
            group: Which; `None` for all.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            What is set for the queue now.

        Raises:
            RefusedError: If there can't be such a group.
            TimeoutError: If there was no answer in time.
        """
        return self._request(PauseQueue(group), RulesFound, answer_timeout).rules

    def resume(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> QueueRules:
        """Start tasks again; see `pause`."""
        request = PauseQueue(group, paused=False)
        return self._request(request, RulesFound, answer_timeout).rules

    def set_group(
        self, name: str, slots: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> QueueRules:
        """Set how many tasks of a group run at a time; 0 for as many as there is room.

        Args:
            name: What the group is called.
            slots: How many.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            What is set for the queue now.

        Raises:
            RefusedError: If there can't be such a group.
            TimeoutError: If there was no answer in time.
        """
        return self._request(SetGroup(name, slots), RulesFound, answer_timeout).rules

    def rules(self, *, answer_timeout: float = ANSWER_TIMEOUT) -> QueueRules:
        """Return what is set for the whole queue: what is paused, and the groups."""
        return self._request(GetRules(), RulesFound, answer_timeout).rules

    def hold(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Let a queued task wait until it is released, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        return self._request(HoldTask(task_id), TaskAltered, answer_timeout).task

    def release(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Let a queued task that is held start when it is its turn, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        request = HoldTask(task_id, held=False)
        return self._request(request, TaskAltered, answer_timeout).task

    def set_slots(
        self, slots: int | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> int:
        """Let so many tasks run at a time, until the session is closed.

        Blocks until the queue has answered. With fewer than run, none is ended.

        Args:
            slots: How many, at least 1; by default nothing is changed.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            How many tasks run at a time now.

        Raises:
            RefusedError: If that is no number of tasks.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(SetSlots(slots), Slots, answer_timeout).slots
