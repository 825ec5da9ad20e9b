"""The QueueActor: owner of all state, and the only writer of it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

import pykka
from msgspec.structs import replace

from .journal.outbox import Outbox, told_by
from .journal.protocol import Everything
from .journal.removal import RemovalActor, remove_output
from .journal.sqlite_file import LOCK_TIMEOUT, JournalError
from .journal.unshown import UnshownChanges
from .journal.writer import JournalWriter
from .kinds import InvalidRequestError, Kinds
from .kinds.function import result_path
from .messages import (
    Acknowledged,
    AddTask,
    AwaitShown,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ClaimTasks,
    CloseQueue,
    ForgetFinished,
    Forgotten,
    GetRules,
    GetTask,
    GetTranscript,
    HoldTask,
    JournalTrouble,
    ListTasks,
    LookAtTimes,
    MessageSaid,
    MoveTask,
    Notification,
    OpenQueue,
    PauseQueue,
    QueueMessage,
    QueueReply,
    RefusalCode,
    Refused,
    RemoveOutput,
    RulesFound,
    RunnerMessage,
    SetGroup,
    SetSlots,
    Shown,
    Slots,
    SlotsChanged,
    StartTask,
    StopTask,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskAdded,
    TaskAltered,
    TaskChanged,
    TaskEnded,
    TaskEvent,
    TaskFound,
    TaskLeftRunning,
    TaskList,
    TaskProcess,
    TaskProgressed,
    TasksForgotten,
    TaskWaits,
    Transcript,
    Unsubscribe,
    Wipe,
    WriteAgain,
    WriteDown,
)
from .rules.book import ROOM_FOR_MORE, TaskBook, UnknownTaskError
from .rules.field_types import wrong_type
from .rules.output_quota import OutputQuota
from .rules.safe_text import brief, is_unicode, safe_line, size_text
from .rules.scheduler import PAUSED, group_paused
from .rules.selection import TaskSelection
from .rules.shown import ShownTracker
from .rules.task import (
    LOST,
    RUNNING,
    IllegalTransitionError,
    Outcome,
    Task,
    TaskFilter,
    TaskRequest,
    TaskStatus,
)
from .rules.terms import MOST, is_group_name
from .rules.variables import Variables
from .runtime.safe_actor import SafeActor
from .runtime.sending import (
    DeadLetters,
    Recipient,
    call_safely,
    logger,
    post_if_alive,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .journal.protocol import Journal
    from .kinds import Kind
    from .rules.chat_message import ChatMessage
    from .rules.terms import Terms
    from .runtime.clock import Alarm, Clock
    from .runtime.dispatcher import Dispatcher

BATCH: Final = 256
"""Messages handled before what they led to is sent at the latest."""

WIPE_AFTER: Final = 2.0
"""Seconds after which what was deleted and may be secret is overwritten."""

_CHECKED: Final = {
    AddTask,
    CancelAll,
    CancelTask,
    GetTask,
    GetTranscript,
    HoldTask,
    ListTasks,
    MoveTask,
    SetSlots,
    PauseQueue,
    SetGroup,
    Subscribe,
    Unsubscribe,
}
"""Requests that have an answer, and fields that may hold what they should not."""

LOOK_AGAIN: Final = 15.0
"""Seconds between two looks at the clock while a task waits for its time."""

_STEP: Final = 1.0  # seconds; what is less is the clock's own adjusting

_NO_KIND: Final = "waiting for the kind "

_MOST_SLOTS: Final = 1_000_000

_MANY_FILES: Final = 16  # deleting more, or much, could hold others up
_MUCH_OUTPUT: Final = 1 << 24  # bytes


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """The settings of a QueueActor.

    Attributes:
        kinds: What kinds of tasks are accepted.
        output: The folder of the output files.
        directory: Where tasks run that don't say where.
        environment: What the processes of tasks inherit that came without any.
        output_limit: Bytes of output of all tasks together; beyond it the oldest
            finished ones are forgotten, and then the one that writes is ended.
        clock: The time.
        dead_letters: Counts what reaches nobody.
        dispatcher: Gives it its turns; without one it has a thread of its own.
    """

    kinds: Kinds
    output: Path
    output_limit: int
    clock: Clock
    dead_letters: DeadLetters
    directory: str | None = None
    environment: Variables | None = None
    dispatcher: Dispatcher | None = None


class _Subscriber:
    """A subscriber, and the tasks of which it is told.

    Args:
        request: What it has asked for.
    """

    __slots__ = ("recipient", "selection")

    def __init__(self, request: Subscribe) -> None:
        self.recipient = request.subscriber
        given = TaskSelection(request.origin, request.description, request.which)
        self.selection = None if given.is_all else given

    def wants(self, message: object) -> bool:
        """Tell whether it is to be told a notification."""
        selection = self.selection
        return (
            selection is None
            or not isinstance(message, TaskChanged)
            or message.task in selection
        )


class QueueActor(SafeActor[QueueMessage]):
    """Holds the task book, and tells everybody who asked what changes in it.

    In: see `QueueMessage`. Out: `Subscribed`, `TaskChanged` and `TasksForgotten` to
    every subscriber, `StartTask` and `StopTask` to the runner, answers to
    whoever asked.

    Whatever waits in the mailbox is handled as one batch: first all of it is applied,
    then it is written down, and then everything that follows from it is sent. As long
    as it can't be written down nobody sees anything of it: lists and snapshots have
    the tasks as they are written down.

    Args:
        config: Its settings.
        book: The tasks.
        journal: What remembers the session.
        seq: The number of the last change that the journal has.
        unshown: The changes that nobody was shown yet.
        last_changes: The numbers of the last changes of status, by the tasks' ids.
    """

    def __init__(  # noqa: PLR0913 - what is remembered of a session
        self,
        config: QueueConfig,
        book: TaskBook,
        journal: Journal,
        seq: int = 0,
        unshown: UnshownChanges | None = None,
        *,
        last_changes: Mapping[int, int] | None = None,
    ) -> None:
        super().__init__(config.dead_letters, config.dispatcher)
        self._book = book
        self._journal = journal
        self._unshown = UnshownChanges() if unshown is None else unshown
        changes = self._unshown
        self._last_changes = dict(last_changes or {})
        last = self._last_changes
        self._writing = JournalWriter(
            journal,
            lambda: Everything(book.by_last_change(), changes.up_to(), last),
            config.clock,
        )
        self._will_write_again = False
        self._will_wipe = False
        self._doomed: list[Task] = []
        self._removal: pykka.ActorRef[RemovalActor] | None = None
        self._output_limit = config.output_limit
        self._account = OutputQuota(config.output_limit)
        self._kinds = config.kinds
        self._with_result = {
            it.name for it in config.kinds if getattr(it, "writes_result", False)
        }
        self._directory = config.directory
        self._environment = config.environment
        self._output_folder = str(config.output)
        self._clock = config.clock
        self._seq = seq
        self._told_seq = seq  # the last that is written down, and told to all
        self._subscribers: list[_Subscriber] = []
        self._showing = ShownTracker()
        self._last_to_show = self._unshown.last
        self._awaits_shown: list[Recipient[QueueReply]] = []
        self._outbox = Outbox()
        self._handled = 0
        self._runner: Recipient[RunnerMessage] | None = None
        self._claims: int = 0
        self._slots: int = 0
        self._pids: dict[int, int] = {}
        self._closed = False
        self._alarm: Alarm | None = None
        self._alarm_for: float | None = None
        self._offset = 0.0  # of the wall clock, when it was looked at last
        self._end_reason = "its actors were stopped"

    def on_start(self) -> None:
        """From now on wait for nobody who holds the journal."""
        self._journal.be_patient(0)

    def handle(self, message: QueueMessage) -> None:
        """Handle one message; if it is the last of a batch, send what follows."""
        self._conclude(message, _refusal(message) or self._apply(message))

    def on_error(self, message: QueueMessage, error: BaseException) -> None:
        """Answer the asker nevertheless, and send what had been applied before."""
        text = safe_line(f"internal error: {error!r}; see the log")
        correlation_id = getattr(message, "correlation_id", None)
        self._conclude(message, Refused(text, correlation_id=correlation_id))

    def on_stop(self) -> None:
        """Write down and send what is left."""
        # The last chance: now it is better to wait for whoever holds the journal.
        self.about_to_block(long=True)
        self._journal.be_patient(LOCK_TIMEOUT)
        self._flush()
        if self._removal is not None:
            # Whoever opens the session next must not meet what is being deleted.
            with contextlib.suppress(pykka.ActorDeadError):
                self._removal.stop()
        stopped = SystemStopped(self._end_reason)
        for it in self._subscribers:
            # One that ended without a word misses nothing.
            call_safely(partial(post_if_alive, it.recipient, stopped))
        try:
            self._journal.close(clean=self._closed)
        except JournalError as error:
            if self._writing.trouble is None:  # else it has been said
                logger.error("The journal could not be closed in order: %s", error)

    def _conclude(self, message: QueueMessage, answer: QueueReply | None) -> None:
        self._handled += 1
        self._tell_dependents()
        if self._book.next_due() != self._alarm_for:
            self._set_alarm()
        if answer is not None:
            asker = getattr(message, "reply_to", None) or self.answer_later()
            if asker is not None:
                status = self._book.written_status
                tells = any(status(it) is not told for it, told in told_by(answer))
                self._outbox.add(asker, answer, tells_change=tells)
            elif isinstance(answer, Refused):
                logger.warning("%s: %s", type(message).__name__, safe_line(answer.text))
        if self._handled >= BATCH or self.actor_inbox.empty():
            self._flush()

    def _catch_up(self) -> None:
        """Write down what can be, so that whoever looks now sees it."""
        if self._outbox and self._writing.trouble is None:
            self._flush()

    def _flush(self) -> None:
        """Write down what was applied, and send what may be sent then."""
        self._handled = 0
        while True:
            written = self._write_down()
            # Even if it failed: on a full disk this is what makes room.
            removal = self._delete_doomed()
            outbox = self._outbox
            for recipient, message in (
                outbox.take_all() if written else outbox.take_free()
            ):
                if isinstance(message, Forgotten) and removal is not None:
                    # When the files are gone, which is what was asked for.
                    self._remove(removal, RemoveOutput((), recipient, message))
                else:
                    self._send(recipient, message)
            if not (written and outbox):
                if self._journal.has_traces and not self._will_wipe:
                    self._will_wipe = True
                    self._clock.call_later(WIPE_AFTER, lambda: self.tell_self(Wipe()))
                return

    def _write_down(self) -> bool:
        written = self._writing.write_down()
        self._announce_trouble()
        if written:
            self._book.note_written()
            self._told_seq = self._seq
        elif not self._will_write_again:
            self._will_write_again = True
            self._clock.call_later(
                self._writing.pause, lambda: self.tell_self(WriteAgain())
            )
        return written

    def _wipe(self) -> None:
        self._will_wipe = False
        self.about_to_block(long=True)
        # If that fails, it is tried again after the next batch.
        with contextlib.suppress(JournalError):
            self._writing.use(self._journal.wipe)
        self._announce_trouble()

    def _announce_trouble(self) -> None:
        # Not through the outbox, which is held back.
        for text in self._writing.take_news():
            self._send(None, JournalTrouble(text))

    def _send(self, recipient: Recipient[Any] | None, message: object) -> None:
        if recipient is None:
            for it in [*self._subscribers]:
                if it.wants(message):
                    self._send(it.recipient, message)
        elif not self.post(recipient, message):
            self._undelivered(recipient, message)

    def _undelivered(self, recipient: Recipient[Any], message: object) -> None:
        self._unsubscribe(recipient)
        if isinstance(message, StartTask):
            self._claims = 0
            outcome = Outcome.failed("could not be started: the runner is gone")
            at = self._clock.now()
            self._changed(self._book.end(message.task.id, outcome, at))

    def _apply(self, message: QueueMessage) -> QueueReply | None:
        match message:
            case AddTask():
                return self._add(message.request, message.correlation_id)
            case GetTask():
                return self._get(message)
            case ListTasks(which=which, correlation_id=correlation_id):
                self._catch_up()
                tasks = self._book.all_written(which, self._clock.now())
                return TaskList(tasks, self._book.counts(), correlation_id)
            case CancelTask():
                return self._cancel_one(message)
            case MoveTask() | HoldTask():
                return self._alter(message)
            case PauseQueue() | SetGroup() | GetRules():
                return self._rule(message)
            case CancelAll():
                return self._cancel_all(message)
            case ForgetFinished(correlation_id=correlation_id):
                ids = self._forget(self._book.forget_finished())
                return Forgotten(ids, correlation_id)
            case SetSlots(slots=slots, correlation_id=correlation_id):
                return self._set_slots(slots, correlation_id)
            case Subscribe():
                return self._subscribe(message)
            case Unsubscribe(subscriber=subscriber, correlation_id=correlation_id):
                self._unsubscribe(subscriber)
                return Acknowledged(correlation_id)
            case GetTranscript():
                return self._transcript(message)
            case Shown(seq=seq):
                # What was not told yet can't have been shown.
                self._note_shown(min(seq, self._told_seq))
            case WriteDown(message=said, shown_by=shown_by):
                self._said(said, shown_by)
            case OpenQueue(correlation_id=correlation_id):
                return self._open(correlation_id)
            case CloseQueue(correlation_id=correlation_id):
                self._close(message)
                return Acknowledged(correlation_id)
            case AwaitShown(reply_to=reply_to):
                self._await_shown(reply_to)
            case LookAtTimes():
                self._look_at_times()
            case WriteAgain():
                # The attempt itself comes with the end of the batch.
                self._will_write_again = False
            case Wipe():
                self._wipe()
            case ClaimTasks():
                self._claimed(message)
            case TaskProcess(process=process):
                self._pids[process.task_id] = process.pid
                self._journal.runs_as(process)
            case TaskWaits(task_id=task_id, waits_for=waits_for):
                self._note_wait(task_id, waits_for)
            case TaskLeftRunning(task_id=task_id, names=names):
                self._note_left_running(task_id, names)
            case TaskProgressed():
                self._progress(message)
            case TaskEnded():
                self._free_slot(message)
            case _:
                assert_never(message)
        return None

    def _add(
        self, request: TaskRequest, correlation_id: int | str | None
    ) -> QueueReply:
        if (added := self._book.find_key(request.key)) is not None:
            return TaskAdded(added, correlation_id)
        if self._closed:
            text = "the session is ending and takes no new tasks"
            return Refused(text, RefusalCode.CLOSING, correlation_id)
        if (trouble := self._writing.trouble) is not None:
            text = f"can't write it down ({trouble}); try again when that is over"
            return Refused(text, RefusalCode.JOURNAL, correlation_id)
        if max(self._seq, self._book.newest_id) > ROOM_FOR_MORE:
            text = "this session has no numbers left for new tasks; open another"
            return Refused(text, RefusalCode.JOURNAL, correlation_id)
        request = self._placed(request)
        try:
            kind = self._check(request)
        except InvalidRequestError as error:
            return Refused(str(error), RefusalCode.INVALID, correlation_id)
        request = self._timed(request)
        folder = self._output_folder if kind.writes_output else None
        reason = self._waiting_reason()
        task = self._book.add(request, self._clock.now(), reason, folder)
        terms = request.terms
        if waits_for := self._book.waits_for(task.id):
            task = self._book.wait(task.id, waits_for)
        self._changed(task, TaskEvent.QUEUED)
        if terms is not None and terms.immediate:
            self._start_at_once(task.id)
        self._assign()
        return TaskAdded(task, correlation_id)

    def _check(self, request: TaskRequest) -> Kind:
        kind = self._kinds.find(request.kind)
        if not request.description.strip():
            raise InvalidRequestError("missing description")
        if not isinstance(cast("object", request.args), tuple):
            given = type(request.args).__name__
            raise InvalidRequestError(f"request.args must be tuple, not {given}")
        for text in (request.description, request.origin, request.key, *request.args):
            if not is_unicode(text):
                raise InvalidRequestError("the text is not valid UTF-8; correct it")
        self._check_place(request)
        if request.terms is not None:
            self._check_terms(request.terms)
        kind.check(request.args)
        return kind

    def _check_place(self, request: TaskRequest) -> None:
        directory, environment = request.directory, request.environment
        if directory is not None:
            if not directory:
                raise InvalidRequestError(
                    "the current directory is gone, or its name is not valid UTF-8;"
                    " go to another one"
                )
            if not os.path.isabs(directory):  # noqa: PTH117 - a text
                raise InvalidRequestError(
                    f"the directory {brief(directory)!r} is not an absolute path;"
                    " give one"
                )
            if not is_unicode(directory) or "\0" in directory:
                raise InvalidRequestError(
                    f"the directory {brief(directory)!r} can't be written down: it is"
                    " not valid UTF-8; run it in another"
                )
        if isinstance(environment, Variables) and environment is not self._environment:
            problem = environment.problem()
            if problem is not None:
                raise InvalidRequestError(problem)

    def _check_terms(self, terms: Terms) -> None:
        problem = terms.problem()
        if problem is not None:
            raise InvalidRequestError(problem)
        for task_id in terms.waits_for:
            if not self._book.knows(task_id):
                why = self._unknown(task_id, None).text
                raise InvalidRequestError(f"can't start after #{task_id}: {why}")

    def _placed(self, request: TaskRequest) -> TaskRequest:
        """Return a request that says where, and in what environment, it runs."""
        directory, environment = request.directory, request.environment
        if directory is None:
            directory = self._directory
        if environment is None:
            environment = self._environment
        return replace(request, directory=directory, environment=environment)

    def _timed(self, request: TaskRequest) -> TaskRequest:
        """Return a request whose delay has become a date and time."""
        terms = request.terms
        if terms is None or terms.delay is None:
            return request
        at = self._clock.now().wall + timedelta(seconds=terms.delay)
        return replace(request, terms=replace(terms, at=at))

    def _look_at_times(self) -> None:
        """Let the tasks start whose time has come.

        The wall clock may have been set since: that moves a time of day, but no delay.
        A suspended machine moves neither, and both may have come meanwhile.
        """
        self._alarm_for = None
        now = self._clock.now()
        offset = now.wall.timestamp() - self._clock.elapsed()
        if abs(offset - self._offset) > _STEP:
            for task in self._book.shift_delays(offset - self._offset):
                self._renew_reason(task.id)
        self._offset = offset
        for task_id in self._book.due(now):
            self._renew_reason(task_id)
        self._assign()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_for = due = self._book.next_due()
        if due is None:
            return
        wall = self._clock.now().wall.timestamp()
        if self._offset == 0.0:
            self._offset = wall - self._clock.elapsed()
        # Soon enough to notice that the clock was set, or the machine suspended.
        pause = min(max(0.0, due - wall), LOOK_AGAIN)
        self._alarm = self._clock.call_later(
            pause, lambda: self.tell_self(LookAtTimes())
        )

    def _renew_reason(self, task_id: int) -> None:
        reason = self._book.waits_for(task_id) or self._waiting_reason()
        if reason != self._book.get(task_id).reason:
            self._changed(self._book.wait(task_id, reason), TaskEvent.PROGRESS)

    def _rule(self, message: PauseQueue | SetGroup | GetRules) -> QueueReply:
        group = None
        match message:
            case GetRules():
                return RulesFound(self._book.rules, message.correlation_id)
            case PauseQueue(group=group):
                pass
            case SetGroup(name=group):
                pass
        if group is not None and not is_group_name(group):
            text = f"{brief(group)!r} is not a group; use a short name without spaces"
            return Refused(text, RefusalCode.INVALID, message.correlation_id)
        match message:
            case PauseQueue(paused=paused):
                self._book.set_paused(group, paused=paused)
            case SetGroup(name=name, slots=slots):
                if not 0 <= slots <= MOST:
                    text = f"slots must be from 0 to {MOST}, not {slots}"
                    return Refused(text, RefusalCode.INVALID, message.correlation_id)
                self._book.set_group(name, slots)
        self._journal.ruled(self._book.rules)
        self._assign()
        why = PAUSED if group is None else group_paused(group)
        for task_id in self._book.waiting_because(why):
            self._renew_reason(task_id)
        return RulesFound(self._book.rules, message.correlation_id)

    def _waiting_reason(self) -> str:
        if self._claims > 0:
            return "starting"
        if not self._slots:
            return "waiting for the runner"
        return f"waiting for a slot ({self._slots} of {self._slots} busy)"

    def _claimed(self, claim: ClaimTasks) -> None:
        if claim.runner is not self._runner:
            # What it claims later knows nothing of a `SetSlots`.
            self._runner, self._slots = claim.runner, claim.slots
        self._claims += claim.count
        self._assign()

    def _set_slots(
        self, slots: int | None, correlation_id: int | str | None
    ) -> QueueReply:
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
                self._assign()
        return Slots(self._slots, correlation_id)

    def _assign(self) -> None:
        while self._claims > 0 and self._runner is not None and not self._closed:
            task = self._book.start_next(self._clock.now())
            if task is None:
                return
            self._start(self._runner, task)

    def _start(self, runner: Recipient[RunnerMessage], task: Task) -> None:
        # Below zero if it starts beyond the slots: then the next ends start nothing.
        self._claims -= 1
        self._changed(task, TaskEvent.RUNNING)
        start = StartTask(task, self._book.environment(task.id))
        self._outbox.add(runner, start, tells_change=True)

    def _start_at_once(self, task_id: int) -> None:
        if self._runner is not None and not self._closed:
            task = self._book.start_at_once(task_id, self._clock.now())
            self._start(self._runner, task)

    def _alter(self, message: MoveTask | HoldTask) -> QueueReply:
        task_id, reason = message.task_id, self._waiting_reason()
        try:
            match message:
                case MoveTask(first=first, before=before):
                    task = self._book.move(task_id, reason, first=first, before=before)
                case HoldTask(held=held):
                    task = self._book.set_held(task_id, reason, held=held)
        except UnknownTaskError as error:
            return self._unknown(error.task_id, message.correlation_id)
        except IllegalTransitionError as error:
            return self._not_waiting(error.task, message.correlation_id)
        self._changed(task, TaskEvent.PROGRESS)
        self._assign()
        return TaskAltered(self._book.get(task_id), message.correlation_id)

    def _not_waiting(self, task: Task, correlation_id: int | str | None) -> Refused:
        text = f"task {task.id} does not wait any more; it is {task.status}"
        if task.status is TaskStatus.QUEUED:
            text = f"task {task.id} can't start here: {task.reason}"
        code = RefusalCode.FINISHED if task.status.is_final else RefusalCode.INVALID
        return Refused(text, code, correlation_id)

    def _tell_dependents(self) -> None:
        """Cancel what can never start any more, and say of others what they wait for.

        A chain may be long: each of its tasks is canceled because of the one before.
        """
        while hopeless := self._book.take_hopeless():
            for task_id, why in hopeless:
                outcome = Outcome.canceled(f"can't start: {why}")
                self._changed(self._book.end(task_id, outcome, self._clock.now()))
        for task_id in self._book.take_released():
            self._renew_reason(task_id)

    def _get(self, message: GetTask) -> QueueReply:
        task_id = message.task_id
        self._catch_up()
        try:
            task = self._book.written(task_id, self._clock.now())
        except UnknownTaskError:
            return self._unknown(task_id, message.correlation_id)
        return TaskFound(task, self._pids.get(task_id), message.correlation_id)

    def _cancel_one(self, message: CancelTask) -> QueueReply:
        try:
            task = self._book.get(message.task_id)
        except UnknownTaskError:
            task = None
        if task is None or task.status.is_final:
            return self._too_late(message)
        canceled = self._cancel(task, message.reason, now=message.now)
        return CancelAccepted((canceled,), message.correlation_id)

    def _too_late(self, message: CancelTask) -> QueueReply:
        self._catch_up()
        try:
            task = self._book.written(message.task_id, self._clock.now())
        except UnknownTaskError:
            return self._unknown(message.task_id, message.correlation_id)
        if task.status.is_final:
            text = f"task {task.id} has already finished ({task.status}: {task.reason})"
            if task.left_running:
                text += "; that is ended with the session at the latest"
            return Refused(text, RefusalCode.FINISHED, message.correlation_id)
        # It has just ended, which nobody is told before it is written down.
        return CancelAccepted((task,), message.correlation_id)

    def _cancel_all(self, message: CancelAll) -> QueueReply:
        # Queued ones first, so that none of them starts in place of a running one.
        canceled = [
            self._cancel(self._book.get(task_id), message.reason, now=message.now)
            for task_id in reversed(self._book.open_ids())
        ]
        canceled.sort(key=lambda task: task.id)
        return CancelAccepted(tuple(canceled), message.correlation_id)

    def _cancel(self, task: Task, reason: str, *, now: bool) -> Task:
        at, reason = self._clock.now(), safe_line(reason)
        if task.status is TaskStatus.QUEUED:
            return self._changed(self._book.end(task.id, Outcome.canceled(reason), at))
        self._order_stop(StopTask(task.id, Outcome.canceled(reason), now=now))
        stopping = self._book.note_reason(task.id, f"stopping, {reason}", at)
        return self._changed(stopping, TaskEvent.PROGRESS)

    def _order_stop(self, stop: StopTask) -> None:
        # A task that fills the disk would never end if this waited for the journal; but
        # one whose start waits can't be stopped before it.
        if self._runner is not None:
            waits = not self._book.is_written(stop.task_id)
            self._outbox.add(self._runner, stop, tells_change=waits)

    def _note_wait(self, task_id: int, waits_for: str | None) -> None:
        reason = RUNNING if waits_for is None else f"waiting for {waits_for}"
        task = self._book.note_reason(task_id, reason, self._clock.now())
        self._changed(task, TaskEvent.PROGRESS)

    def _note_left_running(self, task_id: int, names: str) -> None:
        try:
            before = self._book.get(task_id)
        except UnknownTaskError:
            return  # forgotten meanwhile
        task = self._book.note_left_running(task_id, safe_line(names))
        if task != before:
            self._changed(task, TaskEvent.PROGRESS)

    def _progress(self, message: TaskProgressed) -> None:
        before = self._book.get(message.task_id).output_size
        task = self._book.progress(message.task_id, message.news, self._clock.now())
        if self._writing.trouble is None:
            self._changed(task, TaskEvent.PROGRESS)
        self._account_output(task, task.output_size - before)

    def _free_slot(self, message: TaskEnded) -> None:
        self._claims += message.claims
        try:
            self._end(message)
        finally:
            self._assign()

    def _end(self, message: TaskEnded) -> None:
        self._pids.pop(message.task_id, None)
        before = self._book.get(message.task_id).output_size
        outcome, at = message.outcome.made_safe(), self._clock.now()
        task = self._book.end(message.task_id, outcome, at, message.news)
        self._changed(task)
        self._account_output(task, task.output_size - before)

    def _account_output(self, task: Task, growth: int) -> None:
        account = self._account
        account.grew(task, growth)
        if not account.exceeded:
            return
        running = self._book.list(TaskFilter.RUNNING, self._clock.now())
        others = [it for it in running if it.id != task.id]
        if account.has_room_for((*others, task)):
            self._forget_for_room()
        elif not task.status.is_final:
            # Nothing that may be forgotten would make room enough.
            limit = size_text(self._output_limit)
            reason = f"the session's output went beyond the limit of {limit}"
            self._order_stop(StopTask(task.id, Outcome.failed(reason), now=True))

    def _forget_for_room(self) -> None:
        # Those that have no room even alone: the others need not go because of them.
        for task_id in self._account.oversized:
            self._forget(self._book.forget(task_id))
        while self._account.exceeded:
            if not self._forget(self._book.forget_oldest()):
                return

    def _changed(self, task: Task, event: TaskEvent | None = None) -> Task:
        self._seq += 1
        changed = TaskChanged(self._seq, event or TaskEvent.of(task.status), task)
        self._journal.changed(changed, self._book.environment(task.id))
        if changed.event is not TaskEvent.PROGRESS:
            self._last_changes[task.id] = changed.seq
            self._unshown.add(changed)
            self._last_to_show = changed.seq
            self._showing.note_told(changed.seq)
        self._publish(changed)
        if task.status.is_final and (oldest := self._book.clean_up()):
            self._forget(oldest)
        return task

    def _forget(self, tasks: tuple[Task, ...]) -> tuple[int, ...]:
        ids = tuple(task.id for task in tasks)
        self._journal.forgot(ids)
        self._journal.settled(self._unshown.forgot(ids))
        for task in tasks:
            self._last_changes.pop(task.id, None)
            self._account.forgot(task)
            if task.output_path is not None:
                self._doomed.append(task)
        if ids:
            self._publish(TasksForgotten(self._seq, ids))
        return ids

    def _delete_doomed(self) -> pykka.ActorRef[RemovalActor] | None:
        """Delete the output of forgotten tasks, or have it deleted.

        Returns:
            Who does that, if it was told to do so, now or earlier.
        """
        doomed, self._doomed = self._doomed, []
        paths = tuple(it.output_path for it in doomed if it.output_path is not None)
        if self._with_result:
            have = (it for it in doomed if it.kind in self._with_result)
            paths += tuple(str(it) for it in map(result_path, have) if it is not None)
        if not paths or self._writing.is_foreign:
            # What has these names in a foreign session is not ours.
            return self._removal
        size = sum(it.output_size for it in doomed)
        if len(paths) <= _MANY_FILES and size <= _MUCH_OUTPUT:
            remove_output(paths)
            return self._removal
        if self._removal is None:
            self._removal = RemovalActor.start(self._dead_letters, self._scheduler)
        self._remove(self._removal, RemoveOutput(paths))
        return self._removal

    def _remove(
        self, removal: pykka.ActorRef[RemovalActor], message: RemoveOutput
    ) -> None:
        # Somebody may have stopped it.
        if not post_if_alive(removal, message):
            remove_output(message.paths)
            if message.reply_to is not None:
                self._send(message.reply_to, message.answer)

    def _publish(self, notification: Notification) -> None:
        self._outbox.add(None, notification, tells_change=True)

    def _transcript(self, message: GetTranscript) -> QueueReply:
        self._catch_up()
        try:
            entries = self._writing.use(lambda: self._journal.transcript(message.limit))
        except JournalError as error:
            text = safe_line(str(error))
            return Refused(text, RefusalCode.JOURNAL, message.correlation_id)
        finally:
            self._announce_trouble()
        return Transcript(entries, message.correlation_id)

    def _subscribe(self, message: Subscribe) -> QueueReply:
        subscriber, shows = message.subscriber, message.shows
        place = self._place_of(subscriber)
        if place is not None:
            self._subscribers[place] = _Subscriber(message)
        else:
            self._catch_up()
            # Not through the outbox: whatever is held back there comes after it.
            new = _Subscriber(message)
            self._subscribers.append(new)
            self._send(subscriber, self._all_there_is(message, new))
            if (trouble := self._writing.trouble) is not None:
                self._send(subscriber, JournalTrouble(trouble))
            if new not in self._subscribers:  # it is dead
                return Acknowledged(message.correlation_id)
        self._showing.note(subscriber, shows=shows)
        self._showing.note_told(self._last_to_show)
        self._answer_if_shown()
        return Acknowledged(message.correlation_id)

    def _place_of(self, recipient: object) -> int | None:
        for place, it in enumerate(self._subscribers):
            if it.recipient == recipient:
                return place
        return None

    def _all_there_is(self, message: Subscribe, subscriber: _Subscriber) -> Subscribed:
        tasks = self._book.all_written(message.which, self._clock.now())
        told = self._told_seq
        unshown = self._unshown.up_to(told) if message.shows else ()
        if (selection := subscriber.selection) is not None:
            tasks = tuple(it for it in tasks if it in selection)
            unshown = tuple(it for it in unshown if it.task in selection)
        missed: list[TaskChanged] = []
        if (since := message.since) is not None:
            last = self._last_changes
            missed = [
                TaskChanged(seq, TaskEvent.of(task.status), task)
                for task in tasks
                if since < (seq := last.get(task.id, 0)) <= told
            ]
            missed.sort(key=lambda change: change.seq)
        return Subscribed(told, tasks, unshown, tuple(missed))

    def _said(self, said: ChatMessage, shown_by: object) -> None:
        self._journal.said(said, self._seq)
        if said.form:
            return  # what a chat keeps for itself: nobody said it
        for subscriber in (it.recipient for it in self._subscribers):
            if subscriber != shown_by and self._showing.shows(subscriber):
                self._outbox.add(subscriber, MessageSaid(said), tells_change=True)

    def _note_shown(self, seq: int) -> None:
        if self._showing.note_shown(seq):
            self._journal.shown(seq)
            self._journal.settled(self._unshown.shown(seq))
        self._answer_if_shown()

    def _unsubscribe(self, subscriber: Recipient[Any]) -> None:
        place = self._place_of(subscriber)
        if place is not None:
            del self._subscribers[place]
            self._showing.note(subscriber, shows=False)
            self._answer_if_shown()

    def _await_shown(self, reply_to: Recipient[QueueReply]) -> None:
        for subscriber in [it.recipient for it in self._subscribers]:
            # One that had its last message when it died has not been found dead yet.
            if _is_dead(subscriber):
                self._unsubscribe(subscriber)
        self._awaits_shown.append(reply_to)
        self._answer_if_shown()

    def _answer_if_shown(self) -> None:
        if not self._showing.is_owed:
            for reply_to in self._awaits_shown:
                self._outbox.add(reply_to, Acknowledged(), tells_change=False)
            self._awaits_shown.clear()

    def _close(self, message: CloseQueue) -> None:
        self._closed = True
        self._end_reason = safe_line(message.reason)
        if message.keep_queued:
            return
        for task in self._book.list(TaskFilter.QUEUED, self._clock.now()):
            self._cancel(task, message.reason, now=False)

    def _open(self, correlation_id: int | str | None) -> QueueReply:
        self._recover()
        try:
            self._writing.use(self._journal.commit)
        except JournalError as error:
            # Whoever opens it says so; once is enough.
            self._writing.trouble = text = safe_line(str(error))
            return Refused(text, RefusalCode.JOURNAL, correlation_id)
        return Acknowledged(correlation_id)

    def _recover(self) -> None:
        for task in self._book.list(TaskFilter.QUEUED, self._clock.now()):
            if task.kind not in self._kinds:
                reason = f"{_NO_KIND}{task.kind!r}, which is not registered here"
                self._changed(self._book.hold(task.id, reason), TaskEvent.QUEUED)
            elif task.reason.startswith(_NO_KIND):
                reason = self._book.waits_for(task.id) or self._waiting_reason()
                waiting = self._book.wait(task.id, reason)
                self._changed(waiting, TaskEvent.QUEUED)
        for task in self._book.list(TaskFilter.RUNNING, self._clock.now()):
            self._changed(self._book.end(task.id, LOST, self._clock.now()))
        self._forget(self._book.clean_up())
        everything = self._book.list(TaskFilter.ALL, self._clock.now())
        self._account.begin_with(everything)

    def _unknown(self, task_id: int, correlation_id: int | str | None) -> Refused:
        is_old = 1 <= task_id <= self._book.newest_id
        if is_old and self._book.is_written(task_id):
            text = f"task {task_id} has left the history"
        else:
            text = f"no task {task_id}"
        return Refused(text, RefusalCode.UNKNOWN, correlation_id)


def _refusal(message: QueueMessage) -> Refused | None:
    """Refuse a request with a value of a wrong type in one of its fields."""
    if type(message) not in _CHECKED or (problem := wrong_type(message)) is None:
        return None
    given: object = getattr(message, "correlation_id", None)
    correlation_id = given if isinstance(given, int | str) else None
    return Refused(problem, RefusalCode.INVALID, correlation_id)


def _is_dead(subscriber: object) -> bool:
    return isinstance(subscriber, pykka.ActorRef) and not subscriber.is_alive()
