"""A task: an immutable snapshot."""

from __future__ import annotations

# `gc=False` below: structs of text and numbers can't be part of a reference cycle, and
# the garbage collector would traverse a long history again and again.
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

import msgspec

from .attempts import Attempt
from .contradictions import contradiction
from .figures import Figures
from .moment import FIRST_YEAR, LAST_YEAR
from .outcome import STILL_RUNNING, ExitCode, Outcome
from .request import TaskRequest
from .status import LEGAL_TRANSITIONS, TaskStatus
from .terms import PLAIN, Terms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .output_news import OutputNews

RUNNING: Final = "running"
"""The default reason of a running task."""

AWAITS_INPUT: Final = "waits for input"
"""The reason of a running task that waits for input."""

PAUSED: Final = "paused"
"""The reason of a running task whose processes are suspended."""

_QUEUED: Final = TaskStatus.QUEUED


class IllegalTransitionError(Exception):
    """A change of status that the state machine doesn't allow."""

    def __init__(self, task: Task, target: TaskStatus) -> None:
        super().__init__(f"task {task.id} is {task.status} and can't become {target}")
        self.task = task


# Bounds for values read from a journal or a socket. No real value exceeds them, and
# arithmetic within them can't overflow.
_Size = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
_PlaceNumber = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
_Place = Annotated[tuple[_PlaceNumber, ...], msgspec.Meta(min_length=2)]


class Task(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An immutable snapshot of a task; each change creates a new one.

    The fields are consistent: an impossible combination, such as a queued task with an
    exit code, raises `ValueError`.

    Attributes:
        id: A small number, never reused in the same session.
        description: The description of the task, for people.
        kind: The name of its kind, such as `bash`.
        args: The arguments of its kind, for `bash` the command.
        origin: The source of the request, such as the name of a conversation.
        directory: The working directory of its processes; None if unknown, because an
            older version has stored the task.
        terms: Its options, such as when it may start; None for the defaults.
        key: The key of the request; empty for most.
        place: Its position among the queued tasks of its priority, if it was moved.
        status: Its status.
        reason: The reason of its status, for people.
        queued_at: When it was added (UTC).
        output_path: Its output file; None for a kind without output.
        started_at: When it left the queue; None before.
        ended_at: When it ended; None before.
        duration: Seconds from start to end, or until the snapshot while it runs,
            without pauses. Measured on a monotonic clock.
        exit_code: The exit status of its process; None without a process, or if a
            signal ended it.
        error: The error; None if there was none.
        progress: Percent, 0 to 100; None if unknown.
        output_size: Bytes of output at the last check.
        last_line: The last line of output, safe to show.
        attempt: The current attempt, or the next one between two attempts; None for the
            first.
        slot: The number of the slot of its group, from 0: the lowest that was free;
            None before it started.
        node: The node on which its engine runs the task, or ran it last; empty for this
            machine, or if it has not begun.
        figures: The resources used by the last attempt after it has ended; None if
            unknown.
        paused_at: When it was paused; None while it isn't paused.
        paused_for: Total seconds of its earlier pauses.
        awaits_input: Whether it appears to wait for input while no subscriber shows its
            terminal; see `AWAITS_INPUT`.
    """

    id: int
    description: str
    kind: str
    args: tuple[str, ...] = ()
    origin: str = ""
    directory: str | None = None
    terms: Terms | None = None
    key: str = ""
    place: _Place | None = None
    status: TaskStatus = TaskStatus.QUEUED
    reason: str
    queued_at: datetime
    output_path: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: _Seconds | None = None
    exit_code: ExitCode | None = None
    error: str | None = None
    progress: int | None = None
    output_size: _Size = 0
    last_line: str | None = None
    attempt: Attempt | None = None
    slot: _Size | None = None
    node: str = ""
    figures: Figures | None = None
    paused_at: datetime | None = None
    paused_for: _Seconds = 0.0
    awaits_input: bool = False

    def __post_init__(self) -> None:
        """Check that the fields don't contradict each other.

        Raises:
            ValueError: If the fields contradict each other.
        """
        at = self.queued_at
        # Hot path: every snapshot and every stored task passes here. This inlined check
        # covers most queued tasks.
        if (
            self.status is _QUEUED
            and self.started_at is None
            and self.ended_at is None
            and self.duration is None
            and self.exit_code is None
            and self.error is None
            and self.progress is None
            and self.output_size == 0
            and self.attempt is None
            and self.paused_at is None
            and not self.awaits_input
            and self.id > 0
            and at.tzinfo is not None
            and FIRST_YEAR <= at.year <= LAST_YEAR
        ):
            return
        if (problem := contradiction(self)) is not None:
            raise ValueError(f"task {self.id} ({self.status}): {problem}")

    @classmethod
    def of(
        cls,
        request: TaskRequest,
        *,
        id: int,  # noqa: A002 - the name of the field
        reason: str,
        queued_at: datetime,
        output_path: str | None = None,
    ) -> Self:
        """Create the queued task of a request."""
        return cls(
            id=id,
            description=request.description,
            kind=request.kind,
            args=request.args,
            origin=request.origin,
            directory=request.directory,
            terms=request.terms,
            key=request.key,
            reason=reason,
            queued_at=queued_at,
            output_path=output_path,
        )

    @property
    def request(self) -> TaskRequest:
        """A request to run the same task again.

        It lacks the environment, the key, the dependencies and the start time.
        """
        terms = self.terms and self.terms.again
        return TaskRequest(
            self.description,
            self.kind,
            self.args,
            self.origin,
            self.directory,
            terms=None if terms == PLAIN else terms,
        )

    @property
    def left_running(self) -> str:
        """Names of background processes that still run after its end, for people.

        Empty if there are none.
        """
        return self.reason.partition(STILL_RUNNING)[2] if self.status.is_final else ""

    def with_left_running(self, names: str) -> Self:
        """Return this finished task with its remaining background processes.

        Args:
            names: Their names, for people; empty if all have ended.
        """
        before, goes_on, _ = self.reason.partition(STILL_RUNNING)
        if not goes_on:
            return self
        reason = f"{before}{STILL_RUNNING}{names}" if names else before
        return msgspec.structs.replace(self, reason=reason)

    @property
    def is_paused(self) -> bool:
        """Whether it is Running and its processes are suspended."""
        return self.paused_at is not None

    @property
    def waits_to_run(self) -> bool:
        """Whether it is queued, or Running but between two attempts."""
        return self.status is _QUEUED or (
            self.attempt is not None and self.attempt.waits
        )

    @property
    def attempt_text(self) -> str:
        """The number of its attempt, for people; empty for the first."""
        return "" if self.attempt is None else self.attempt.label(self.terms)

    def _changed_to(self, target: TaskStatus, **changes: object) -> Self:
        if target not in LEGAL_TRANSITIONS[self.status]:
            raise IllegalTransitionError(self, target)
        return msgspec.structs.replace(self, status=target, **changes)

    def waiting(self, reason: str) -> Self:
        """Return this task with another reason for its wait.

        Raises:
            IllegalTransitionError: If it doesn't wait to run.
        """
        if not self.waits_to_run:
            raise IllegalTransitionError(self, TaskStatus.QUEUED)
        return msgspec.structs.replace(self, reason=reason)

    def on_terms(
        self, terms: Terms, place: tuple[int, ...] | None, reason: str
    ) -> Self:
        """Return this task with other terms, another place, another reason.

        Raises:
            IllegalTransitionError: If it doesn't wait to run.
        """
        return msgspec.structs.replace(
            self.waiting(reason), terms=None if terms == PLAIN else terms, place=place
        )

    def started(self, at: datetime, slot: int | None = None) -> Self:
        """Return this task at the start of its first or next attempt.

        Args:
            at: The time of the change.
            slot: The number of its slot in its group.

        Raises:
            IllegalTransitionError: If it doesn't wait to run.
        """
        if self.attempt is not None and self.attempt.waits:
            attempt = msgspec.structs.replace(self.attempt, waits=False, due=None)
            return msgspec.structs.replace(
                self, reason=self.attempt_text, attempt=attempt, slot=slot
            )
        return self._changed_to(
            TaskStatus.RUNNING, reason=RUNNING, started_at=at, duration=0.0, slot=slot
        )

    def paused(self, at: datetime, duration: float) -> Self:
        """Return this running task, paused.

        Args:
            at: The time of the change.
            duration: Seconds since it started, without earlier pauses.
        """
        return msgspec.structs.replace(
            self, reason=PAUSED, paused_at=at, duration=duration
        )

    def resumed(self, at: datetime) -> Self:
        """Return this task, resumed; unchanged if it isn't paused."""
        if self.paused_at is None:
            return self
        took = max(0.0, (at - self.paused_at).total_seconds())
        return msgspec.structs.replace(
            self,
            reason=self.attempt_text or RUNNING,
            paused_at=None,
            paused_for=self.paused_for + took,
        )

    def between_attempts(
        self, attempt: Attempt, duration: float, news: OutputNews | None = None
    ) -> Self:
        """Return this running task, waiting for another attempt.

        Args:
            attempt: The next attempt.
            duration: Seconds since it started.
            news: The final state of its output, if it has any.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        if self.status is not TaskStatus.RUNNING:
            raise IllegalTransitionError(self, TaskStatus.RUNNING)
        changes = self._changes_of(news) | {"progress": None, "awaits_input": False}
        before, _, _ = attempt.before.partition(STILL_RUNNING)
        attempt = msgspec.structs.replace(attempt, before=before)
        return msgspec.structs.replace(
            self, attempt=attempt, duration=duration, reason=before, **changes
        )

    def progressed(self, news: OutputNews, duration: float) -> Self:
        """Return this running task with the state of its output.

        Args:
            news: The latest state of its output.
            duration: Seconds since it started.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        if self.status is not TaskStatus.RUNNING:
            raise IllegalTransitionError(self, TaskStatus.RUNNING)
        return msgspec.structs.replace(
            self, duration=duration, **self._changes_of(news)
        )

    def with_reason(self, reason: str, duration: float, node: str = "") -> Self:
        """Return this running task with another reason, on a node.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        if self.status is not TaskStatus.RUNNING:
            raise IllegalTransitionError(self, TaskStatus.CANCELED)
        return msgspec.structs.replace(
            self, reason=reason, duration=duration, node=node
        )

    def with_awaits_input(self, awaits: bool, duration: float) -> Self:  # noqa: FBT001 - the purpose of the method
        """Return this running task with another value of `awaits_input`.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        before, after = self.attempt_text or RUNNING, AWAITS_INPUT
        if not awaits:
            before, after = after, before
        reason = after if self.reason == before else self.reason
        task = self.with_reason(reason, duration, self.node)
        return msgspec.structs.replace(task, awaits_input=awaits)

    def ended(
        self,
        outcome: Outcome,
        at: datetime,
        duration: float | None = None,
        news: OutputNews | None = None,
    ) -> Self:
        """Return this task in its final status.

        Args:
            outcome: How it ended.
            at: The time of the change.
            duration: Seconds since it started; None if it never did.
            news: The final state of its output, if it has any.

        Raises:
            IllegalTransitionError: If the state machine does not allow it.
        """
        changes = self._changes_of(news)
        if outcome.status is TaskStatus.COMPLETE and changes["progress"] is not None:
            changes["progress"] = 100
        reason, attempt = outcome.reason, self.attempt
        if attempt is not None:
            before, goes_on, left = reason.partition(STILL_RUNNING)
            when = "before " if attempt.waits else ""
            reason = f"{before} ({when}{self.attempt_text}){goes_on}{left}"
            changes["attempt"] = msgspec.structs.replace(attempt, waits=False, due=None)
        return self._changed_to(
            outcome.status,
            reason=reason,
            ended_at=at,
            duration=duration,
            exit_code=outcome.exit_code,
            error=outcome.error,
            figures=outcome.figures,
            awaits_input=False,
            **changes,
        )

    def _changes_of(self, news: OutputNews | None) -> dict[str, object]:
        """Return the fields of this task that follow from its output."""
        if news is None:
            return {"progress": self.progress}
        return {
            "output_size": news.size,
            "last_line": self.last_line if news.last_line is None else news.last_line,
            "progress": self.progress if news.progress is None else news.progress,
        }


def is_running(task: Task) -> bool:
    """Return whether a task has a running job: Running, and not between attempts."""
    return task.status is TaskStatus.RUNNING and not task.waits_to_run


def running_of(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks that have a running job; see `is_running`."""
    running = TaskStatus.RUNNING
    # Inlined `is_running`, since a history may be long.
    return [
        it
        for it in tasks
        if it.status is running and (it.attempt is None or not it.attempt.waits)
    ]
