"""Writes changes to the journal, and handles its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from ..messages import WriteAgain
from ..rules.safe_text import safe_line
from ..runtime.sending import Recipient, logger, post_if_alive
from .errors import (
    BusyJournalError,
    DamagedJournalError,
    ForeignSessionError,
    JournalError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runtime.clock import Clock
    from .protocol import Everything, Journal

ResultT = TypeVar("ResultT")

WRITE_AGAIN: Final = 0.5
"""Seconds before a failed write to the journal is retried."""

SHOWN_AFTER: Final = 0.1
"""Seconds before the `shown` number is written, if nothing else is."""

BUSY: Final = 0.25
"""Seconds for which another program may hold the journal before that is reported."""

_BUSY_PAUSE: Final = 0.005  # seconds


class JournalWriter:
    """Writes to a journal: replaces a damaged one, and reports failures.

    Short locks of the journal by another program are not reported: the write is retried
    soon, and only messages that depend on it are delayed.

    Args:
        journal: The journal.
        everything: Returns the complete state, for a new file in place of a damaged
            one.
        clock: The clock.
        owner: Receives `WriteAgain` when a retry is due.
    """

    def __init__(
        self,
        journal: Journal,
        everything: Callable[[], Everything],
        clock: Clock,
        owner: Recipient[WriteAgain],
    ) -> None:
        self._journal = journal
        self._everything = everything
        self._clock = clock
        self._owner = owner
        self._will_write_again = False
        self._is_due = False
        self._pause = WRITE_AGAIN
        self._news: list[str | None] = []
        self._busy_since: float | None = None
        self.trouble: str | None = None
        """Why the journal can't be written now; None if it can."""
        self.is_wiped = False
        """Whether this program itself holds the journal now, to wipe it."""
        self.is_foreign = False
        """Whether another session has replaced this one."""

    def take_news(self) -> list[str | None]:
        """Return the faults since the last call; None stands for a recovery."""
        news, self._news = self._news, []
        return news

    def write_down(self) -> bool:
        """Write all recorded changes, unless they can wait. Waits for no other program.

        Returns:
            False if the write failed; it will be retried.
        """
        waits = self._journal.can_wait and not self._is_due
        if not waits:
            self._is_due = False
            if self._commit():
                return True
        if not self._will_write_again:
            self._will_write_again = True
            pause = SHOWN_AFTER if waits else self._pause
            self._clock.call_later(
                pause, lambda: post_if_alive(self._owner, WriteAgain())
            )
        return waits

    def note_due(self) -> None:
        """Handle `WriteAgain`: the next write includes everything."""
        self._will_write_again, self._is_due = False, True

    def _commit(self) -> bool:
        try:
            self.use(self._journal.commit)
        except BusyJournalError as error:
            self._wait_for_others(error)
            return False
        except JournalError as error:
            self.is_foreign = isinstance(error, ForeignSessionError)
            self._fail(error)
            return False
        self.is_foreign = False
        self._busy_since = None
        self._note(None)
        return True

    def use(self, use: Callable[[], ResultT]) -> ResultT:
        """Use the journal; if it is damaged, retry with a new one.

        Returns:
            The result of `use`.

        Raises:
            JournalError: If it can't be used now.
        """
        try:
            return use()
        except DamagedJournalError as error:
            text = self._journal.start_over(self._everything(), error)
        logger.error("The journal was damaged: %s", text)
        try:
            self._journal.commit()
        except JournalError as error:
            raise JournalError(f"{text}; but {error}") from error
        # Reported only now, when the trouble is already over.
        self._note(safe_line(text))
        self._note(None)
        return use()

    def _wait_for_others(self, error: BusyJournalError) -> None:
        now = self._clock.now().monotonic
        if self._busy_since is None:
            self._busy_since = now
        waited = now - self._busy_since
        if self.trouble is not None or (waited >= BUSY and not self.is_wiped):
            self._fail(error)
        # Soon at first, then with growing pauses.
        self._pause = min(max(_BUSY_PAUSE, waited), WRITE_AGAIN)

    def _fail(self, error: JournalError) -> None:
        self._pause = WRITE_AGAIN
        if self.trouble is None:
            logger.error("The journal can't be written: %s", error)
        self._note(safe_line(str(error)))

    def _note(self, text: str | None) -> None:
        if text != self.trouble:
            self.trouble = text
            self._news.append(text)
