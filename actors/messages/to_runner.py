"""Messages to the RunnerActor and the TaskActors."""

from __future__ import annotations

from ..rules.outcome import Outcome
from ..rules.output_news import OutputNews
from ..rules.process_record import ProcessId
from ..rules.task import Task
from ..rules.variables import Variables
from ..runtime.sending import Recipient
from .base import Message
from .requests import ResizeTerminal, SendInput


class Begin(Message, frozen=True):
    """Start working; a TaskActor retries with it if the system lacked resources."""


class StartTask(Message, frozen=True, gc=False):
    """Run this task; answers a claim of the runner, and the task is Running already.

    Attributes:
        task: The task.
        environment: The environment of its processes; None for the environment in
            which the task system was started.
    """

    task: Task
    environment: Variables | None = None


class StopTask(Message, frozen=True, gc=False):
    """End this task with this outcome.

    If the runner doesn't have the task, it has ended already.

    Attributes:
        task_id: The id of the task.
        outcome: The outcome, unless the task ends by itself first.
        now: Kill it at once, without a grace period.
    """

    task_id: int
    outcome: Outcome
    now: bool = False


class PauseJob(Message, frozen=True, gc=False):
    """Pause or resume a running task.

    Attributes:
        task_id: The id of the task. If the runner doesn't have it, it has ended
            already.
        paused: Whether to pause it; otherwise resume it.
    """

    task_id: int
    paused: bool


class JobEnded(Message, frozen=True, gc=False):
    """The last message of a TaskActor.

    Attributes:
        task_id: The id of the task.
        outcome: How it ended.
        news: The final state of its output, if it has any.
        stopped: Whether the actor was stopped from outside, together with its job.
        abandoned: Whether processes of the job may remain, for the runner to end.
        left: Background processes that the job has left running.
    """

    task_id: int
    outcome: Outcome
    news: OutputNews | None = None
    stopped: bool = False
    abandoned: bool = False
    left: tuple[ProcessId, ...] = ()


class JobQuiet(Message, frozen=True, gc=False):
    """A job has had no output for a while, or has output again."""

    task_id: int
    quiet: bool


class ClaimAgain(Message, frozen=True):
    """Some time has passed since a TaskActor was stopped from outside."""


class LookAtLeft(Message, frozen=True):
    """A background process of a finished task has ended.

    Attributes:
        task_id: The id of the task.
    """

    task_id: int


class TickRunner(Message, frozen=True):
    """Another tick has passed while tasks run."""


class CleanUpTask(Message, frozen=True):
    """End the processes of a dead TaskActor, or continue to end them.

    The runner sends it to itself after finding the actor dead, so the actor's own
    messages have been handled before.
    """

    task_id: int


class Drain(Message, frozen=True):
    """End every task and take no more.

    Attributes:
        reason: The reason of the tasks that are ended.
        now: Whether to kill at once; in a second `Drain` it ends the grace period.
        reply_to: Gets `Drained` when the last task has ended.
    """

    reason: str
    now: bool = False
    reply_to: Recipient[Drained] | None = None


class Drained(Message, frozen=True):
    """The runner has no tasks left.

    Attributes:
        left: Background processes of its tasks that must still be ended.
        given_up: Errors about jobs that could not be ended, one line each.
    """

    left: tuple[ProcessId, ...] = ()
    given_up: tuple[str, ...] = ()


RunnerMessage = (
    Begin
    | StartTask
    | StopTask
    | PauseJob
    | JobEnded
    | JobQuiet
    | ClaimAgain
    | LookAtLeft
    | TickRunner
    | CleanUpTask
    | Drain
    | SendInput
    | ResizeTerminal
)


class Look(Message, frozen=True):
    """Check the state of the job; sent on ticks and whenever it may have ended."""


class Stop(Message, frozen=True):
    """End the job: SIGTERM, then SIGKILL after the grace period, or SIGKILL at once."""

    outcome: Outcome
    now: bool = False


class SetPaused(Message, frozen=True):
    """Pause or resume the job.

    Attributes:
        paused: Whether to pause it; otherwise resume it.
    """

    paused: bool


TaskActorMessage = Begin | Look | Stop | SetPaused | SendInput | ResizeTerminal
