"""Starting tasks: the runner, its claims, and the number of slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..messages import (
    ClaimTasks,
    PauseJob,
    QueueReply,
    RefusalCode,
    Refused,
    ResizeTerminal,
    RunnerMessage,
    SendInput,
    SetSlots,
    Slots,
    SlotsChanged,
    StartTask,
    StopTask,
    TaskEvent,
)
from ..rules.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.task import Task
    from ..runtime.sending import Recipient
    from .changes import Changes

_MOST_SLOTS: Final = 1_000_000


class Starts:
    """Starts tasks while the runner and the engines have room for them."""

    def __init__(
        self, changes: Changes, engines: Mapping[str, int] | None = None
    ) -> None:
        self._engines = dict(engines or {})
        # The free slots of each engine.
        self._room: dict[str, int] = {}
        self._changes = changes
        self._book = changes.book
        self._outbox = changes.outbox
        self._runner: Recipient[RunnerMessage] | None = None
        self._claims: int = 0
        self._slots: int = 0
        self._slots_given: int = 0
        self.closed = False
        """Whether no more tasks start."""

    def claimed(self, claim: ClaimTasks) -> None:
        """Start as many tasks as the runner has room for, now or later."""
        if claim.runner is not self._runner:
            # A new runner does not know of an earlier `SetSlots`.
            self._runner, self._slots = claim.runner, claim.slots
            self._slots_given = claim.slots
            if (slots := self._book.settings.slots) is not None:
                self._widen(slots)
            self._room = dict(self._engines)
        self.note_room(claim.count, claim.engine)
        self.assign()

    def note_room(self, claims: int, engine: str = "") -> None:
        """Record that the runner has room for more tasks, here or on an engine.

        Claims for an unknown engine are ignored.
        """
        if not engine:
            self._claims += claims
        elif engine in self._room:
            self._room[engine] += claims

    def not_taken(self, start: StartTask) -> None:
        """Fail a task that the runner did not take because it is dead."""
        self._claims = 0
        self._room = {}
        outcome = Outcome.failed("could not be started: the runner is gone")
        self._changes.end(start.task.id, outcome)

    def assign(self) -> None:
        """Start all tasks that can start."""
        runner = self._runner
        if runner is None or self.closed:
            return
        book, offers = self._book, self._book.scheduler.offers
        engines = [it for it, room in self._room.items() if room > 0 and offers(it)]
        here = self._claims > 0 and offers("")
        if not (here or engines or book.scheduler.has_immediate):
            return  # the usual case when a task is added to a busy queue
        at = self._changes.now()
        while (task := book.start_immediate(at)) is not None:
            self._start(runner, task)
        while self._claims > 0 and (task := book.start_next(at)) is not None:
            self._start(runner, task)
        for engine in engines:
            while self._room[engine] > 0:
                if (task := book.start_next(at, engine)) is None:
                    break
                self._start(runner, task)

    def stop(self, stop: StopTask) -> None:
        """Tell the runner to end a task."""
        # Doesn't wait for a commit, which would never come if the task fills the disk;
        # unless its start isn't committed and sent yet.
        if self._runner is not None:
            waits = not self._book.tasks.is_written(stop.task_id)
            self._outbox.add(self._runner, stop, tells_change=waits)

    def pass_on(self, message: SendInput | ResizeTerminal) -> None:
        """Forward input to a running task."""
        if self._runner is not None:
            self._outbox.add(self._runner, message, tells_change=False)

    def pause_job(self, task_id: int, *, paused: bool) -> None:
        """Tell the runner to pause or resume a task."""
        if self._runner is not None:
            # After the commit: a program that adopts the job must know of the pause.
            self._outbox.add(self._runner, PauseJob(task_id, paused), tells_change=True)

    @property
    def slots(self) -> int:
        """How many tasks run at a time."""
        return self._slots

    def set_slots(self, message: SetSlots) -> QueueReply:
        """Set how many tasks run at a time."""
        if (slots := message.slots) is not None:
            if not 0 <= slots <= _MOST_SLOTS:
                text = f"slots must be 1 to {_MOST_SLOTS:,}, not {slots}"
                return Refused(text, RefusalCode.INVALID)
            if self._runner is None:
                text = "the session is still starting; try again in a moment"
                return Refused(text, RefusalCode.FAILED)
            self._book.settings.slots = slots or None
            self._changes.ruled()
            if self._widen(slots or self._slots_given):
                self.assign()
                self.renew_reasons()
        return Slots(self._slots)

    def _widen(self, slots: int) -> bool:
        """Set the number of slots; return whether it has changed."""
        if slots == self._slots:
            return False
        # Negative while more tasks run than there are slots.
        self._claims += slots - self._slots
        self._slots = slots
        self._outbox.add(None, SlotsChanged(slots), tells_change=False)
        return True

    def waiting_reason(self, engine: str = "") -> str:
        """Return why a task waits that could start by its own terms."""
        if engine:
            return self._waiting_reason_of(engine)
        if self._claims > 0:
            return "starting"
        if not self._slots:
            return "waiting for the runner"
        return f"waiting for a slot ({self._slots} of {self._slots} busy)"

    def reason_of(self, task_id: int) -> str:
        """Return why a task currently waits."""
        otherwise = self.waiting_reason(self._book.engine(task_id))
        return self._book.waiting.reason(task_id, otherwise)

    def _waiting_reason_of(self, engine: str) -> str:
        if self._room.get(engine, 0) > 0:
            return "starting"
        if engine not in self._engines:
            return f"waiting for the engine {engine}, which is not configured"
        if self._runner is None:
            return "waiting for the runner"
        slots = self._engines[engine]
        return f"waiting for a slot of {engine} ({slots} of {slots} busy)"

    def shift_delays(self, seconds: float) -> None:
        """Keep delays unchanged after the wall clock was set; see `WaitingTasks`."""
        for task in self._book.waiting.shift_delays(seconds, self._changes.now()):
            self.renew_reason(task.id, always=True)

    def renew_reason(self, task_id: int, *, always: bool = False) -> None:
        """Update the reason of a waiting task, if it has changed.

        Args:
            task_id: The id of the task.
            always: Whether something else has changed, which must be stored.
        """
        reason = self.reason_of(task_id)
        if always or reason != self._book.tasks.get(task_id).reason:
            waiting = self._book.waiting.wait(task_id, reason)
            self._changes.changed(waiting, TaskEvent.PROGRESS)

    def renew_reasons(self, task_id: int | None = None) -> None:
        """Update the reason of one or all waiting tasks, where it has changed."""
        if self._runner is None:
            return  # the reasons are not known yet
        for each in self._book.waiting.waiting_ids(task_id):
            self.renew_reason(each)

    def _start(self, runner: Recipient[RunnerMessage], task: Task) -> None:
        # Negative after an immediate start without a free slot; later ends make up.
        self.note_room(-1, self._book.engine(task.id))
        # A further attempt is progress, so that restarts don't flood the chat.
        event = TaskEvent.RUNNING if task.attempt is None else TaskEvent.PROGRESS
        self._changes.changed(task, event)
        start = StartTask(task, self._book.environment(task.id))
        self._outbox.add(runner, start, tells_change=True)
