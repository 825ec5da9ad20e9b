"""The errors that code outside the actors gets."""

from __future__ import annotations

from ..messages import RefusalCode


class TaskSystemError(Exception):
    """A task system could not be started, or its actors are out of reach.

    They are if somebody else has stopped them, or if they belong to the process that
    this one was forked from.

    The text says why and what to do, in one line.
    """


class SessionInUseError(TaskSystemError):
    """The session is open already, in this process or another."""


class RefusedError(Exception):
    """A request was refused; its text says why, in one line.

    Args:
        text: Why.
        code: The same for programs.
    """

    def __init__(self, text: str, code: RefusalCode = RefusalCode.FAILED) -> None:
        super().__init__(text, code)
        self.code = code
        """Why, for programs."""

    def __str__(self) -> str:
        return str(self.args[0])
