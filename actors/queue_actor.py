"""The QueueActor: owner of all state, and the only writer of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Never, get_args

from msgspec.structs import replace

from .journal.errors import JournalError
from .journal.sqlite_file import LOCK_TIMEOUT
from .journal.writer import JournalWriter
from .kinds import InvalidRequestError
from .messages import (
    Acknowledged,
    AddSchedule,
    AddTask,
    AwaitShown,
    CancelAll,
    CancelTask,
    ClaimEnds,
    ClaimTasks,
    CloseQueue,
    EditTask,
    ForgetFinished,
    Forgotten,
    GetRules,
    GetTask,
    GetTranscript,
    HoldTask,
    ListNodes,
    ListSchedules,
    ListTasks,
    LookAtTimes,
    MoveTask,
    OpenQueue,
    PauseQueue,
    PauseSchedule,
    PauseTask,
    QueueMessage,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    RemoveSchedule,
    Requests,
    ResizeTerminal,
    SendInput,
    SetGroup,
    SetSlots,
    Shown,
    Subscribe,
    SystemStopped,
    TaskAwaitsInput,
    TaskEnded,
    TaskLeftRunning,
    TaskProcess,
    TaskProgressed,
    TaskWaits,
    Unsubscribe,
    Wipe,
    Wiped,
    WriteAgain,
    WriteDown,
)
from .queue.adding import Adding
from .queue.admission import Admission
from .queue.changes import Changes
from .queue.control import Control
from .queue.deletion import Deletion
from .queue.delivery import Delivery
from .queue.inputs import Inputs
from .queue.lookups import Lookups
from .queue.reopening import Reopening
from .queue.running import Running
from .queue.schedules import Schedules
from .queue.starts import Starts
from .queue.subscribers import Subscribers
from .queue.times import Times
from .rules.field_types import not_taken, wrong_type
from .rules.output_quota import OutputQuota
from .rules.safe_text import safe_line
from .rules.schedules import ScheduleBook
from .rules.task_table import UnknownTaskError
from .runtime.safe_actor import SafeActor
from .runtime.sending import (
    Recipient,
    call_safely,
    logger,
    post_if_alive,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .journal.protocol import Journal
    from .journal.unshown import UnshownChanges
    from .queue.config import QueueConfig
    from .rules.book import TaskBook
    from .rules.outcome import Outcome

BATCH: Final = 256
"""Maximum number of messages in a batch."""

_REQUESTS: Final = frozenset(get_args(QueueRequest))

_CHECKED: Final = _REQUESTS - {Shown}
"""Requests whose field types are checked. `Shown` is too frequent for that."""

_READS: Final = frozenset({GetRules, ListSchedules, SetSlots})


class QueueActor(SafeActor[QueueMessage]):
    """Owns the task book and notifies the subscribers of its changes.

    In: see `QueueMessage`. Out: `Subscribed`, `TaskChanged` and `TasksForgotten` to
    every subscriber, `StartTask` and `StopTask` to the runner, answers to
    the senders of requests.

    The messages in the mailbox are handled as one batch: all are applied, then the
    changes are committed to the journal, then the resulting messages are sent. While
    the journal can't be written, the changes stay invisible: lists and snapshots
    contain the tasks as they are in the journal.

    Args:
        config: Its settings.
        book: The tasks.
        journal: Stores the session.
        seq: The number of the last change in the journal.
        unshown: The changes that were never shown to a person.
        last_changes: The numbers of the last changes of status, by task id; the queue
            updates them.
        lost: The outcomes of tasks that were running when the last program was killed.
            Running tasks without an outcome continue; by default none does.
        schedules: The schedules.
    """

    def __init__(  # noqa: PLR0913 - what is remembered of a session
        self,
        config: QueueConfig,
        book: TaskBook,
        journal: Journal,
        seq: int = 0,
        unshown: UnshownChanges | None = None,
        *,
        last_changes: dict[int, int] | None = None,
        lost: Mapping[int, Outcome] | None = None,
        schedules: ScheduleBook | None = None,
    ) -> None:
        super().__init__(config.dead_letters, config.dispatcher)
        self._changes = changes = Changes(
            book,
            journal,
            config.clock,
            OutputQuota(config.output_limit),
            seq=seq,
            unshown=unshown,
            last_changes=last_changes,
            released=config.released,
        )
        self._book = book
        self._journal = journal
        self._writer = writer = JournalWriter(
            journal, changes.everything, config.clock, self.actor_ref
        )
        engines = config.engines
        self._starts = starts = Starts(
            changes, {name: it.slots for name, it in engines.items()}
        )
        admission = Admission(
            changes, config.kinds, config.directory, config.environment, engines=engines
        )
        self._control = Control(
            changes,
            starts,
            admission,
            config.kinds,
            engines=engines,
            pause_on_failure=config.pause_on_failure,
        )
        self._inputs = Inputs(changes, starts)
        self._running = Running(
            changes, starts, config.output_limit, self._control.note_failure
        )
        self._schedules = Schedules(changes, schedules or ScheduleBook(), admission)
        self._times = Times(book, starts, self._schedules, config.clock)
        self._subscribers = Subscribers(changes, self._inputs.attached)
        self._adding = Adding(
            changes,
            admission,
            starts,
            subscribers=self._subscribers,
            writer=writer,
            output=str(config.output),
        )
        self._deletion = Deletion(
            config.kinds,
            config.dead_letters,
            config.dispatcher,
            journal=journal,
            writer=writer,
            clock=config.clock,
            queue=self.actor_ref,
        )
        self._delivery = Delivery(
            changes,
            schedules=self._schedules,
            starts=starts,
            subscribers=self._subscribers,
            writer=writer,
            deletion=self._deletion,
            dead_letters=config.dead_letters,
        )
        self._lookups = Lookups(
            changes,
            schedules=self._schedules,
            starts=starts,
            running=self._running,
            subscribers=self._subscribers,
            writer=writer,
            delivery=self._delivery,
            engines=engines,
        )
        self._reopening = Reopening(
            config,
            changes,
            starts=starts,
            running=self._running,
            schedules=self._schedules,
            writer=writer,
            lost=lost,
        )
        self._handled = 0
        self._ends_in_order = False
        self._end_reason = "its actors were stopped"

    def on_start(self) -> None:
        """Stop waiting for locks on the journal, since handlers must not block."""
        self._journal.be_patient(0)

    def handle(self, message: QueueMessage) -> None:
        """Handle one message; after the last one of a batch, commit and send."""
        self._conclude(message, _refusal(message) or self._answer(message))
        self._end_batch()

    def on_error(self, message: QueueMessage, error: BaseException) -> None:
        """Answer with a refusal, and commit the changes of earlier messages."""
        text = safe_line(f"internal error: {error!r}; see the log")
        self._conclude(message, Refused(text))
        self._end_batch()

    def on_stop(self) -> None:
        """Commit the last changes, then send `SystemStopped`."""
        # There is no later retry, so wait for a lock on the journal.
        self.about_to_block(long=True)
        self._journal.be_patient(LOCK_TIMEOUT)
        # First: the next program must not find files that are being deleted, and
        # wiping may have locked the journal.
        self._deletion.stop()
        self._flush()
        stopped = SystemStopped(self._end_reason)
        for it in self._subscribers.recipients():
            # A subscriber may have stopped without unsubscribing.
            call_safely(partial(post_if_alive, it, stopped))
        try:
            self._journal.close(clean=self._ends_in_order)
        except JournalError as error:
            if self._writer.trouble is None:  # otherwise reported before
                logger.error("The journal could not be closed in order: %s", error)

    def _conclude(self, message: QueueMessage, answer: QueueReply | None) -> None:
        self._handled += 1
        if answer is not None:
            correlation_id: object = getattr(message, "correlation_id", None)
            if isinstance(correlation_id, int | str):  # may be the refused field
                answer = replace(answer, correlation_id=correlation_id)
            asker: Recipient[QueueReply] | None = getattr(message, "reply_to", None)
            if not isinstance(asker, Recipient):  # as above
                asker = self.answer_later()
            if asker is not None:
                tells = False if _is_read(message) else None
                self._delivery.answer(asker, answer, tells_change=tells)
            elif isinstance(answer, Refused):
                logger.warning("%s: %s", type(message).__name__, safe_line(answer.text))
        # After the answer, since this may end the task whose id the answer contains.
        self._control.tell_dependents()
        if self._handled >= BATCH:
            self._flush()

    def _end_batch(self) -> None:
        """Commit and send if the mailbox is empty."""
        if self._handled and self.actor_inbox.empty():
            self._flush()

    def _flush(self) -> None:
        self._handled = 0
        if self._times.need_alarm:
            self._times.set_alarm(
                lambda: self.tell_self(LookAtTimes()), can_add=self._adding.is_open
            )
        self._delivery.flush()

    def _answer(self, message: QueueMessage) -> QueueReply | None:
        """Apply a message; return the answer, if it is a request."""
        try:
            return self._apply(message)
        except (InvalidRequestError, UnknownTaskError) as error:
            if type(message) not in _REQUESTS:
                raise
            if isinstance(error, UnknownTaskError):
                return self._changes.unknown(error.task_id)
            return Refused(str(error), RefusalCode.INVALID)

    def _apply(self, message: QueueMessage) -> QueueReply | None:
        match message:
            # The most frequent messages come first.
            case AddTask():
                return self._adding.take(message)
            case Requests(requests=requests):
                self._take(requests)
            case TaskEnded():
                self._running.ended(message)
            case (
                GetTask() | ListTasks() | ListSchedules() | GetRules() | GetTranscript()
            ):
                return self._lookups.find(message)
            case ListNodes():
                return self._lookups.find_nodes(message, self.post)
            case CancelTask():
                return self._cancel(message)
            case MoveTask() | HoldTask() | EditTask():
                return self._control.alter(message)
            case PauseTask():
                return self._control.pause(message)
            case PauseQueue() | SetGroup():
                self._schedules.look_again()
                return self._control.rule(message)
            case AddSchedule() | RemoveSchedule() | PauseSchedule():
                return self._adding.refusal() or self._schedules.change(message)
            case CancelAll():
                return self._control.cancel_all(message)
            case ForgetFinished():
                return Forgotten(self._changes.forget(self._book.forget_finished()))
            case SetSlots():
                return self._starts.set_slots(message)
            case SendInput() | ResizeTerminal() | TaskAwaitsInput():
                return self._inputs.take(message, self.answer_later)
            case Subscribe():
                return self._lookups.subscribe(message, self.answer_later)
            case Unsubscribe(subscriber=subscriber):
                self._subscribers.remove(subscriber)
                return Acknowledged()
            case Shown() | ClaimEnds():
                self._subscribers.take(message)
            case WriteDown():
                return self._lookups.said_before(message) or self._subscribers.said(
                    message
                )
            case OpenQueue():
                return self._reopening.run()
            case CloseQueue():
                return self._close(message)
            case AwaitShown(reply_to=reply_to):
                self._subscribers.await_shown(reply_to)
            case LookAtTimes():
                self._times.look(self._adding.add if self._adding.is_open else None)
            case WriteAgain():
                # The retry happens at the end of the batch.
                self._writer.note_due()
            case Wipe():
                self._deletion.wipe()
            case Wiped(done=done):
                self._deletion.wiped(done=done)
            case ClaimTasks():
                self._starts.claimed(message)
            case TaskProcess():
                self._running.runs_as(message)
            case TaskWaits():
                self._running.waits(message)
            case TaskLeftRunning():
                self._running.left_running(message)
            case TaskProgressed():
                quietly = self._writer.trouble is not None
                self._running.progressed(message, quietly=quietly)
            case _:
                return _refuse(message)
        return None

    def _take(self, requests: tuple[QueueRequest, ...]) -> None:
        self.end_turn()
        for request in requests:
            try:
                self._conclude(request, self._answer(request))
            except BaseException as error:  # noqa: BLE001 - others are still handled
                self.make_good(request, error)

    def _cancel(self, message: CancelTask) -> QueueReply:
        if (accepted := self._control.cancel(message)) is not None:
            return accepted
        self._delivery.catch_up()
        return self._control.too_late(message)

    def _close(self, message: CloseQueue) -> QueueReply:
        self._ends_in_order = self._starts.closed = True
        self._end_reason = safe_line(message.reason)
        if message.keep_queued:
            self._running.interruption = self._end_reason
        else:
            self._control.cancel_queued(message.reason)
        return Acknowledged()


def _is_read(message: QueueMessage) -> bool:
    """Return whether a request only asks for settings, which it gets as written."""
    return type(message) in _READS and getattr(message, "slots", None) is None


def _refuse(message: Never) -> Refused:
    """Refuse an object that isn't a message of this actor."""
    return Refused(not_taken(message), RefusalCode.INVALID)


def _refusal(message: QueueMessage) -> Refused | None:
    """Refuse a request with a value of a wrong type in one of its fields."""
    if type(message) not in _CHECKED or (problem := wrong_type(message)) is None:
        return None
    return Refused(problem, RefusalCode.INVALID)
