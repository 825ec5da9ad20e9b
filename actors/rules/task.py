"""What is known of one task: an immutable snapshot, and the legal statuses."""

from __future__ import annotations

# `gc=False` below: what holds texts and numbers alone can't be part of a cycle, and
# with a long history the collector would go through all of it again and again.
import enum
import operator
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Self, cast

import msgspec
from msgspec.structs import force_setattr

from .attempts import Attempt
from .moment import is_plausible
from .safe_text import safe_line
from .terms import PLAIN, Terms
from .variables import Variables


class TaskStatus(enum.StrEnum):
    """Where a task is in its life; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether a task in this status can never change its status again."""
        return self in _FINAL


LEGAL_TRANSITIONS: Final[dict[TaskStatus, frozenset[TaskStatus]]] = {
    TaskStatus.QUEUED: frozenset({TaskStatus.RUNNING, TaskStatus.CANCELED}),
    TaskStatus.RUNNING: frozenset(
        {TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.CANCELED}
    ),
    TaskStatus.COMPLETE: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.CANCELED: frozenset(),
}
"""The whole state machine; every change of status is checked against it."""

OPEN_STATUSES: Final = (TaskStatus.QUEUED, TaskStatus.RUNNING)
"""The statuses that are not final."""

RUNNING: Final = "running"
"""The reason of a task that runs, and of which there is nothing else to say."""

_QUEUED: Final = TaskStatus.QUEUED
_FAILED: Final = TaskStatus.FAILED
_CANCELED: Final = TaskStatus.CANCELED
# Not a set: members of an enumeration are slow to hash, and compared by identity here.
_FINAL: Final = tuple(it for it, after in LEGAL_TRANSITIONS.items() if not after)


class TaskFilter(enum.StrEnum):
    """Which tasks a list holds."""

    ALL = "all"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"
    NOT_CANCELED = "not canceled"

    @property
    def statuses(self) -> tuple[TaskStatus, ...]:
        """The statuses of the tasks that belong in the list."""
        return _LISTED[self]


_LISTED: Final[dict[TaskFilter, tuple[TaskStatus, ...]]] = {
    TaskFilter.ALL: tuple(TaskStatus),
    TaskFilter.FINISHED: _FINAL,
    TaskFilter.NOT_CANCELED: tuple(
        it for it in TaskStatus if it is not TaskStatus.CANCELED
    ),
} | {TaskFilter(status.value): (status,) for status in TaskStatus}


class IllegalTransitionError(Exception):
    """A change of status that the state machine does not know."""

    def __init__(self, task: Task, target: TaskStatus) -> None:
        super().__init__(f"task {task.id} is {task.status} and can't become {target}")
        self.task = task


# Bounds for what is read: nothing that was measured is beyond them, and calculating
# with anything beyond them could fail.
_Size = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_ExitCode = Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 32)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
_PlaceNumber = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)]
_Place = Annotated[tuple[_PlaceNumber, ...], msgspec.Meta(min_length=2)]


class TaskRequest(msgspec.Struct, frozen=True, gc=False):
    """What somebody wants done.

    Attributes:
        description: What the task is called wherever it is shown.
        kind: The name of a registered kind, such as `bash`.
        args: What the kind needs to know; for `bash` one string, the command.
        origin: Who asked, such as the name of a conversation; the actors only hand it
            on.
        directory: Where its processes start, as an absolute path; by default where the
            task system was started.
        environment: The environment variables of its processes; by default those that
            the task system was started with. Kept until the task has ended, and never
            part of a `Task`.
        terms: When it may start, and how long it may take; `None` for as soon as it is
            its turn, and as long as it takes.
        key: A name for this request that nobody else chooses, such as random letters,
            or empty. A request whose key a task has already adds no other one, so that
            whoever got no answer can ask again.
    """

    description: str
    kind: str
    args: tuple[str, ...] = ()
    origin: str = ""
    directory: str | None = None
    environment: Mapping[str, str] | None = None
    terms: Terms | None = None
    key: str = ""

    def __post_init__(self) -> None:
        """Make immutable what came as a list or as a dictionary."""
        args, directory = cast("object", self.args), cast("object", self.directory)
        if isinstance(args, list):
            force_setattr(self, "args", tuple(cast("list[str]", args)))
        if directory is not None and isinstance(directory, os.PathLike):
            path = cast("os.PathLike[str]", directory)
            force_setattr(self, "directory", os.fspath(path))
        environment = cast("object", self.environment)
        if environment is not None and isinstance(environment, Mapping):
            given = cast("Mapping[str, str]", environment)
            force_setattr(self, "environment", Variables.of(given))


# What a task has in common with the request that it was made from.
_ASKED: Final = tuple(it for it in TaskRequest.__struct_fields__ if it != "environment")
_asked = operator.attrgetter(*_ASKED)


def _contradiction_of_error(status: TaskStatus, error: str | None) -> str | None:
    if error is None:
        return "if it failed, it says what went wrong" if status is _FAILED else None
    if status is not _FAILED and status is not _CANCELED:
        return "nothing went wrong with it, so it has no error"
    return None


def _contradiction_of_numbers(size: int, progress: int | None) -> str | None:
    if size < 0:
        return "a size can't be negative"
    if progress is not None and not 0 <= progress <= 100:  # noqa: PLR2004 - percent
        return "progress goes from 0 to 100"
    return None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How a task ended.

    Attributes:
        status: One of the three final statuses.
        reason: Why, in a few words a person can use.
        exit_code: The exit status of its process; none if it has no process or
            a signal ended it.
        error: What went wrong; none if nothing did.
    """

    status: TaskStatus
    reason: str
    exit_code: int | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no task can end with.

        Raises:
            ValueError: If the status is not final, or does not fit the error.
        """
        if not self.status.is_final:
            raise ValueError(f"an outcome is final, {self.status} is not")
        problem = _contradiction_of_error(self.status, self.error)
        if problem:
            raise ValueError(f"an outcome ({self.status}): {problem}")

    @classmethod
    def complete(cls, reason: str = "done", exit_code: int | None = None) -> Self:
        """Make the outcome of a task that did what it was asked for."""
        return cls(TaskStatus.COMPLETE, reason, exit_code)

    @classmethod
    def failed(
        cls, reason: str, exit_code: int | None = None, error: str | None = None
    ) -> Self:
        """Make the outcome of a task that did not; `error` defaults to the reason."""
        return cls(TaskStatus.FAILED, reason, exit_code, error or reason)

    @classmethod
    def canceled(
        cls, reason: str, exit_code: int | None = None, error: str | None = None
    ) -> Self:
        """Make the outcome of a task that was told to stop."""
        return cls(TaskStatus.CANCELED, reason, exit_code, error)

    @property
    def is_timeout(self) -> bool:
        """Whether the task took longer than its terms allow."""
        return self.reason.startswith(TIMED_OUT)

    @property
    def allows_more(self) -> bool:
        """Whether another attempt may follow if the task is to have some.

        None follows a cancel, nor what another attempt can't change.
        """
        return self.status is not _CANCELED and BEYOND_LIMIT not in self.reason

    def made_safe(self) -> Self:
        """Return this outcome with its texts safe to show and to write down."""
        return msgspec.structs.replace(
            self,
            reason=safe_line(self.reason),
            error=None if self.error is None else safe_line(self.error),
        )


LOST: Final = Outcome.failed("the session ended while it ran")
"""What becomes of a task that was running when its program died."""

RESTARTED: Final = Outcome.failed("the machine restarted while it ran")
"""What becomes of a task that was running when the machine stopped."""


class OutputNews(msgspec.Struct, frozen=True, gc=False):
    """What a look at a task's output told.

    Attributes:
        size: Bytes written so far.
        last_line: The last line with something on it, made safe to show.
        progress: Percent, 0 to 100, if the output names one.
    """

    size: int
    last_line: str | None = None
    progress: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            ValueError: If the size is negative, or the progress is no percentage.
        """
        problem = _contradiction_of_numbers(self.size, self.progress)
        if problem:
            raise ValueError(f"news of output: {problem}")


TIMED_OUT: Final = "timed out after "
"""How the reason of a task begins that took longer than its terms allow."""

STOPPING: Final = "stopping, "
"""How the reason of a running task begins that was told to stop; why follows."""
BEYOND_LIMIT: Final = "output went beyond the limit of "
"""In the reason of a task with too much output; the limit follows."""

GOES_ON: Final = "; goes on running: "
"""In the reason of a task that has ended: what follows is what it left running."""


class Task(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task at one moment. It never changes: each change makes a new one.

    A snapshot can't hold what can't be, such as a queued task with an exit code:
    making one raises `ValueError`.

    Attributes:
        id: A small number, never used for another task of the same session.
        description: What the task is called.
        kind: How it runs, such as `bash`.
        args: What its kind was told.
        origin: Who asked for it.
        directory: Where its processes start; none if that is not known, because an
            older version wrote the task down.
        terms: When it may start, and how long it may take, if anything was asked for.
        key: That of the request; empty for most.
        place: Where it stands among the queued tasks of its priority, if it was moved.
        status: Where it is in its life.
        reason: Why it is there.
        queued_at: When it was added (UTC).
        started_at: When it left the queue; none before.
        ended_at: When it ended; none before.
        duration: Seconds from start to end, or to the moment of the snapshot while
            it runs. Measured on a clock that is never set back.
        exit_code: The exit status of its process, if it had one and ended by itself.
        error: What went wrong; none if nothing did.
        progress: Percent, 0 to 100; none if unknown.
        output_path: The file that takes its output; none for a kind without output.
        output_size: Bytes in that file when last looked at.
        last_line: The last line of output, made safe to show.
        attempt: Which attempt it makes, or waits for while it is Running: none for the
            first.
        slot: Which slot of its group it has taken, from 0: the lowest that was free;
            none before it started.
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
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: _Seconds | None = None
    exit_code: _ExitCode | None = None
    error: str | None = None
    progress: int | None = None
    output_path: str | None = None
    output_size: _Size = 0
    last_line: str | None = None
    attempt: Attempt | None = None
    slot: _Size | None = None

    def __post_init__(self) -> None:
        """Refuse a combination of fields that can't be.

        Raises:
            ValueError: If the fields contradict each other.
        """
        status, error = self.status, self.error
        # Every snapshot and every remembered task pays for this: the calls are for
        # those that may contradict themselves.
        final = status in _FINAL
        if self.duration is None:
            problem = self._contradiction_unstarted(status)
        elif self.started_at is None:
            problem = "it has a duration if and only if it has started"
        elif status is _QUEUED:
            problem = "a queued task has not started"
        elif self.duration < 0:
            problem = "a duration can't be negative"
        elif not final and self.exit_code is not None:
            problem = "a task that has not ended has no exit code"
        else:
            problem = None
        if final != (self.ended_at is not None):
            problem = "it has an end if and only if its status is final"
        if self.id < 1:
            problem = "ids start at 1"
        for at in (self.queued_at, self.started_at, self.ended_at):
            if at is not None and not is_plausible(at):
                problem = f"{at} is not a date that a task can have"
        if error is not None or status is _FAILED:
            problem = problem or _contradiction_of_error(status, error)
        if self.progress is not None or self.output_size < 0:
            problem = problem or _contradiction_of_numbers(
                self.output_size, self.progress
            )
        if self.attempt is not None:
            problem = problem or self._contradiction_of_attempt(status, self.attempt)
        if problem:
            raise ValueError(f"task {self.id} ({status}): {problem}")

    @classmethod
    def of(
        cls,
        request: TaskRequest,
        *,
        id: int,  # noqa: A002 - what the field is called
        reason: str,
        queued_at: datetime,
        output_path: str | None = None,
    ) -> Self:
        """Make the queued task that a request asks for.

        Args:
            request: What was asked for; all of it but the environment is in the task.
            id: See the attributes, here and in the others.
            reason: The same.
            queued_at: The same.
            output_path: The same.
        """
        asked: dict[str, Any] = dict(zip(_ASKED, _asked(request), strict=True))
        return cls(
            id=id,
            reason=reason,
            queued_at=queued_at,
            output_path=output_path,
            **asked,
        )

    @property
    def request(self) -> TaskRequest:
        """What was asked for, to ask for it again.

        But for the environment, the key, and what it waited for.
        """
        asked = {name: getattr(self, name) for name in _ASKED}
        asked["key"] = ""
        if self.terms is not None:
            again = self.terms.again
            asked["terms"] = None if again == PLAIN else again
        return TaskRequest(**asked)

    @property
    def left_running(self) -> str:
        """What it left running when it ended, for people; empty if nothing.

        It is taken out again when it ends.
        """
        return self.reason.partition(GOES_ON)[2] if self.status in _FINAL else ""

    def with_left_running(self, names: str) -> Self:
        """Return this finished task with what it has left running by now.

        Args:
            names: What that is, for people; empty if all of it has ended.
        """
        before, goes_on, _ = self.reason.partition(GOES_ON)
        if not goes_on:
            return self
        reason = f"{before}{GOES_ON}{names}" if names else before
        return msgspec.structs.replace(self, reason=reason)

    def _contradiction_unstarted(self, status: TaskStatus) -> str | None:
        if self.started_at is not None:
            return "it has a duration if and only if it has started"
        if status is not _QUEUED and status is not _CANCELED:
            return "only a queued or a canceled task may never have started"
        if self.exit_code is not None:
            return "a task that never started has no exit code"
        return None

    def _contradiction_of_attempt(
        self, status: TaskStatus, attempt: Attempt
    ) -> str | None:
        if self.started_at is None:
            return "a task that never started has made no attempt"
        if attempt.waits and status is not TaskStatus.RUNNING:
            return "only a task that has not ended waits for another attempt"
        if attempt.due is not None and not is_plausible(attempt.due):
            return f"{attempt.due} is not a date that an attempt can have"
        return None

    @property
    def waits_to_run(self) -> bool:
        """Whether it is queued, or Running but between two attempts."""
        return self.status is _QUEUED or (
            self.attempt is not None and self.attempt.waits
        )

    @property
    def attempt_text(self) -> str:
        """Which attempt it makes, for people; empty for the first."""
        return "" if self.attempt is None else self.attempt.label(self.terms)

    def _changed_to(self, target: TaskStatus, **changes: object) -> Self:
        if target not in LEGAL_TRANSITIONS[self.status]:
            raise IllegalTransitionError(self, target)
        return msgspec.structs.replace(self, status=target, **changes)

    def waiting(self, reason: str) -> Self:
        """Return this task with another reason for its wait.

        Raises:
            IllegalTransitionError: If it does not wait to run.
        """
        if not self.waits_to_run:
            raise IllegalTransitionError(self, TaskStatus.QUEUED)
        return msgspec.structs.replace(self, reason=reason)

    def on_terms(
        self, terms: Terms, place: tuple[int, ...] | None, reason: str
    ) -> Self:
        """Return this task with other terms, another place, another reason.

        Raises:
            IllegalTransitionError: If it does not wait to run.
        """
        return msgspec.structs.replace(
            self.waiting(reason), terms=None if terms == PLAIN else terms, place=place
        )

    def started(self, at: datetime, slot: int | None = None) -> Self:
        """Return this task as it begins to run, or to make another attempt.

        Args:
            at: When.
            slot: Which slot of its group it has.

        Raises:
            IllegalTransitionError: If it does not wait to run.
        """
        if self.attempt is not None and self.attempt.waits:
            attempt = msgspec.structs.replace(self.attempt, waits=False, due=None)
            return msgspec.structs.replace(
                self, reason=self.attempt_text, attempt=attempt, slot=slot
            )
        return self._changed_to(
            TaskStatus.RUNNING, reason=RUNNING, started_at=at, duration=0.0, slot=slot
        )

    def between_attempts(
        self, attempt: Attempt, duration: float, news: OutputNews | None = None
    ) -> Self:
        """Return this running task as it waits for another attempt.

        Args:
            attempt: That, waiting.
            duration: Seconds since it started.
            news: The last look at its output, if it has any.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        if self.status is not TaskStatus.RUNNING:
            raise IllegalTransitionError(self, TaskStatus.RUNNING)
        changes = self._told_by(news) | {"progress": None}
        before, _, _ = attempt.before.partition(GOES_ON)
        attempt = msgspec.structs.replace(attempt, before=before)
        return msgspec.structs.replace(
            self, attempt=attempt, duration=duration, reason=before, **changes
        )

    def progressed(self, news: OutputNews, duration: float) -> Self:
        """Return this running task with what its output told.

        Args:
            news: The latest look at its output.
            duration: Seconds since it started.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        if self.status is not TaskStatus.RUNNING:
            raise IllegalTransitionError(self, TaskStatus.RUNNING)
        return msgspec.structs.replace(self, duration=duration, **self._told_by(news))

    def with_reason(self, reason: str, duration: float) -> Self:
        """Return this running task with what it does, or waits for.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        if self.status is not TaskStatus.RUNNING:
            raise IllegalTransitionError(self, TaskStatus.CANCELED)
        return msgspec.structs.replace(self, reason=reason, duration=duration)

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
            at: When.
            duration: Seconds since it started; none if it never did.
            news: The last look at its output, if it has any.

        Raises:
            IllegalTransitionError: If the state machine does not allow it.
        """
        changes = self._told_by(news)
        if outcome.status is TaskStatus.COMPLETE and changes["progress"] is not None:
            changes["progress"] = 100
        reason, attempt = outcome.reason, self.attempt
        if attempt is not None:
            before, goes_on, left = reason.partition(GOES_ON)
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
            **changes,
        )

    def _told_by(self, news: OutputNews | None) -> dict[str, object]:
        """Return what a look at the output tells of this task, field by field."""
        if news is None:
            return {"progress": self.progress}
        return {
            "output_size": news.size,
            "last_line": self.last_line if news.last_line is None else news.last_line,
            "progress": self.progress if news.progress is None else news.progress,
        }


def is_running(task: Task) -> bool:
    """Tell whether a task has a job under way: Running, and not between attempts."""
    return task.status is TaskStatus.RUNNING and not task.waits_to_run


class TaskCounts(msgspec.Struct, frozen=True, gc=False):
    """How many tasks are in each status.

    Attributes:
        queued: Those that wait.
        running: Those that run.
        complete: Those that have ended well.
        failed: Those that have failed.
        canceled: Those that were canceled.
    """

    queued: int = 0
    running: int = 0
    complete: int = 0
    failed: int = 0
    canceled: int = 0
