"""How a task ended, and the words with which its reason begins or goes on."""

from __future__ import annotations

from typing import Final, Self

import msgspec

from .figures import Figures
from .safe_text import safe_line
from .status import TaskStatus

_FAILED: Final = TaskStatus.FAILED
_CANCELED: Final = TaskStatus.CANCELED

TIMED_OUT: Final = "timed out after "
"""How the reason of a task begins that took longer than its terms allow."""

STOPPING: Final = "stopping, "
"""How the reason of a running task begins that was told to stop; why follows."""

BEYOND_LIMIT: Final = "output went beyond the limit of "
"""In the reason of a task with too much output; the limit follows."""

GOES_ON: Final = "; still running: "
"""In the reason of a task that has ended: what follows is what it left running."""


def contradiction_of_error(status: TaskStatus, error: str | None) -> str | None:
    """Say why a task can't have this status with this error; `None` if it can."""
    if error is None:
        return (
            "if it failed, it says what went wrong"
            if status is TaskStatus.FAILED
            else None
        )
    if status is not _FAILED and status is not _CANCELED:
        return "nothing went wrong with it, so it has no error"
    return None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How a task ended.

    Attributes:
        status: One of the three final statuses.
        reason: Why, in a few words a person can use.
        exit_code: The exit status of its process; None if it has no process or
            a signal ended it.
        error: What went wrong; None if nothing did.
        figures: What it used, if that is known.
    """

    status: TaskStatus
    reason: str
    exit_code: int | None = None
    error: str | None = None
    figures: Figures | None = None

    def __post_init__(self) -> None:
        """Refuse what no task can end with.

        Raises:
            ValueError: If the status is not final, or does not fit the error.
        """
        if not self.status.is_final:
            raise ValueError(f"an outcome is final, {self.status} is not")
        problem = contradiction_of_error(self.status, self.error)
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
        reason = safe_line(self.reason)
        error = None if self.error is None else safe_line(self.error)
        if reason == self.reason and error == self.error:
            return self
        return msgspec.structs.replace(self, reason=reason, error=error)


LOST: Final = Outcome.failed("the session ended while it ran")
"""What becomes of a task that was running when its program died."""

NEVER_KNOWN: Final = Outcome.failed(
    "its exit status is unknown: the session's host was killed in the moment in which"
    " it started it"
)
"""What becomes of a task of which nobody knows whether its process was started."""

RESTARTED: Final = Outcome.failed("the machine restarted while it ran")
"""What becomes of a task that was running when the machine stopped."""
