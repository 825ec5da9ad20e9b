"""Deleting the output of forgotten tasks, and wiping deleted data in the journal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import pykka

from ..journal.removal import RemovalActor, remove_output
from ..kinds.function import result_path
from ..messages import Forgotten, RemoveOutput, Wipe, Wiped, WipeJournal
from ..runtime.sending import DeadLetters, Recipient, post_if_alive

if TYPE_CHECKING:
    from ..journal.protocol import Journal
    from ..journal.writer import JournalWriter
    from ..kinds import Kinds
    from ..rules.task import Task
    from ..runtime.clock import Clock
    from ..runtime.mailbox import Scheduler

WIPE_AFTER: Final = 2.0
"""Seconds after which deleted data in the journal is overwritten."""

_MANY_FILES: Final = 16  # more files, or much output, are deleted by the RemovalActor
_MUCH_OUTPUT: Final = 1 << 24  # bytes


class Deletion:
    """Deletes output files and wipes the journal; a RemovalActor does the slow work."""

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        kinds: Kinds,
        dead_letters: DeadLetters,
        scheduler: Scheduler | None,
        *,
        journal: Journal,
        writer: JournalWriter,
        clock: Clock,
        queue: Recipient[Wipe | Wiped],
    ) -> None:
        self._with_result = {
            it.name for it in kinds if getattr(it, "writes_result", False)
        }
        self._dead_letters = dead_letters
        self._scheduler = scheduler
        self._journal = journal
        self._writer = writer
        self._clock = clock
        self._queue = queue
        self._will_wipe = False
        self._removal: pykka.ActorRef[RemovalActor] | None = None

    def delete(self, doomed: list[Task]) -> None:
        """Delete the output of forgotten tasks, at once or by the RemovalActor."""
        if self._writer.is_foreign:
            return  # the files belong to the session that replaced this one
        paths = tuple(it.output_path for it in doomed if it.output_path is not None)
        if self._with_result:
            have = (it for it in doomed if it.kind in self._with_result)
            paths += tuple(str(it) for it in map(result_path, have) if it is not None)
        if not paths:
            return
        size = sum(it.output_size for it in doomed)
        much = len(paths) > _MANY_FILES or size > _MUCH_OUTPUT
        if much and post_if_alive(self._started(), RemoveOutput(paths)):
            return  # otherwise the actor was stopped from outside
        remove_output(paths)

    def wipe_soon(self) -> None:
        """Schedule a wipe if the journal contains deleted data."""
        if self._journal.has_traces and not self._will_wipe:
            self._will_wipe = True
            self._clock.call_later(
                WIPE_AFTER, lambda: post_if_alive(self._queue, Wipe())
            )

    def wipe(self) -> None:
        """Begin to overwrite deleted data; `Wiped` follows when it is done."""
        self._will_wipe = False
        if self._writer.is_wiped:
            return  # in progress; later deletions are wiped next
        self._writer.is_wiped = True
        journal = str(self._journal.begin_wipe())
        if not post_if_alive(self._started(), WipeJournal(journal, self._queue)):
            self.wiped(done=False)

    def wiped(self, *, done: bool) -> None:
        """Record that the wipe has ended, and whether it succeeded."""
        self._writer.is_wiped = False
        self._journal.end_wipe(done=done)

    def answers(self, asker: Recipient[Any], answer: Forgotten) -> bool:
        """Send an answer after the files are deleted.

        Returns:
            False if they are deleted already, so that the caller can answer at once.
        """
        return self._removal is not None and post_if_alive(
            self._removal, RemoveOutput((), asker, answer)
        )

    def _started(self) -> pykka.ActorRef[RemovalActor]:
        if self._removal is None:
            self._removal = RemovalActor.start(self._dead_letters, self._scheduler)
        return self._removal

    def stop(self) -> None:
        """Wait until all deletions are done, and stop the RemovalActor."""
        if self._removal is not None:
            with contextlib.suppress(pykka.ActorDeadError):
                self._removal.stop()
