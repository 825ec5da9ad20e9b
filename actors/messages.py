"""Every message that the actors send each other, and one union of them per recipient.

All are immutable, hold no live object but a `Recipient`, and mean what their docstring
says whoever sends them. Requests come in three manners: with `reply_to` the answer is
told there, after what it says has been written down; without it the answer is the
return value of an `ask`; and what is only told, without `reply_to`, has no answer, but
if it is refused that is logged. A `correlation_id` comes back in the answer unchanged.
"""

from __future__ import annotations

import enum

import msgspec

from .rules.chat_message import ChatMessage
from .rules.process_record import ProcessId, ProcessRecord
from .rules.task import (
    Outcome,
    OutputNews,
    Task,
    TaskCounts,
    TaskFilter,
    TaskRequest,
    TaskStatus,
)
from .rules.terms import QueueRules
from .rules.variables import Variables
from .runtime.sending import Recipient


class Message(msgspec.Struct, frozen=True, tag=True):
    """The base of all messages; in JSON its name is the field `type`."""


class TaskEvent(enum.StrEnum):
    """What happened to a task; `progress` is any change of no status.

    While it runs, of what it has left running, or of how it waits.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PROGRESS = "progress"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"

    @classmethod
    def of(cls, status: TaskStatus) -> TaskEvent:
        """Return the event of reaching a status."""
        return cls(status.value)


class TaskChanged(Message, frozen=True, gc=False):
    """A task changed; told to every subscriber, in order, exactly once.

    Attributes:
        seq: The number of this change in the session: 1, 2, 3, without gaps.
        event: What happened.
        task: The task as it is now.
    """

    seq: int
    event: TaskEvent
    task: Task


class TasksForgotten(Message, frozen=True):
    """Finished tasks left the history; their output files are deleted or about to be.

    Attributes:
        seq: The number of the last change before this.
        ids: The tasks that are no longer known.
    """

    seq: int
    ids: tuple[int, ...]


class Subscribed(Message, frozen=True):
    """The first message to a subscriber: all there is; changes after `seq` follow.

    All there is means all that is written down. If the journal can't be written just
    now, `JournalTrouble` is the second message.

    Attributes:
        seq: The number of the last change before this.
        tasks: All tasks, by id.
        unshown: The changes that nobody was shown yet, for a subscriber that shows
            them; none for others.
        missed: For a subscriber that named a `since`: the last change of status of each
            task that came after it, in order, with the task as it is now.
    """

    seq: int
    tasks: tuple[Task, ...]
    unshown: tuple[TaskChanged, ...] = ()
    missed: tuple[TaskChanged, ...] = ()


class JournalTrouble(Message, frozen=True):
    """The journal can't be written, or can be again.

    Until it can, no task starts, none is accepted, and no change is announced or seen
    in a list; running tasks go on.

    Attributes:
        text: What is wrong, in one line; none when it is over.
    """

    text: str | None


class MessageSaid(Message, frozen=True):
    """Somebody said something; told only to subscribers that show changes.

    But not to the one that shows it already, as `WriteDown` names it, and not what a
    chat keeps for itself, which has a `form`.
    """

    message: ChatMessage


class SystemStopped(Message, frozen=True):
    """The last message to a subscriber: the task system has stopped, in whatever way.

    What was queued or running as the subscriber was told last does not change any more
    until the session is opened again.

    Attributes:
        reason: Why, in one line.
    """

    reason: str


class SlotsChanged(Message, frozen=True):
    """Somebody has changed how many tasks run at a time, for as long as this runs.

    Attributes:
        slots: How many. Tasks that run beyond it go on.
    """

    slots: int


Notification = (
    TaskChanged
    | TasksForgotten
    | Subscribed
    | JournalTrouble
    | MessageSaid
    | SystemStopped
    | SlotsChanged
)


# What the QueueActor answers.


class TaskAdded(Message, frozen=True):
    """The task was added and written down.

    Attributes:
        task: As it is now: Queued, or Running already.
        correlation_id: That of the request, here and in the other answers.
    """

    task: Task
    correlation_id: int | str | None = None


class TaskFound(Message, frozen=True):
    """The task as it is now, and the process it runs as, if it has one.

    Attributes:
        task: With its duration up to now, if it runs.
        pid: The id of its first process; none if it does not run, or has no process.
    """

    task: Task
    pid: int | None = None
    correlation_id: int | str | None = None


class TaskList(Message, frozen=True):
    """The tasks asked for, by id, and how many there are in each status."""

    tasks: tuple[Task, ...]
    counts: TaskCounts
    correlation_id: int | str | None = None


class CancelAccepted(Message, frozen=True):
    """These tasks are canceled, or will end within the grace period.

    A queued task is Canceled at once. A running one has been told to stop, and its
    last notification says how it ended; it may still complete if it was just ending.

    Attributes:
        tasks: By id, each Canceled, or Running still.
    """

    tasks: tuple[Task, ...]
    correlation_id: int | str | None = None


class Forgotten(Message, frozen=True):
    """These finished tasks are no longer known."""

    ids: tuple[int, ...]
    correlation_id: int | str | None = None


class Slots(Message, frozen=True):
    """This is how many tasks run at a time.

    Attributes:
        slots: How many.
    """

    slots: int
    correlation_id: int | str | None = None


class RefusalCode(enum.StrEnum):
    """Why a request was refused, for programs."""

    UNKNOWN = "unknown"
    """There is no such task, or no longer."""
    FINISHED = "finished"
    """The task has finished."""
    INVALID = "invalid"
    """The request makes no sense, now and later."""
    JOURNAL = "journal"
    """The journal can't be read or written at the moment."""
    CLOSING = "closing"
    """The session is ending, or has ended."""
    FAILED = "failed"
    """Something broke meanwhile; the text says what is known of it."""


class Refused(Message, frozen=True):
    """The request was not carried out, and nothing changed.

    Attributes:
        text: Why, in one line.
        code: The same for programs. With `INVALID` the request itself is at fault,
            otherwise only the state of things stands against it.
    """

    text: str
    code: RefusalCode = RefusalCode.FAILED
    correlation_id: int | str | None = None


class Transcript(Message, frozen=True):
    """What was said and shown, in order.

    Attributes:
        entries: Messages, and the changes of tasks between them; the newest is last.
    """

    entries: tuple[ChatMessage | TaskChanged, ...]
    correlation_id: int | str | None = None


class Acknowledged(Message, frozen=True):
    """Done; there is nothing more to say."""

    correlation_id: int | str | None = None


class RulesFound(Message, frozen=True):
    """What is set for the whole queue, written down.

    Attributes:
        rules: All of it.
    """

    rules: QueueRules
    correlation_id: int | str | None = None


class TaskAltered(Message, frozen=True):
    """The queued task was changed, and that is written down.

    Attributes:
        task: As it is now.
    """

    task: Task
    correlation_id: int | str | None = None


QueueReply = (
    TaskAdded
    | TaskAltered
    | RulesFound
    | TaskFound
    | TaskList
    | CancelAccepted
    | Forgotten
    | Slots
    | Refused
    | Transcript
    | Acknowledged
)


# What the QueueActor is told by anybody.


class AddTask(Message, frozen=True):
    """Put a task into the queue. Answer: `TaskAdded` or `Refused`.

    Attributes:
        request: What is to be done.
        reply_to: Told the answer, when what it says has been written down. Without it
            the answer is the return value of an `ask`; with a `tell` there is none.
        correlation_id: Anything that tells the sender which answer this is.
    """

    request: TaskRequest
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class GetTask(Message, frozen=True):
    """Look one task up. Answer: `TaskFound` or `Refused`.

    Attributes:
        task_id: Which.
        reply_to: See `AddTask`, here and in the other requests.
        correlation_id: The same.
    """

    task_id: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ListTasks(Message, frozen=True):
    """List tasks. Answer: `TaskList`.

    Attributes:
        which: Those of which status.
    """

    which: TaskFilter = TaskFilter.ALL
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class CancelTask(Message, frozen=True):
    """Cancel one task. Answer: `CancelAccepted`, or `Refused` if it has finished.

    Attributes:
        task_id: Which.
        reason: Who or what canceled it; it becomes the reason of the canceled task.
        now: Kill at once instead of asking first and killing after the grace period.
    """

    task_id: int
    reason: str = "canceled"
    now: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class CancelAll(Message, frozen=True):
    """Cancel every task that has not finished. Answer: `CancelAccepted`.

    Attributes:
        reason: Who or what canceled them; it becomes the reason of the tasks.
        now: Kill running ones at once, without the grace period.
    """

    reason: str = "canceled"
    now: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ForgetFinished(Message, frozen=True):
    """Forget all finished tasks and delete their output. Answer: `Forgotten`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SetSlots(Message, frozen=True):
    """Let so many tasks run at a time. Answer: `Slots`; `SlotsChanged` if it is new.

    It lasts until the session is closed. With fewer than run, none is ended, and none
    starts before enough have ended.

    Attributes:
        slots: How many, at least 1; none to ask how many there are.
    """

    slots: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class Subscribe(Message, frozen=True):
    """Tell this recipient of every change from now on; it gets `Subscribed` first.

    Answer: `Acknowledged`. Subscribing again tells nothing that was told before; what
    is given with it takes the place of what was given first. A subscriber that died is
    dropped by itself.

    With `origin`, `description` or `which` it is told only of the tasks that fit all
    of them, so that the numbers of the changes have gaps. `TasksForgotten` names all
    that are forgotten.

    Attributes:
        subscriber: Who.
        shows: Whether it shows changes to a person: `Subscribed` then has those that
            nobody was shown, and it is to tell `Shown` for what it has shown. A session
            that ends waits a moment for that.
        origin: Only tasks of this origin.
        description: Only tasks that are called this.
        which: Only tasks of this status: a change to another one is not told.
        since: The number of the last change of a status, not of progress, that it has
            handled; 0 for none. `Subscribed.missed` then has what came after it.
    """

    subscriber: Recipient[Notification]
    shows: bool = False
    origin: str | None = None
    description: str | None = None
    which: TaskFilter = TaskFilter.ALL
    since: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class Unsubscribe(Message, frozen=True):
    """Tell this recipient nothing more. Answer: `Acknowledged`.

    Attributes:
        subscriber: The same, or an equal one; nothing happens if it is none.
    """

    subscriber: Recipient[Notification]
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class Shown(Message, frozen=True):
    """All changes up to `seq` have been shown to a person. No answer."""

    seq: int


class WriteDown(Message, frozen=True):
    """Keep this chat message with the session. No answer.

    Attributes:
        message: What was said.
        shown_by: The subscriber that shows it already; the others that show changes
            are told.
    """

    message: ChatMessage
    shown_by: Recipient[Notification] | None = None


class GetTranscript(Message, frozen=True):
    """Look up what was said and shown, in earlier lives too. Answer: `Transcript`.

    Attributes:
        limit: How many of the last entries at most.
    """

    limit: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseQueue(Message, frozen=True):
    """Start nothing, or tasks again. Answer: `RulesFound` or `Refused`.

    Tasks that run go on.

    Attributes:
        group: Of which group; `None` for all.
        paused: Whether to start nothing, or to start tasks again.
    """

    group: str | None = None
    paused: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SetGroup(Message, frozen=True):
    """Set how many tasks of a group run at a time. Answer: `RulesFound` or `Refused`.

    Attributes:
        name: What the group is called.
        slots: How many; 0 for as many as there are slots.
    """

    name: str
    slots: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class GetRules(Message, frozen=True):
    """Look up what is set for the whole queue. Answer: `RulesFound`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class MoveTask(Message, frozen=True):
    """Put a queued task elsewhere in the order. Answer: `TaskAltered` or `Refused`.

    Attributes:
        task_id: Which.
        first: Whether before all others of its priority, or behind them.
        before: Another queued task before which it is put, if any; it gets the priority
            of that one, and `first` counts for nothing.
    """

    task_id: int
    first: bool = False
    before: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class HoldTask(Message, frozen=True):
    """Let a queued task wait, or release it. Answer: `TaskAltered` or `Refused`.

    Attributes:
        task_id: Which.
        held: Whether it is to wait until it is released, or to wait no longer.
    """

    task_id: int
    held: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


QueueRequest = (
    AddTask
    | PauseQueue
    | SetGroup
    | GetRules
    | MoveTask
    | HoldTask
    | Shown
    | WriteDown
    | GetTranscript
    | GetTask
    | ListTasks
    | CancelTask
    | CancelAll
    | ForgetFinished
    | SetSlots
    | Subscribe
    | Unsubscribe
)


# What the QueueActor is told by the runner, its task actors and the TaskSystem.


class ClaimTasks(Message, frozen=True):
    """The runner has room for `count` more tasks.

    Only a claim makes a task Running: the queue answers each with one `StartTask`, as
    soon as a task waits.

    Attributes:
        runner: Who will run them.
        count: How many more it takes.
        slots: How many it runs at a time in all, unless `SetSlots` has said otherwise.
    """

    runner: Recipient[RunnerMessage]
    count: int
    slots: int


class TaskProcess(Message, frozen=True, gc=False):
    """A task runs as this process."""

    process: ProcessRecord


class TaskWaits(Message, frozen=True, gc=False):
    """A running task can't begin yet, or has begun after all.

    Attributes:
        task_id: Which.
        waits_for: What it waits for, such as "free memory"; none when it has begun.
    """

    task_id: int
    waits_for: str | None


class TaskLeftRunning(Message, frozen=True, gc=False):
    """What a finished task has left running is less by now, or nothing.

    Attributes:
        task_id: Which.
        names: What still runs, for people; empty if nothing does.
    """

    task_id: int
    names: str


class TaskProgressed(Message, frozen=True, gc=False):
    """A running task's output told something new."""

    task_id: int
    news: OutputNews


class TaskEnded(Message, frozen=True, gc=False):
    """A running task ended; the runner sends exactly one for each it was given.

    Attributes:
        task_id: Which.
        outcome: How.
        news: The last look at its output, if it has any.
        claims: How many more tasks the runner has room for: with the end, so that the
            end of one task and the start of the next are one batch.
    """

    task_id: int
    outcome: Outcome
    news: OutputNews | None = None
    claims: int = 0


class OpenQueue(Message, frozen=True):
    """Put in order what an earlier life of the session left. Answer: `Acknowledged`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class CloseQueue(Message, frozen=True):
    """Take no new tasks, and start none. Answer: `Acknowledged`.

    Attributes:
        reason: What becomes the reason of queued tasks that are canceled.
        keep_queued: Whether queued tasks stay for the next time the session is opened,
            or are canceled.
    """

    reason: str
    keep_queued: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class AwaitShown(Message, frozen=True):
    """Answer when the last change that could be shown has been. Answer: `Acknowledged`.

    Which is at once if no subscriber is left that shows changes.

    Attributes:
        reply_to: Told the answer; an `ask` gets none.
    """

    reply_to: Recipient[QueueReply]


class WriteAgain(Message, frozen=True):
    """Try again to write to the journal what could not be written before."""


class Wipe(Message, frozen=True):
    """Overwrite what was deleted from the journal and may be secret."""


class RemoveOutput(Message, frozen=True):
    """Delete the output files of forgotten tasks, then tell that they are forgotten.

    Attributes:
        paths: The files.
        reply_to: Who asked for it; None if nobody did.
        answer: What the asker is told then.
    """

    paths: tuple[str, ...]
    reply_to: Recipient[QueueReply] | None = None
    answer: Forgotten | None = None


class LookAtTimes(Message, frozen=True):
    """The time of a queued task may have come."""


QueueMessage = (
    QueueRequest
    | LookAtTimes
    | OpenQueue
    | CloseQueue
    | AwaitShown
    | WriteAgain
    | Wipe
    | ClaimTasks
    | TaskProcess
    | TaskWaits
    | TaskLeftRunning
    | TaskProgressed
    | TaskEnded
)


# What the RunnerActor and the TaskActors are told.


class Begin(Message, frozen=True):
    """Start to work."""


class StartTask(Message, frozen=True, gc=False):
    """Run this task; it is Running already, on the runner's own claim.

    Attributes:
        task: Which.
        environment: The variables of its processes; by default those that the task
            system was started with.
    """

    task: Task
    environment: Variables | None = None


class StopTask(Message, frozen=True, gc=False):
    """End this task with this outcome; one the runner does not hold has ended already.

    Attributes:
        task_id: Which.
        outcome: What it becomes, unless it ends by itself first.
        now: Kill it at once, without a grace period.
    """

    task_id: int
    outcome: Outcome
    now: bool = False


class JobEnded(Message, frozen=True, gc=False):
    """The last message of a TaskActor.

    Attributes:
        task_id: The task.
        outcome: How it ended.
        news: The last look at its output, if it has any.
        stopped: Whether the actor was stopped from outside, job and all.
        abandoned: Whether processes of the job may be left, for the runner to end.
        left: Those that go on without it.
    """

    task_id: int
    outcome: Outcome
    news: OutputNews | None = None
    stopped: bool = False
    abandoned: bool = False
    left: tuple[ProcessId, ...] = ()


class JobQuiet(Message, frozen=True, gc=False):
    """A job has had no news for a while, or has some again."""

    task_id: int
    quiet: bool


class ClaimAgain(Message, frozen=True):
    """Some time has passed since a TaskActor was stopped from outside."""


class BeginAgain(Message, frozen=True):
    """Some time has passed since the system lacked something for the job's start."""


class LookAtLeft(Message, frozen=True):
    """A process that a finished task has left running has ended.

    Attributes:
        task_id: The task.
    """

    task_id: int


class TickRunner(Message, frozen=True):
    """Another tick has passed while tasks run."""


class BuryTask(Message, frozen=True):
    """End what a TaskActor has left, or go on with that.

    If it was found dead, anything it had said has been handled by now.
    """

    task_id: int


class Drain(Message, frozen=True):
    """End every task and take no more.

    Attributes:
        reason: What becomes the reason of the tasks that are ended.
        now: Kill at once; a second `Drain` with it cuts the grace period short.
        reply_to: Told `Drained` when the last task has ended.
    """

    reason: str
    now: bool = False
    reply_to: Recipient[Drained] | None = None


class Drained(Message, frozen=True):
    """The runner runs nothing any more, and will not.

    Attributes:
        left: The processes that its tasks have left, and that are still to be ended.
    """

    left: tuple[ProcessId, ...] = ()


RunnerMessage = (
    Begin
    | StartTask
    | StopTask
    | JobEnded
    | JobQuiet
    | ClaimAgain
    | LookAtLeft
    | TickRunner
    | BuryTask
    | Drain
)


class Look(Message, frozen=True):
    """See what has become of the job; sent on ticks and whenever it may have ended."""


class Stop(Message, frozen=True):
    """End the job: ask it to, and kill it after the grace period, or at once."""

    outcome: Outcome
    now: bool = False


TaskActorMessage = Begin | BeginAgain | Look | Stop
