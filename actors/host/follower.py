"""Continues an interrupted subscription without gaps or repetitions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ..messages import (
    GroupPaused,
    JournalTrouble,
    MessageSaid,
    Notification,
    SchedulesChanged,
    SlotsChanged,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TasksForgotten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..rules.chat_message import ChatMessage
    from ..rules.schedules import Schedule
    from ..rules.status import TaskStatus
    from ..rules.task import Task

_HEARD: Final = 2_000
"""Number of recent chat messages kept; a host repeats no more than these."""


class Follower:
    """Merges several subscriptions into one; reports missed news as changes.

    A subscriber that was too slow, or whose host died, is subscribed again. It gets
    only the first `Subscribed`; later ones become notifications of each task and
    schedule that changed in between, of another number of slots, of groups that were
    paused after a failure, and of the chat messages. A fault of the journal that
    persists is reported again.

    Args:
        told_of_all: Whether a task missing in a `Subscribed` is forgotten. Otherwise
            its status may just be one that the subscriber has not requested.
    """

    def __init__(self, *, told_of_all: bool = True) -> None:
        self._told_of_all = told_of_all
        # The status of each task, and whether it waits for input.
        self._known: dict[int, tuple[TaskStatus, bool]] = {}
        self._schedules: dict[int, Schedule] = {}
        self._slots = 0
        self._paused: dict[str, int] = {}  # the task that has failed in each group
        self._is_begun = False
        self._in_trouble = False
        self._seq = 0
        self.since = datetime.now(UTC)
        """The time at which the first subscription began."""
        self._heard: dict[ChatMessage, None] = {}  # recent messages, in order

    def take(self, news: Notification) -> Iterable[Notification]:
        """Handle a notification of the host; return those for the subscriber."""
        match news:
            case Subscribed() if self._is_begun:
                return tuple(self._catch_up(news))
            case Subscribed(tasks=tasks, schedules=schedules):
                self._is_begun = True
                for task in tasks:
                    self._note(task)
                self._schedules = {it.id: it for it in schedules}
                self._seq, self._slots = news.seq, news.slots
                self._paused = {it.group: it.task.id for it in news.paused}
            case TaskChanged(task=task):
                self._note(task)
                self._seq = news.seq
            case TasksForgotten(ids=ids):
                for task_id in ids:
                    self._known.pop(task_id, None)
            case SchedulesChanged(schedules=schedules, removed=removed):
                self._schedules |= {it.id: it for it in schedules}
                for schedule_id in removed:
                    self._schedules.pop(schedule_id, None)
            case MessageSaid(message=said):
                self.hear(said)
            case SlotsChanged(slots=slots):
                self._slots = slots
            case GroupPaused(group=group, task=task):
                self._paused[group] = task.id
            case JournalTrouble(text=text):
                self._in_trouble = text is not None
            case _:
                pass
        return (news,)

    def hear(self, *said: ChatMessage) -> None:
        """Record messages that the subscriber already has, or is sent."""
        self._heard |= dict.fromkeys(it for it in said if it.at >= self.since)
        while len(self._heard) > _HEARD:
            del self._heard[next(iter(self._heard))]

    def _note(self, task: Task) -> None:
        self._known[task.id] = (task.status, task.awaits_input)

    def _catch_up(self, news: Subscribed) -> Iterator[Notification]:
        if self._in_trouble:
            # If the fault persists, the next message says so.
            self._in_trouble = False
            yield JournalTrouble(None)
        yield from self._missed_of_tasks(news)
        before, self._schedules = self._schedules, {it.id: it for it in news.schedules}
        changed = tuple(it for it in news.schedules if it != before.get(it.id))
        removed = tuple(sorted(before.keys() - self._schedules.keys()))
        if changed or removed:
            yield SchedulesChanged(changed, removed)
        if news.slots != self._slots:
            self._slots = news.slots
            yield SlotsChanged(news.slots)
        for it in news.paused:
            if self._paused.get(it.group) != it.task.id:
                yield it
        self._paused = {it.group: it.task.id for it in news.paused}
        missed = [it for it in news.said if it not in self._heard]
        self.hear(*missed)
        yield from map(MessageSaid, missed)

    def _missed_of_tasks(self, news: Subscribed) -> Iterator[Notification]:
        known = self._known
        for change in news.unshown:
            # A change from before the interruption is reported only once.
            if change.seq > self._seq or change.task.id not in known:
                self._note(change.task)
                yield change
        for task in news.tasks:
            before, awaited = known.get(task.id, (None, False))
            same = before is task.status
            if same and task.status.is_final:
                continue
            event = TaskEvent.PROGRESS if same else TaskEvent.of(task.status)
            if same and task.awaits_input and not awaited:
                event = TaskEvent.INPUT
            self._note(task)
            yield TaskChanged(news.seq, event, task)
        self._seq = news.seq
        gone: tuple[int, ...] = ()
        if self._told_of_all:
            gone = tuple(sorted(known.keys() - {task.id for task in news.tasks}))
            for task_id in gone:
                del known[task_id]
        if gone or not self._told_of_all:
            yield TasksForgotten(news.seq, gone)
