"""Writing down what must be remembered, whatever is wrong with the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ..rules.safe_text import safe_line
from ..runtime.sending import logger
from .sqlite_file import DamagedJournalError, ForeignSessionError, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..rules.task import Task
    from .protocol import Journal

ResultT = TypeVar("ResultT")


Announce: TypeAlias = "Callable[[str | None], None]"
"""Told what is wrong with the journal, and none when that is over."""


class JournalWriter:
    """Uses a journal: replaces one that is damaged, and says when it can't be written.

    Args:
        journal: The journal.
        tasks: Returns all tasks there are, in the order of their last changes.
    """

    def __init__(self, journal: Journal, tasks: Callable[[], Sequence[Task]]) -> None:
        self._journal = journal
        self._tasks = tasks
        self.trouble: str | None = None
        """Why the journal can't be written just now; none if it can."""
        self.is_foreign = False
        """Whether another session has taken the place of this one."""

    def write_down(self, announce: Announce) -> bool:
        """Write down what was noted; return whether it is. Blocks for the write.

        Args:
            announce: Hears of trouble, once, and of its end.
        """
        try:
            self.use(self._journal.commit, announce)
        except JournalError as error:
            self.is_foreign = isinstance(error, ForeignSessionError)
            if self.trouble is None:
                logger.error("The journal can't be written: %s", error)
            self._note(safe_line(str(error)), announce)
            return False
        self.is_foreign = False
        self._note(None, announce)
        return True

    def use(self, use: Callable[[], ResultT], announce: Announce) -> ResultT:
        """Use the journal; if it is damaged, go on with another.

        Args:
            use: Does so; once more with another.
            announce: Hears of the damage.

        Returns:
            What `use` returns.

        Raises:
            JournalError: If it can't be used just now.
        """
        try:
            return use()
        except DamagedJournalError as error:
            text = self._journal.start_over(self._tasks(), error)
        logger.error("The journal was damaged: %s", text)
        try:
            self._journal.commit()
        except JournalError as error:
            raise JournalError(f"{text}; but {error}") from error
        # Only now: nobody is to take for trouble what is over already.
        self._note(safe_line(text), announce)
        self._note(None, announce)
        return use()

    def _note(self, text: str | None, announce: Announce) -> None:
        if text != self.trouble:
            self.trouble = text
            announce(text)
