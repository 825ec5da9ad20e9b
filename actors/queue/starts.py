"""Which tasks start: the runner, its claims, and how many tasks run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..messages import (
    ClaimTasks,
    QueueReply,
    RefusalCode,
    Refused,
    RunnerMessage,
    SetSlots,
    Slots,
    SlotsChanged,
    StartTask,
    StopTask,
    TaskEvent,
)

if TYPE_CHECKING:
    from ..rules.task import Task
    from ..runtime.sending import Recipient
    from .changes import Changes

_MOST_SLOTS: Final = 1_000_000


class Starts:
    """Starts tasks as long as the runner has room for them.

    Args:
        changes: The tasks there are.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._book = changes.book
        self._outbox = changes.outbox
        self._runner: Recipient[RunnerMessage] | None = None
        self._claims: int = 0
        self._slots: int = 0
        self.closed = False
        """Whether nothing starts any more."""

    def claimed(self, claim: ClaimTasks) -> None:
        """Start as many tasks as the runner has room for, now or later."""
        if claim.runner is not self._runner:
            # What it claims later knows nothing of a `SetSlots`.
            self._runner, self._slots = claim.runner, claim.slots
        self._claims += claim.count
        self.assign()

    def note_room(self, claims: int) -> None:
        """Note that the runner has room for so many more tasks."""
        self._claims += claims

    def note_runner_gone(self) -> None:
        """Note that the runner has ended: it has no room for anything."""
        self._claims = 0

    def assign(self) -> None:
        """Start what can start."""
        runner = self._runner
        if runner is None or self.closed:
            return
        while (task := self._book.start_immediate(self._changes.now())) is not None:
            self._start(runner, task)
        while self._claims > 0:
            task = self._book.start_next(self._changes.now())
            if task is None:
                break
            self._start(runner, task)

    def stop(self, stop: StopTask) -> None:
        """Have the runner end a task."""
        # A task that fills the disk would never end if this waited for the journal; but
        # one whose start waits can't be stopped before it.
        if self._runner is not None:
            waits = not self._book.is_written(stop.task_id)
            self._outbox.add(self._runner, stop, tells_change=waits)

    def set_slots(self, message: SetSlots) -> QueueReply:
        """Let so many tasks run at a time."""
        slots, correlation_id = message.slots, message.correlation_id
        if slots is not None:
            if not 1 <= slots <= _MOST_SLOTS:
                text = f"give 1 to {_MOST_SLOTS:,} tasks at a time, not {slots}"
                return Refused(text, RefusalCode.INVALID, correlation_id)
            if self._runner is None:
                text = "nothing can run yet; try again in a moment"
                return Refused(text, RefusalCode.FAILED, correlation_id)
            if slots != self._slots:
                # Below zero while more run than may from now on.
                self._claims += slots - self._slots
                self._slots = slots
                self._outbox.add(None, SlotsChanged(slots), tells_change=False)
                self.assign()
                self.renew_reasons()
        return Slots(self._slots, correlation_id)

    @property
    def waiting_reason(self) -> str:
        """Why a task waits that could start by its own terms."""
        if self._claims > 0:
            return "starting"
        if not self._slots:
            return "waiting for the runner"
        return f"waiting for a slot ({self._slots} of {self._slots} busy)"

    def renew_reason(self, task_id: int) -> None:
        """Say why a task waits now, if that has changed."""
        reason = self._book.waits_for(task_id, self.waiting_reason)
        if reason != self._book.get(task_id).reason:
            waiting = self._book.wait(task_id, reason)
            self._changes.changed(waiting, TaskEvent.PROGRESS)

    def renew_reasons(self, task_id: int | None = None) -> None:
        """Say of queued tasks why they wait now, where that has changed.

        Args:
            task_id: Which, if it is one that waits; None for all.
        """
        if self._runner is None:
            return  # what they will wait for is not known yet
        for each in self._book.waiting_ids(task_id):
            self.renew_reason(each)

    def _start(self, runner: Recipient[RunnerMessage], task: Task) -> None:
        # Below zero if it starts beyond the slots: then the next ends start nothing.
        self._claims -= 1
        # A further attempt is no change of status: what stays up would fill the chat.
        event = TaskEvent.RUNNING if task.attempt is None else TaskEvent.PROGRESS
        self._changes.changed(task, event)
        start = StartTask(task, self._book.environment(task.id))
        self._outbox.add(runner, start, tells_change=True)
