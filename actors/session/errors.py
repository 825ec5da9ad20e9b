"""The errors raised to code outside the actors."""

from __future__ import annotations

from ..messages import RefusalCode


class TaskSystemError(Exception):
    """A task system could not be started, or its actors can't be reached.

    They can't if other code has stopped them, or if they belong to the process from
    which this one was forked. The text is the reason and the remedy, in one line.
    """


class SessionInUseError(TaskSystemError):
    """The session is open already, in this process or another."""


class RefusedError(Exception):
    """A request was refused; the text is the reason, in one line.

    Args:
        text: The reason.
        code: The reason, for programs.
    """

    def __init__(self, text: str, code: RefusalCode = RefusalCode.FAILED) -> None:
        super().__init__(text, code)
        self.code = code
        """The reason, for programs."""

    def __str__(self) -> str:
        return str(self.args[0])
