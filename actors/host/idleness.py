"""Detects when a host is no longer needed by tasks, schedules or clients."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from ..messages import JournalTrouble, SchedulesChanged, Subscribed, TaskChanged
from ..rules.rounds import HeldTasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..messages import Notification
    from ..rules.task import Task

_FIRST_LINGER: Final = 30.0
"""Minimum seconds for the first client to connect, even on a busy machine."""


class Idleness:
    """Reports when a host has been idle for a while.

    Args:
        linger: Seconds of idleness; 0 to never report it.
        is_joined: Returns whether there are clients.
        tell: Called on any thread with a number to pass to `is_over`.
    """

    def __init__(
        self, linger: float, is_joined: Callable[[], bool], tell: Callable[[int], None]
    ) -> None:
        self._open: set[int] = set()
        self._held = HeldTasks()
        self._linger = linger
        self._is_joined = is_joined
        self._tell = tell
        self._schedules: set[int] = set()  # schedules that are not paused
        self._was_joined = False
        self._is_replaced = False
        self._alarm: threading.Timer | None = None
        self._number = 0
        self._lock = threading.Lock()  # guards the alarm

    @property
    def open_count(self) -> int:
        """The number of unfinished tasks."""
        return len(self._open)

    def are_all_held(self) -> bool:
        """Tell whether each open task waits until somebody lets it go on."""
        return self._held.are_all(len(self._open), self._open.__contains__)

    def _note(self, task: Task) -> bool:
        """Record an open task; return whether it was open before."""
        known = task.id in self._open
        self._open.add(task.id)
        self._held.note(task)
        return known

    def _drop(self, task_id: int) -> bool:
        """Record that a task is no longer open; return whether it was."""
        known = task_id in self._open
        self._open.discard(task_id)
        self._held.drop(task_id)
        return known

    def take(self, news: Notification) -> Task | None:
        """Handle a notification; return the task that has ended, if one has."""
        ended: Task | None = None
        match news:
            # The most frequent case comes first.
            case TaskChanged(task=task) if not task.status.is_final:
                if self._note(task):
                    return None
            case Subscribed(tasks=tasks, schedules=schedules):
                self._open, self._held = set(), HeldTasks()
                for task in tasks:
                    if not task.status.is_final:
                        self._note(task)
                self._schedules = {it.id for it in schedules if not it.paused}
            case SchedulesChanged(schedules=schedules, removed=removed):
                self._schedules.difference_update(it.id for it in schedules)
                self._schedules.update(it.id for it in schedules if not it.paused)
                self._schedules.difference_update(removed)
            case TaskChanged(task=task) if self._drop(task.id):
                ended = task
            case JournalTrouble(replaced=replaced):
                self._is_replaced = replaced
            case _:
                return None
        self.watch()
        return ended

    def note_join(self) -> None:
        """Record that a client has connected: the longer first linger ends."""
        self._was_joined = True
        self.watch()

    def watch(self) -> None:
        """Start or cancel the alarm of an idle period."""
        if self._open and self._alarm is None and not self._is_replaced:
            return  # the usual case; a pending alarm checks again itself
        with self._lock:
            linger = self._linger
            if linger > 0 and not self._was_joined:
                linger = max(linger, _FIRST_LINGER)
            idle = linger > 0 and not self._is_needed
            if idle == (self._alarm is not None):
                return
            self._number += 1
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
                return
            self._alarm = threading.Timer(linger, self._tell, (self._number,))
            self._alarm.daemon = True
            self._alarm.start()

    def is_over(self, number: int) -> bool:
        """Return whether the idle period of this number has elapsed."""
        with self._lock:
            if number != self._number:
                return False
            self._alarm = None
            return not self._is_needed

    @property
    def _is_needed(self) -> bool:
        # In a session that was replaced, tasks can't be stored or reported any more.
        for_tasks = not self._is_replaced and (self._open or self._schedules)
        return bool(for_tasks) or self._is_joined()
