"""Bringing a reopened session up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..journal.errors import JournalError
from ..messages import Acknowledged, QueueReply, RefusalCode, Refused, TaskEvent
from ..rules.safe_text import safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..journal.writer import JournalWriter
    from ..rules.outcome import Outcome
    from .changes import Changes
    from .config import QueueConfig
    from .running import Running
    from .schedules import Schedules
    from .starts import Starts

_NO_KIND: Final = "waiting for the kind "


class Reopening:
    """Ends, holds or continues the tasks of the journal before the queue opens.

    Args:
        config: The settings of the queue.
        changes: The tasks.
        starts: Knows the reason why each task waits.
        running: Ends tasks that were running.
        schedules: The schedules.
        writer: Writes the journal.
        lost: The outcomes of tasks that were running when the last program was killed.
            Running tasks without an outcome continue; by default none does.
    """

    def __init__(  # noqa: PLR0913 - all that a stored session consists of
        self,
        config: QueueConfig,
        changes: Changes,
        *,
        starts: Starts,
        running: Running,
        schedules: Schedules,
        writer: JournalWriter,
        lost: Mapping[int, Outcome] | None,
    ) -> None:
        self._config = config
        self._changes = changes
        self._starts = starts
        self._running = running
        self._schedules = schedules
        self._writer = writer
        self._lost = lost

    def run(self) -> QueueReply:
        """Apply the changes since the session was closed, and commit them."""
        self._check_kinds()
        self._running.recover(self._lost, rebooted=self._config.rebooted)
        book = self._changes.book
        self._changes.forget(book.clean_up())
        # The clock may have been set meanwhile.
        self._starts.shift_delays(0.0)
        self._schedules.clock_was_set(0.0)
        self._changes.quota.begin_with(book.tasks)
        try:
            self._writer.use(self._changes.journal.commit)
        except JournalError as error:
            # The caller reports the refusal, so `JournalTrouble` isn't sent as well.
            self._writer.trouble = text = safe_line(str(error))
            return Refused(text, RefusalCode.JOURNAL)
        return Acknowledged()

    def _check_kinds(self) -> None:
        """Hold queued tasks whose kind is missing; release those whose kind is back."""
        kinds = {it.name for it in self._config.kinds}
        book = self._changes.book
        # Only tasks whose reason changes are handled, since a queue may be long.
        for task in [
            it
            for it in book.tasks.queued()
            if it.kind not in kinds or _NO_KIND in it.reason
        ]:
            if task.kind not in kinds:
                reason = f"{_NO_KIND}{task.kind!r}, which is not registered here"
                held = book.waiting.hold(task.id, reason)
                self._changes.changed(held, TaskEvent.QUEUED)
            elif task.reason.startswith(_NO_KIND):
                reason = self._starts.reason_of(task.id)
                waiting = book.waiting.wait(task.id, reason)
                self._changes.changed(waiting, TaskEvent.QUEUED)
