"""What the RunnerActor and the TaskActors are told."""

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
    """Start working; a TaskActor sends it again if the system lacked resources."""


class StartTask(Message, frozen=True, gc=False):
    """Run this task; it is Running already, on the runner's own claim.

    Attributes:
        task: The task.
        environment: The variables of its processes; by default those that the task
            system was started with.
    """

    task: Task
    environment: Variables | None = None


class StopTask(Message, frozen=True, gc=False):
    """End this task with this outcome; one the runner does not hold has ended already.

    Attributes:
        task_id: The id of the task.
        outcome: What it becomes, unless it ends by itself first.
        now: Kill it at once, without a grace period.
    """

    task_id: int
    outcome: Outcome
    now: bool = False


class PauseJob(Message, frozen=True, gc=False):
    """Pause a running task, or continue it.

    Attributes:
        task_id: Which; one the runner does not hold has ended already.
        paused: Whether it stands still from now on.
    """

    task_id: int
    paused: bool


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
    """A job has been silent for a while, or has output again."""

    task_id: int
    quiet: bool


class ClaimAgain(Message, frozen=True):
    """Some time has passed since a TaskActor was stopped from outside."""


class LookAtLeft(Message, frozen=True):
    """A process that a finished task has left running has ended.

    Attributes:
        task_id: The task.
    """

    task_id: int


class TickRunner(Message, frozen=True):
    """Another tick has passed while tasks run."""


class CleanUpTask(Message, frozen=True):
    """End the processes of a dead TaskActor, or continue with that.

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
    """The runner runs no tasks any more.

    Attributes:
        left: The processes that its tasks have left, and that are still to be ended.
        given_up: What is to be said of jobs that have not ended, in one line each.
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
    """End the job: ask it to, and kill it after the grace period, or at once."""

    outcome: Outcome
    now: bool = False


class SetPaused(Message, frozen=True):
    """Pause the job, or continue it.

    Attributes:
        paused: Which of these.
    """

    paused: bool


TaskActorMessage = Begin | Look | Stop | SetPaused | SendInput | ResizeTerminal
