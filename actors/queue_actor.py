"""The QueueActor: owner of all state, and the only writer of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec
from msgspec.structs import replace

from .journal.outbox import told_by
from .journal.protocol import Everything
from .journal.sqlite_file import LOCK_TIMEOUT, JournalError
from .journal.writer import JournalWriter
from .kinds import InvalidRequestError, Kinds, ListsNodes
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
    JournalTrouble,
    ListNodes,
    ListSchedules,
    ListTasks,
    LookAtTimes,
    MoveTask,
    NodesFound,
    OpenQueue,
    PauseQueue,
    PauseSchedule,
    PauseTask,
    QueueMessage,
    QueueReply,
    RefusalCode,
    Refused,
    RemoveSchedule,
    ResizeTerminal,
    SchedulesFound,
    SendInput,
    SetGroup,
    SetSlots,
    Shown,
    StartTask,
    Subscribe,
    SystemStopped,
    TaskAdded,
    TaskAwaitsInput,
    TaskEnded,
    TaskEvent,
    TaskFound,
    TaskLeftRunning,
    TaskList,
    TaskProcess,
    TaskProgressed,
    TaskWaits,
    Transcript,
    Unsubscribe,
    Wipe,
    Wiped,
    WriteAgain,
    WriteDown,
)
from .queue.admission import Admission
from .queue.changes import Changes
from .queue.control import Control
from .queue.deletion import Deletion
from .queue.inputs import Inputs
from .queue.running import Running
from .queue.schedules import Schedules
from .queue.starts import Starts
from .queue.subscribers import Subscribers
from .queue.times import Times
from .rules.field_types import wrong_type
from .rules.nodes import is_address
from .rules.numbers import ROOM_FOR_MORE
from .rules.outcome import Outcome
from .rules.output_quota import OutputQuota
from .rules.record import Record
from .rules.safe_text import brief, safe_line
from .rules.schedules import ScheduleBook
from .rules.status import (
    TaskFilter,
    TaskStatus,
)
from .rules.task_table import UnknownTaskError
from .rules.terms import PLAIN
from .runtime.safe_actor import SafeActor
from .runtime.sending import (
    DeadLetters,
    Recipient,
    call_safely,
    logger,
    post_if_alive,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .journal.protocol import Journal
    from .journal.unshown import UnshownChanges
    from .kinds import Engine
    from .rules.book import TaskBook
    from .rules.nodes import Node
    from .rules.request import TaskRequest
    from .rules.task import Task
    from .rules.variables import Variables
    from .runtime.clock import Clock
    from .runtime.dispatcher import Dispatcher

BATCH: Final = 256
"""Messages handled before what they led to is sent at the latest."""

SHOWN_AFTER: Final = 0.1
"""Seconds after which what was shown is written down, unless something else is."""

WIPE_AFTER: Final = 2.0
"""Seconds after which what was deleted and may be secret is overwritten."""

_CHECKED: Final = {
    AddSchedule,
    AddTask,
    EditTask,
    CancelAll,
    CancelTask,
    ClaimEnds,
    GetTask,
    GetTranscript,
    HoldTask,
    ListTasks,
    MoveTask,
    SetSlots,
    PauseQueue,
    PauseSchedule,
    PauseTask,
    RemoveSchedule,
    ResizeTerminal,
    SendInput,
    SetGroup,
    Subscribe,
    Unsubscribe,
}
"""Requests that have an answer, and fields that may hold what they should not."""

_NO_KIND: Final = "waiting for the kind "


class QueueConfig(Record, frozen=True):
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
        released: Told the id of each task whose end, or that of its attempt, is written
            down, and whether another attempt follows. If it is there, jobs go on when
            this program is killed, and what their start takes is written down until
            they have started.
        rebooted: Whether the machine restarted since the session was open last.
        engines: Where tasks may run besides this machine, by name.
        pause_on_failure: Whether groups of which nothing else is said start no more
            when one of their tasks fails.
    """

    kinds: Kinds
    output: Path
    output_limit: int
    clock: Clock
    dead_letters: DeadLetters
    directory: str | None = None
    environment: Variables | None = None
    dispatcher: Dispatcher | None = None
    released: Callable[[int, bool], object] | None = None
    rebooted: bool = False
    engines: Mapping[str, Engine] = msgspec.field(default_factory=dict[str, "Engine"])
    pause_on_failure: bool = False


class QueueActor(SafeActor[QueueMessage]):
    """Holds the task book, and tells everybody who asked what changes in it.

    In: see `QueueMessage`. Out: `Subscribed`, `TaskChanged` and `TasksForgotten` to
    every subscriber, `StartTask` and `StopTask` to the runner, answers to
    the senders of requests.

    All that waits in the mailbox is handled as one batch: first all of it is applied,
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
        lost: How tasks have ended that ran when the last program was killed. Those that
            are not in it go on; by default none does.
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
        last_changes: Mapping[int, int] | None = None,
        lost: Mapping[int, Outcome] | None = None,
        schedules: ScheduleBook | None = None,
    ) -> None:
        super().__init__(config.dead_letters, config.dispatcher)
        clock = config.clock
        self._changes = changes = Changes(
            book,
            journal,
            clock,
            OutputQuota(config.output_limit),
            seq=seq,
            unshown=unshown,
            last_changes=last_changes,
            released=config.released,
        )
        self._lost = lost
        self._book = book
        self._journal = journal
        self._outbox = changes.outbox
        self._clock = clock
        self._kinds = config.kinds
        self._rebooted = config.rebooted
        self._output_folder = str(config.output)
        self._writing = JournalWriter(
            journal,
            lambda: Everything(
                book.by_last_change(), changes.unshown.up_to(), changes.last_changes
            ),
            clock,
        )
        self._engines = config.engines
        self._starts = starts = Starts(
            changes, {name: it.slots for name, it in config.engines.items()}
        )
        self._admission = Admission(
            changes,
            config.kinds,
            config.directory,
            config.environment,
            engines=config.engines,
        )
        self._control = Control(
            changes,
            starts,
            self._admission,
            config.kinds,
            engines=config.engines,
            pause_on_failure=config.pause_on_failure,
        )
        self._inputs = Inputs(changes, starts)
        self._running = Running(
            changes, starts, config.output_limit, self._control.note_failure
        )
        self._schedules = Schedules(
            changes, schedules or ScheduleBook(), self._admission
        )
        self._times = Times(book, starts, self._schedules, clock)
        self._subscribers = Subscribers(changes, self._schedules, self._inputs.attached)
        self._deletion = Deletion(config.kinds, config.dead_letters, config.dispatcher)
        self._will_write_again = False
        self._is_due = False
        self._will_wipe = False
        self._handled = 0
        self._closed = False
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
        # The last chance: now it is better to wait for a journal that is locked.
        self.about_to_block(long=True)
        self._journal.be_patient(LOCK_TIMEOUT)
        # The next program must not meet what is being deleted, and the
        # last changes need the journal that may be held to be wiped.
        self._deletion.stop()
        self._flush()
        stopped = SystemStopped(self._end_reason)
        for it in self._subscribers.recipients():
            # One that ended without a word misses nothing.
            call_safely(partial(post_if_alive, it, stopped))
        try:
            self._journal.close(clean=self._closed)
        except JournalError as error:
            if self._writing.trouble is None:  # else it has been said
                logger.error("The journal could not be closed in order: %s", error)

    def _conclude(self, message: QueueMessage, answer: QueueReply | None) -> None:
        self._handled += 1
        self._control.tell_dependents()
        if answer is not None:
            asker = getattr(message, "reply_to", None) or self.answer_later()
            if asker is not None:
                status = self._book.tasks.written_status
                tells = any(status(it) is not told for it, told in told_by(answer))
                self._outbox.add(asker, answer, tells_change=tells)
            elif isinstance(answer, Refused):
                logger.warning("%s: %s", type(message).__name__, safe_line(answer.text))
        if self._handled >= BATCH or self.actor_inbox.empty():
            self._flush()

    def _renew_reasons(self, task_id: int | None = None) -> None:
        """Say why a queued task waits now, or all, for somebody who looks.

        Each start and end may be another reason for many of them.
        """
        if self._writing.trouble is None and not self._closed:
            self._starts.renew_reasons(task_id)

    def _catch_up(self) -> None:
        """Write down what can be, so that the next answer has it."""
        if self._outbox and self._writing.trouble is None:
            self._flush()

    def _flush(self) -> None:
        """Write down what was applied, and send what may be sent then."""
        self._handled = 0
        if self._times.need_alarm:
            self._times.set_alarm(
                lambda: self.tell_self(LookAtTimes()), can_add=self._can_add()
            )
        while True:
            written = self._write_down()
            # Even if it failed: on a full disk this is what makes room.
            self._delete_doomed()
            outbox = self._outbox
            for recipient, message in (
                outbox.take_all() if written else outbox.take_free()
            ):
                if not (
                    recipient is not None
                    and isinstance(message, Forgotten)
                    and self._deletion.answers(recipient, message)
                ):
                    self._send(recipient, message)
            if not (written and outbox):
                if self._journal.has_traces and not self._will_wipe:
                    self._will_wipe = True
                    self._clock.call_later(WIPE_AFTER, lambda: self.tell_self(Wipe()))
                return

    def _write_down(self) -> bool:
        written = waits = self._journal.can_wait and not self._is_due
        if not waits:
            self._is_due = False
            written = self._writing.write_down()
            self._announce_trouble()
        if written:
            self._changes.note_written()
            self._schedules.note_written()
        if waits or not written:
            self._write_later(SHOWN_AFTER if waits else self._writing.pause)
        return written

    def _write_later(self, pause: float) -> None:
        if not self._will_write_again:
            self._will_write_again = True
            self._clock.call_later(pause, lambda: self.tell_self(WriteAgain()))

    def _wipe(self) -> None:
        self._will_wipe = False
        if self._writing.is_wiped:
            return  # still at it; what came after it is next
        self._writing.is_wiped = True
        if not self._deletion.wipe(self._journal.begin_wipe(), self.actor_ref):
            self._writing.is_wiped = False
            self._journal.end_wipe(done=False)

    def _announce_trouble(self) -> None:
        # Not through the outbox, which is held back.
        for text in self._writing.take_news():
            self._send(None, JournalTrouble(text))

    def _send(self, recipient: Recipient[Any] | None, message: object) -> None:
        if recipient is None:
            for it in self._subscribers.that_want(message):
                self._send(it, message)
        elif not self.post(recipient, message):
            self._undelivered(recipient, message)

    def _undelivered(self, recipient: Recipient[Any], message: object) -> None:
        self._subscribers.remove(recipient)
        if isinstance(message, StartTask):
            self._starts.note_runner_gone()
            outcome = Outcome.failed("could not be started: the runner is gone")
            self._changes.end(message.task.id, outcome)

    def _apply(self, message: QueueMessage) -> QueueReply | None:
        match message:
            # What comes most often is asked for first.
            case AddTask():
                return self._add(message)
            case TaskEnded():
                self._running.ended(message)
            case GetTask():
                return self._get(message)
            case ListTasks() | ListSchedules() | ListNodes():
                return self._list(message)
            case CancelTask():
                return self._control.cancel(message) or self._too_late(message)
            case MoveTask() | HoldTask() | EditTask():
                return self._control.alter(message)
            case PauseTask():
                return self._control.pause(message)
            case PauseQueue() | SetGroup() | GetRules():
                return self._rule(message)
            case AddSchedule() | RemoveSchedule() | PauseSchedule():
                return self._refusal_of_new(message) or self._schedules.change(message)
            case CancelAll():
                return self._control.cancel_all(message)
            case ForgetFinished(correlation_id=correlation_id):
                ids = self._changes.forget(self._book.forget_finished())
                return Forgotten(ids, correlation_id)
            case SetSlots():
                return self._starts.set_slots(message)
            case SendInput() | ResizeTerminal() | TaskAwaitsInput():
                return self._inputs.take(message, self.answer_later)
            case Subscribe():
                return self._subscribe(message)
            case Unsubscribe(subscriber=subscriber, correlation_id=correlation_id):
                self._subscribers.remove(subscriber)
                return Acknowledged(correlation_id)
            case GetTranscript():
                return self._transcript(message.limit, message.correlation_id)
            case Shown() | ClaimEnds():
                self._subscribers.take(message)
            case WriteDown():
                return self._subscribers.said(message)
            case OpenQueue(correlation_id=correlation_id):
                return self._open(correlation_id)
            case CloseQueue(correlation_id=correlation_id):
                self._close(message)
                return Acknowledged(correlation_id)
            case AwaitShown(reply_to=reply_to):
                self._subscribers.await_shown(reply_to)
            case LookAtTimes():
                self._times.look(self._add_checked if self._can_add() else None)
            case WriteAgain():
                # The attempt itself comes with the end of the batch.
                self._will_write_again, self._is_due = False, True
            case Wipe():
                self._wipe()
            case Wiped(done=done):
                self._writing.is_wiped = False
                self._journal.end_wipe(done=done)
            case ClaimTasks():
                self._starts.claimed(message)
            case TaskProcess():
                self._running.runs_as(message)
            case TaskWaits():
                self._running.waits(message)
            case TaskLeftRunning():
                self._running.left_running(message)
            case TaskProgressed():
                quietly = self._writing.trouble is not None
                self._running.progressed(message, quietly=quietly)
            case _:
                assert_never(message)
        return None

    def _add(self, message: AddTask) -> QueueReply:
        correlation_id = message.correlation_id
        if (added := self._book.tasks.find_key(message.request.key)) is not None:
            return TaskAdded(added, correlation_id, existed=True)
        if (refused := self._refusal_of_new(message)) is not None:
            return refused
        try:
            if message.unless_queued:
                request, _ = self._admission.admit(message.request)
                if (queued := self._book.find_queued(request)) is not None:
                    return TaskAdded(queued, correlation_id, existed=True)
            return self._add_saying(message)
        except InvalidRequestError as error:
            return Refused(str(error), RefusalCode.INVALID, correlation_id)

    def _add_saying(self, message: AddTask) -> QueueReply:
        """Add a task that makes sense, and say what is to be said with it."""
        said, key = message.saying, message.request.key
        if said is None:
            task = self._add_checked(message.request)
            return TaskAdded(task, message.correlation_id)
        if not key:
            raise InvalidRequestError("what is said with a task wants it to have a key")
        if not self._subscribers.are_shown():
            text = "no chat is open that shows it"
            return Refused(text, RefusalCode.FAILED, message.correlation_id)
        task = self._add_checked(message.request)
        text = said.text.replace(key, str(task.id))
        self._subscribers.said(WriteDown(replace(said, text=text)))
        return TaskAdded(task, message.correlation_id)

    def _list_nodes(self, message: ListNodes) -> Refused | None:
        """Have an engine tell its nodes to the sender."""
        name, asker = message.engine, message.reply_to
        if not name and len(self._engines) == 1:
            (name,) = self._engines
        engine = self._engines.get(name)
        if not isinstance(engine, ListsNodes) or asker is None:
            known = ", ".join(self._engines) or "none"
            text = f"no engine {brief(name)!r} with nodes; the engines are: {known}"
            return Refused(text, RefusalCode.INVALID, message.correlation_id)

        if message.address and not is_address(message.address):
            text = "address must be auto, or HOST:PORT of the head of the cluster"
            return Refused(text, RefusalCode.INVALID, message.correlation_id)

        def tell(nodes: tuple[Node, ...], problem: str) -> None:
            found = NodesFound(name, nodes, safe_line(problem), message.correlation_id)
            self.post(asker, found)

        engine.tell_nodes(tell, message.address)
        return None

    def _rule(self, message: PauseQueue | SetGroup | GetRules) -> QueueReply:
        self._schedules.look_again()
        return self._control.rule(message)

    def _list(
        self, message: ListTasks | ListSchedules | ListNodes
    ) -> QueueReply | None:
        if isinstance(message, ListNodes):
            return self._list_nodes(message)
        listed = message.which if isinstance(message, ListTasks) else None
        if listed is not None and TaskStatus.QUEUED in listed.statuses:
            self._renew_reasons()
        self._catch_up()
        if isinstance(message, ListSchedules):
            return SchedulesFound(self._schedules.all_written(), message.correlation_id)
        tasks = self._book.tasks.all_written(message.which, self._clock.now())
        return TaskList(tasks, self._book.tasks.counts(), message.correlation_id)

    def _can_add(self) -> bool:
        numbers = max(self._changes.seq, self._book.newest_id)
        quiet = self._writing.trouble is None and not self._closed
        return quiet and numbers <= ROOM_FOR_MORE

    def _refusal_of_new(
        self, message: AddTask | AddSchedule | RemoveSchedule | PauseSchedule
    ) -> Refused | None:
        """Return why nothing new is taken just now."""
        if self._can_add():
            return None
        code = RefusalCode.JOURNAL
        if self._closed:
            text = "the session is ending and takes no new tasks"
            code = RefusalCode.CLOSING
        elif (trouble := self._writing.trouble) is not None:
            text = f"can't write it down ({trouble}); try again when that is over"
        else:
            text = "this session has no numbers left for new tasks; open another"
        return Refused(text, code, message.correlation_id)

    def _add_checked(self, request: TaskRequest) -> Task:
        request, kind = self._admission.admit(request)
        folder = self._output_folder if kind.writes_output else None
        reason = self._starts.waiting_reason((request.terms or PLAIN).engine)
        task = self._book.add(request, self._clock.now(), reason, folder)
        if (waits_for := self._book.waiting.reason(task.id, reason)) != reason:
            task = self._book.waiting.wait(task.id, waits_for)
        self._changes.changed(task, TaskEvent.QUEUED)
        self._starts.assign()
        return task

    def _get(self, message: GetTask) -> QueueReply:
        task_id = message.task_id
        self._renew_reasons(task_id)
        self._catch_up()
        try:
            task = self._book.tasks.written(task_id, self._clock.now())
        except UnknownTaskError:
            return self._changes.unknown(task_id, message.correlation_id)
        pid = self._running.pid(task_id)
        return TaskFound(task, pid, message.correlation_id)

    def _too_late(self, message: CancelTask) -> QueueReply:
        self._catch_up()
        return self._control.too_late(message)

    def _delete_doomed(self) -> None:
        doomed = self._changes.take_doomed()
        # What has these names in a foreign session is not ours.
        if not self._writing.is_foreign:
            self._deletion.delete(doomed)

    def _transcript(self, limit: int, correlation_id: int | str | None) -> QueueReply:
        self._catch_up()
        try:
            entries = self._writing.use(lambda: self._journal.transcript(limit))
        except JournalError as error:
            text = safe_line(str(error))
            return Refused(text, RefusalCode.JOURNAL, correlation_id)
        finally:
            self._announce_trouble()
        return Transcript(entries, correlation_id)

    def _subscribe(self, message: Subscribe) -> QueueReply | None:
        answer: QueueReply | None = Acknowledged(message.correlation_id)
        if message.past is not None:
            past = self._transcript(message.past, message.correlation_id)
            answer = None
            asker = message.reply_to or self.answer_later()
            if asker is not None:
                # Before `Subscribed`, which tells what came after it.
                self._send(asker, past)
        subscribers = self._subscribers
        if not subscribers.renew(message):
            self._renew_reasons()
            self._catch_up()
            # Not through the outbox: what is held back there comes after it.
            new = subscribers.add(message)
            self._send(message.subscriber, subscribers.all_there_is(message, new))
            if (trouble := self._writing.trouble) is not None:
                self._send(message.subscriber, JournalTrouble(trouble))
            if new not in subscribers:  # it is dead
                return answer
        subscribers.note(message)
        return answer

    def _close(self, message: CloseQueue) -> None:
        self._closed = self._starts.closed = True
        self._end_reason = safe_line(message.reason)
        if message.keep_queued:
            self._running.interruption = self._end_reason
        else:
            self._control.cancel_queued(message.reason)

    def _open(self, correlation_id: int | str | None) -> QueueReply:
        self._recover()
        try:
            self._writing.use(self._journal.commit)
        except JournalError as error:
            # The program that opens it says so; once is enough.
            self._writing.trouble = text = safe_line(str(error))
            return Refused(text, RefusalCode.JOURNAL, correlation_id)
        return Acknowledged(correlation_id)

    def _recover(self) -> None:
        # In one go, without a call for each that waits as before: a queue may be long.
        queued = TaskStatus.QUEUED
        kinds = {it.name for it in self._kinds}
        for task in [
            it
            for it in self._book.tasks.list(TaskFilter.ALL, self._clock.now())
            if it.status is queued and (it.kind not in kinds or _NO_KIND in it.reason)
        ]:
            if task.kind not in kinds:
                reason = f"{_NO_KIND}{task.kind!r}, which is not registered here"
                held = self._book.waiting.hold(task.id, reason)
                self._changes.changed(held, TaskEvent.QUEUED)
            elif task.reason.startswith(_NO_KIND):
                reason = self._starts.reason_of(task.id)
                waiting = self._book.waiting.wait(task.id, reason)
                self._changes.changed(waiting, TaskEvent.QUEUED)
        self._running.recover(self._lost, rebooted=self._rebooted)
        self._changes.forget(self._book.clean_up())
        self._schedules.clock_was_set(0.0)
        everything = self._book.tasks.list(TaskFilter.ALL, self._clock.now())
        self._changes.quota.begin_with(everything)


def _refusal(message: QueueMessage) -> Refused | None:
    """Refuse a request with a value of a wrong type in one of its fields."""
    if type(message) not in _CHECKED or (problem := wrong_type(message)) is None:
        return None
    given: object = getattr(message, "correlation_id", None)
    correlation_id = given if isinstance(given, int | str) else None
    return Refused(problem, RefusalCode.INVALID, correlation_id)
