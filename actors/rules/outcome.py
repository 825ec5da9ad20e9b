"""How a task ended, and the fixed parts of its reason."""

from __future__ import annotations

from typing import Annotated, Final, Self

import msgspec

from .figures import Figures
from .safe_text import safe_line
from .status import TaskStatus

ExitCode = Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 32)]
"""The exit status of a process, on any system."""

_FAILED: Final = TaskStatus.FAILED
_CANCELED: Final = TaskStatus.CANCELED

TIMED_OUT: Final = "timed out after "
"""The beginning of the reason of a task that exceeded its timeout."""

STOPPING: Final = "stopping, "
"""The beginning of the reason of a task that is being stopped; the cause follows."""

BEYOND_LIMIT: Final = "output went beyond the limit of "
"""Part of the reason of a task with too much output; the limit follows."""

STILL_RUNNING: Final = "; still running: "
"""Part of the reason of a finished task; its background processes follow."""


def contradiction_of_error(status: TaskStatus, error: str | None) -> str | None:
    """Return why this status contradicts this error; None if it doesn't."""
    if error is None:
        return (
            "a failed task must have an error" if status is TaskStatus.FAILED else None
        )
    if status is not _FAILED and status is not _CANCELED:
        return "only a failed or canceled task has an error"
    return None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How a task ended.

    Attributes:
        status: One of the three final statuses.
        reason: The reason, in a few words for people.
        exit_code: The exit status of its process; None without a process, or if a
            signal ended it.
        error: The error; None if there was none.
        figures: The resources it used, if known.
    """

    status: TaskStatus
    reason: str
    exit_code: ExitCode | None = None
    error: str | None = None
    figures: Figures | None = None

    def __post_init__(self) -> None:
        """Check that the fields don't contradict each other.

        Raises:
            ValueError: If the status is not final, or does not fit the error.
        """
        if not self.status.is_final:
            raise ValueError(
                f"the status of an outcome must be final, not {self.status}"
            )
        problem = contradiction_of_error(self.status, self.error)
        if problem:
            raise ValueError(f"an outcome ({self.status}): {problem}")

    @classmethod
    def complete(cls, reason: str = "done", exit_code: int | None = None) -> Self:
        """Return the outcome of a task that succeeded."""
        return cls(TaskStatus.COMPLETE, reason, exit_code)

    @classmethod
    def failed(
        cls, reason: str, exit_code: int | None = None, error: str | None = None
    ) -> Self:
        """Return the outcome of a task that failed; `error` defaults to the reason."""
        return cls(TaskStatus.FAILED, reason, exit_code, error or reason)

    @classmethod
    def canceled(
        cls, reason: str, exit_code: int | None = None, error: str | None = None
    ) -> Self:
        """Return the outcome of a task that was canceled."""
        return cls(TaskStatus.CANCELED, reason, exit_code, error)

    @property
    def is_timeout(self) -> bool:
        """Whether the task exceeded its timeout."""
        return self.reason.startswith(TIMED_OUT)

    @property
    def allows_more(self) -> bool:
        """Whether this outcome can be retried.

        A canceled task is not retried, nor one that exceeded the limit of output.
        """
        return self.status is not _CANCELED and BEYOND_LIMIT not in self.reason

    def made_safe(self) -> Self:
        """Return this outcome with texts that are safe to show and to store."""
        reason = safe_line(self.reason)
        error = None if self.error is None else safe_line(self.error)
        if reason == self.reason and error == self.error:
            return self
        return msgspec.structs.replace(self, reason=reason, error=error)


LOST: Final = Outcome.failed("the session ended while it ran")
"""The outcome of a task that was running when its program died."""

NEVER_KNOWN: Final = Outcome.failed(
    "its exit status is unknown: the session's host was killed just as it"
    " started the process"
)
"""The outcome of a task when it is unknown whether its process was started."""

COPIED: Final = Outcome.failed(
    "its exit status is unknown: the session's folder was copied or moved while it ran"
)
"""What becomes of a task in a copy: the original has its process."""

RESTARTED: Final = Outcome.failed("the machine restarted while it ran")
"""The outcome of a task that was running when the machine stopped."""
