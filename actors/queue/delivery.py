"""Commit, then notify: what follows from messages is sent once it is written down."""

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
    """Writes down what was applied, and sends what follows from it.

    As long as it can't be written down, only what tells of no change is sent.

    Args:
        changes: What was applied, and what follows from it.
        schedules: See their changes when they are written down.
        starts: Tasks that the runner does not take.
        subscribers: Those that are told of changes.
        writer: Writes the journal.
        deletion: Deletes what belongs to forgotten tasks.
        dead_letters: Counts what reaches nobody.
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

    def answer(self, asker: Recipient[Any], answer: QueueReply) -> None:
        """Let an answer be sent when what it confirms is written down."""
        self._outbox.add(asker, answer)

    def catch_up(self) -> None:
        """Write down what can be, so that what is looked up next has it."""
        if self._writer.trouble is None:
            self.flush()

    def flush(self) -> None:
        """Write down what was applied, and send what may be sent then."""
        while True:
            written = self._write_down()
            # Even if it failed: on a full disk this is what makes room.
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
        """Send a message at once; without a recipient to all that want it."""
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
        """Tell all what is wrong with the journal now, or that this is over."""
        # Not through the outbox, which is held back.
        for text in self._writer.take_news():
            replaced = text is not None and self._writer.is_foreign
            self.send(None, JournalTrouble(text, replaced))

    def _tells_change(self, answer: QueueReply) -> bool:
        """Tell whether an answer says what is not written down yet."""
        status = self._changes.book.tasks.written_status
        return any(status(it) is not told for it, told in told_by(answer))

    def _write_down(self) -> bool:
        written = self._writer.write_down()
        self.announce_trouble()
        if written:
            self._changes.note_written()
            self._schedules.note_written()
        return written
