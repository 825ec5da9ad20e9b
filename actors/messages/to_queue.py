"""What the QueueActor is told by the runner, its task actors and the TaskSystem."""

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
    soon as a task waits.

    Attributes:
        runner: Who will run them.
        count: How many more it takes.
        slots: How many it runs at a time in all, unless `SetSlots` has said otherwise.
        engine: Where those run; empty for this machine.
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
        why: Why, such as "waiting for free memory"; None when it has begun.
        node: The machine on which its engine runs it; empty for this one, or none yet.
    """

    task_id: int
    why: str | None
    node: str = ""


class TaskAwaitsInput(Message, frozen=True, gc=False):
    """A running task waits for input, or no longer does.

    Attributes:
        task_id: The id of the task.
        awaits: Whether it does.
        is_new: Whether it was sent something since that was said last.
    """

    task_id: int
    awaits: bool
    is_new: bool = False


class TaskLeftRunning(Message, frozen=True, gc=False):
    """Some or all background processes of a finished task have ended.

    Attributes:
        task_id: The id of the task.
        names: What still runs, for people; empty if nothing does.
    """

    task_id: int
    names: str


class TaskProgressed(Message, frozen=True, gc=False):
    """A running task has new output or progress."""

    task_id: int
    news: OutputNews


class TaskEnded(Message, frozen=True, gc=False):
    """A running task ended; the runner sends exactly one for each it was given.

    Attributes:
        task_id: The id of the task.
        outcome: How it ended.
        news: The last look at its output, if it has any.
        claims: How many more tasks the runner has room for: with the end, so that the
            end of one task and the start of the next are one batch.
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
    """Retry a write to the journal that failed."""


class Wipe(Message, frozen=True):
    """Overwrite deleted data in the journal, because it may be secret."""


class Wiped(Message, frozen=True):
    """The journal is free again after `WipeJournal`.

    Attributes:
        done: Whether it is wiped; if not, that is tried again.
    """

    done: bool


class WipeJournal(Message, frozen=True):
    """Overwrite deleted data in a journal. Answer: `Wiped`.

    Attributes:
        path: The journal's file.
        reply_to: Told the answer.
    """

    path: str
    reply_to: Recipient[Wiped]


class RemoveOutput(Message, frozen=True):
    """Delete the output files of forgotten tasks, then report that.

    Attributes:
        paths: The files.
        reply_to: Who asked for it; None if nobody did.
        answer: What the asker is told then.
    """

    paths: tuple[str, ...]
    reply_to: Recipient[QueueReply] | None = None
    answer: Forgotten | None = None


class LookAtTimes(Message, frozen=True):
    """The start time of a queued task may have been reached."""


class Requests(Message, frozen=True):
    """Requests of a client that were read from its socket, in their order.

    Reading has refused what has a value of a wrong type.
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
"""What the RemovalActor is told by the QueueActor."""
