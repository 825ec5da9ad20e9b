"""Commit, then notify: messages are sent after their changes are committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..journal.outbox import told_by
from ..messages import Forgotten, JournalTrouble, MessageSaid, StartTask, WriteDown
from ..runtime.sending import post_safely

if TYPE_CHECKING:
    from ..journal.writer import JournalWriter
    from ..messages import QueueReply
    from ..runtime.sending import DeadLetters, Recipient
    from .changes import Changes
    from .deletion import Deletion
    from .schedules import Schedules
    from .starts import Starts
    from .subscribers import Subscribers


class Delivery:
    """Commits changes, and sends the resulting messages.

    While the journal can't be written, only messages that reveal no change are sent.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        changes: Changes,
        *,
        schedules: Schedules,
        starts: Starts,
        subscribers: Subscribers,
        writer: JournalWriter,
        deletion: Deletion,
        dead_letters: DeadLetters,
    ) -> None:
        self._changes = changes
        self._outbox = changes.outbox
        self._schedules = schedules
        self._starts = starts
        self._subscribers = subscribers
        self._writer = writer
        self._deletion = deletion
        self._dead_letters = dead_letters

    def answer(
        self,
        asker: Recipient[Any],
        answer: QueueReply,
        *,
        tells_change: bool | None = None,
    ) -> None:
        """Queue an answer, which is sent after the commit; see `Outbox.add`."""
        self._outbox.add(asker, answer, tells_change=tells_change)

    def catch_up(self) -> None:
        """Commit now, if possible, so that the next lookup sees all changes."""
        if self._writer.trouble is None:
            self.flush()

    def flush(self) -> None:
        """Commit the applied changes, and send the messages."""
        while True:
            written = self._write_down()
            # Even after a failure: on a full disk this frees space.
            self._deletion.delete(self._changes.take_doomed())
            outbox = self._outbox
            for recipient, message in (
                outbox.take_all() if written else outbox.take_free(self._tells_change)
            ):
                if not (
                    recipient is not None
                    and isinstance(message, Forgotten)
                    and self._deletion.answers(recipient, message)
                ):
                    self.send(recipient, message)
            if not (written and outbox):
                self._deletion.wipe_soon()
                return

    def send(self, recipient: Recipient[Any] | None, message: object) -> None:
        """Send a message at once; without a recipient to all matching subscribers."""
        if recipient is None:
            wanted_by = self._subscribers.that_want(message)
            if isinstance(message, WriteDown):
                message = MessageSaid(message.message)
            for it in wanted_by:
                if not post_safely(it, message, self._dead_letters):
                    self._subscribers.remove(it)
        elif not post_safely(recipient, message, self._dead_letters):
            self._subscribers.remove(recipient)
            if isinstance(message, StartTask):
                self._starts.not_taken(message)

    def announce_trouble(self) -> None:
        """Notify all subscribers of a problem of the journal, or of its end."""
        # Not through the outbox, which is blocked by the problem.
        for text in self._writer.take_news():
            replaced = text is not None and self._writer.is_foreign
            self.send(None, JournalTrouble(text, replaced))

    def _tells_change(self, answer: QueueReply) -> bool:
        """Return whether an answer reveals a change that isn't committed."""
        status = self._changes.book.tasks.written_status
        return any(status(it) is not told for it, told in told_by(answer))

    def _write_down(self) -> bool:
        written = self._writer.write_down()
        self.announce_trouble()
        if written:
            self._changes.note_written()
            self._schedules.note_written()
        return written
