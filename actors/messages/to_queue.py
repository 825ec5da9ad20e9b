"""Messages to the QueueActor from the runner, the task actors and the TaskSystem."""

from __future__ import annotations

from ..rules.outcome import Outcome
from ..rules.output_news import OutputNews
from ..rules.process_record import ProcessRecord
from ..runtime.sending import Recipient
from .base import Message
from .replies import Forgotten, QueueReply
from .requests import QueueRequest
from .to_runner import RunnerMessage


class ClaimTasks(Message, frozen=True):
    """The runner has room for `count` more tasks.

    Only a claim makes a task Running: the queue answers each with one `StartTask`, as
    soon as a task may start.

    Attributes:
        runner: The runner that will run the tasks.
        count: How many more tasks it takes.
        slots: The total number of its slots, unless set by `SetSlots`.
        engine: The engine that runs these tasks; empty for this machine.
    """

    runner: Recipient[RunnerMessage]
    count: int
    slots: int
    engine: str = ""


class TaskProcess(Message, frozen=True, gc=False):
    """A task runs as this process."""

    process: ProcessRecord


class TaskWaits(Message, frozen=True, gc=False):
    """A running task waits to begin, or has begun.

    Attributes:
        task_id: The id of the task.
        why: Why it waits, such as "waiting for free memory"; None when it has begun.
        node: The node on which its engine runs the task; empty for this machine, or if
            no node is assigned yet.
    """

    task_id: int
    why: str | None
    node: str = ""


class TaskAwaitsInput(Message, frozen=True, gc=False):
    """A running task waits for input, or no longer does.

    Attributes:
        task_id: The id of the task.
        awaits: Whether it waits for input.
        is_new: Whether input was sent to it since the previous such message.
    """

    task_id: int
    awaits: bool
    is_new: bool = False


class TaskLeftRunning(Message, frozen=True, gc=False):
    """Some or all background processes of a finished task have ended.

    Attributes:
        task_id: The id of the task.
        names: The processes still running, for people; empty if there are none.
    """

    task_id: int
    names: str


class TaskProgressed(Message, frozen=True, gc=False):
    """A running task has new output or progress."""

    task_id: int
    news: OutputNews


class TaskEnded(Message, frozen=True, gc=False):
    """A running task ended; the runner sends exactly one for each started task.

    Attributes:
        task_id: The id of the task.
        outcome: How it ended.
        news: The final state of its output, if it has any.
        claims: How many more tasks the runner has room for. This is part of the
            message so that one batch ends a task and starts the next.
    """

    task_id: int
    outcome: Outcome
    news: OutputNews | None = None
    claims: int = 0


class OpenQueue(Message, frozen=True):
    """Recover the stored session. Answer: `Acknowledged`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class CloseQueue(Message, frozen=True):
    """Take no new tasks, and start none. Answer: `Acknowledged`.

    Attributes:
        reason: The reason of queued tasks that are canceled.
        keep_queued: Whether to keep queued tasks for the next start of the session;
            otherwise they are canceled.
    """

    reason: str
    keep_queued: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class AwaitShown(Message, frozen=True):
    """Answer when the last change has been shown. Answer: `Acknowledged`.

    If no subscriber shows changes, the answer is immediate.

    Attributes:
        reply_to: The recipient of the answer; an `ask` gets none.
    """

    reply_to: Recipient[QueueReply]


class WriteAgain(Message, frozen=True):
    """Retry a write to the journal that failed."""


class Wipe(Message, frozen=True):
    """Overwrite deleted data in the journal, because it may be secret."""


class Wiped(Message, frozen=True):
    """The RemovalActor no longer uses the journal after `WipeJournal`.

    Attributes:
        done: Whether the data was overwritten; if not, the queue retries.
    """

    done: bool


class WipeJournal(Message, frozen=True):
    """Overwrite deleted data in a journal. Answer: `Wiped`.

    Attributes:
        path: The journal's file.
        reply_to: The recipient of the answer.
    """

    path: str
    reply_to: Recipient[Wiped]


class RemoveOutput(Message, frozen=True):
    """Delete the output files of forgotten tasks, then answer the request.

    Attributes:
        paths: The files.
        reply_to: The sender of the request; None if there was no request.
        answer: The answer to send after the deletion.
    """

    paths: tuple[str, ...]
    reply_to: Recipient[QueueReply] | None = None
    answer: Forgotten | None = None


class LookAtTimes(Message, frozen=True):
    """The start time of a queued task may have been reached."""


class Requests(Message, frozen=True):
    """The requests of a client in the order in which its socket delivered them.

    Requests with a value of a wrong type have been refused before.
    """

    requests: tuple[QueueRequest, ...]


QueueMessage = (
    QueueRequest
    | Requests
    | LookAtTimes
    | OpenQueue
    | CloseQueue
    | AwaitShown
    | WriteAgain
    | Wipe
    | Wiped
    | ClaimTasks
    | TaskProcess
    | TaskWaits
    | TaskAwaitsInput
    | TaskLeftRunning
    | TaskProgressed
    | TaskEnded
)

RemovalMessage = RemoveOutput | WipeJournal
"""Messages from the QueueActor to the RemovalActor."""
