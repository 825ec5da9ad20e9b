"""Input of a job: sending it, and detecting that the job waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kinds.kind import TakesInput, TellsInput
from ..messages import (
    Acknowledged,
    RefusalCode,
    Refused,
    ResizeTerminal,
    SendInput,
    TaskAwaitsInput,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..kinds import Job
    from ..kinds.kind import InputWatch
    from ..messages import QueueReply
    from ..rules.task import Task


def pass_on(job: Job | None, message: SendInput | ResizeTerminal) -> QueueReply:
    """Send input to a job, or resize its terminal; return the answer."""
    channel = job.channel if isinstance(job, TakesInput) else None
    if channel is None:
        what = "it waits to start" if job is None else "it has lost its input"
        return refusal(message, what)
    problem, code = "", RefusalCode.INVALID
    match message:
        case ResizeTerminal(columns=columns, rows=rows):
            problem = channel.resize(columns, rows)
        case SendInput(data=data, end=end):
            problem = channel.send(data) if data else ""
            code = RefusalCode.BUSY if channel.waiting else code
            if end and not problem:
                problem = channel.end_input()
    if problem:
        return refusal(message, problem, code)
    return Acknowledged(message.correlation_id)


def refusal(
    message: SendInput | ResizeTerminal,
    why: str,
    code: RefusalCode = RefusalCode.FINISHED,
) -> Refused:
    """Return the answer to input that a task doesn't take.

    Args:
        message: The request.
        why: The reason, such as "it has ended".
        code: The reason, for programs.
    """
    return Refused(f"task {message.task_id}: {why}", code, message.correlation_id)


class AwaitedInput:
    """Detects whether a job waits for input.

    Args:
        task: Its task, which takes input. `awaits_input` is the state that an earlier
            program has recorded.
    """

    def __init__(self, task: Task) -> None:
        self._task_id = task.id
        self._awaits = task.awaits_input
        self._watch: InputWatch | None = None

    def look(self, job: Job, now: float, *, news: bool) -> Iterator[TaskAwaitsInput]:
        """Check a job, see `Job.look`; yield the messages for the queue."""
        if self._watch is None:
            if isinstance(job, TellsInput):
                self._watch = job.input_watch(waits=self._awaits)
            if self._awaits:
                # This program may not have the input that the earlier one watched.
                self._awaits = False
                yield TaskAwaitsInput(self._task_id, self._watch is not None)
        watch = self._watch
        if watch is not None and watch.look(now, news=news):
            yield TaskAwaitsInput(self._task_id, watch.waits, watch.is_new)
