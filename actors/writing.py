"""Writing down what must be remembered, whatever is wrong with the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from .journal_file import DamagedJournalError, JournalError
from .safe_text import safe_line
from .supervision import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .journal import Journal
    from .task import Task

ResultT = TypeVar("ResultT")

WRITE_AGAIN: Final = 0.5
"""Seconds after which a failed write to the journal is tried again."""


class Writing:
    """Uses a journal: replaces one that is damaged, and says when it can't be written.

    Args:
        journal: The journal.
        tasks: Returns all tasks there are, in the order of their last changes.
        announce: Told what is wrong with the journal, and none when that is over.
        try_again: Has `again` called after `WRITE_AGAIN` seconds.
    """

    def __init__(
        self,
        journal: Journal,
        tasks: Callable[[], Sequence[Task]],
        announce: Callable[[str | None], None],
        try_again: Callable[[], object],
    ) -> None:
        self._journal = journal
        self._tasks = tasks
        self._announce = announce
        self._try_again = try_again
        self._will_try_again = False
        self.trouble: str | None = None
        """Why the journal can't be written just now; none if it can."""

    def write_down(self) -> bool:
        """Write down what was noted; return whether it is. Blocks for the write.

        If it can't be written, that is announced, and is to be tried again.
        """
        try:
            self.use(self._journal.commit)
        except JournalError as error:
            if self.trouble is None:
                logger.error("The journal can't be written: %s", error)
            self._tell(safe_line(str(error)))
            if not self._will_try_again:
                self._will_try_again = True
                self._try_again()
            return False
        self._tell(None)
        return True

    def again(self) -> None:
        """Note that it is time for another try."""
        self._will_try_again = False

    def use(self, use: Callable[[], ResultT]) -> ResultT:
        """Use the journal; if it is damaged, go on with another.

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
        self._tell(safe_line(text))
        self._tell(None)
        return use()

    def _tell(self, text: str | None) -> None:
        if text != self.trouble:
            self.trouble = text
            self._announce(text)
