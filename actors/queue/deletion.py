"""Deleting the output of forgotten tasks, and traces of secrets in the journal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import pykka

from ..journal.removal import RemovalActor, remove_output
from ..kinds.function import result_path
from ..messages import Forgotten, RemoveOutput, Wiped, WipeJournal
from ..runtime.sending import DeadLetters, Recipient, post_if_alive

if TYPE_CHECKING:
    from pathlib import Path

    from ..kinds import Kinds
    from ..rules.task import Task
    from ..runtime.mailbox import Scheduler

_MANY_FILES: Final = 16  # deleting more, or much, could hold others up
_MUCH_OUTPUT: Final = 1 << 24  # bytes


class Deletion:
    """Deletes output files, and knows who does what takes longer.

    Args:
        kinds: The kinds of tasks; some write a file with a result.
        dead_letters: Counts what reaches nobody.
        scheduler: Gives turns to the actor that deletes many files.
    """

    def __init__(
        self, kinds: Kinds, dead_letters: DeadLetters, scheduler: Scheduler | None
    ) -> None:
        self._with_result = {
            it.name for it in kinds if getattr(it, "writes_result", False)
        }
        self._dead_letters = dead_letters
        self._scheduler = scheduler
        self._removal: pykka.ActorRef[RemovalActor] | None = None

    def delete(self, doomed: list[Task]) -> None:
        """Delete the output of forgotten tasks, or have it deleted."""
        paths = tuple(it.output_path for it in doomed if it.output_path is not None)
        if self._with_result:
            have = (it for it in doomed if it.kind in self._with_result)
            paths += tuple(str(it) for it in map(result_path, have) if it is not None)
        if not paths:
            return
        size = sum(it.output_size for it in doomed)
        much = len(paths) > _MANY_FILES or size > _MUCH_OUTPUT
        if much and post_if_alive(self._started(), RemoveOutput(paths)):
            return  # else somebody has stopped it
        remove_output(paths)

    def wipe(self, journal: Path, reply_to: Recipient[Wiped]) -> bool:
        """Have the traces of secrets in a journal overwritten; `Wiped` answers.

        Returns:
            Whether there is one who does that.
        """
        return post_if_alive(self._started(), WipeJournal(str(journal), reply_to))

    def answers(self, asker: Recipient[Any], answer: Forgotten) -> bool:
        """Have somebody answered when the files are gone, which is what was asked for.

        Returns:
            False if they are gone by now, so that the answer can be sent at once.
        """
        return self._removal is not None and post_if_alive(
            self._removal, RemoveOutput((), asker, answer)
        )

    def _started(self) -> pykka.ActorRef[RemovalActor]:
        if self._removal is None:
            self._removal = RemovalActor.start(self._dead_letters, self._scheduler)
        return self._removal

    def stop(self) -> None:
        """Wait until all is deleted, and delete nothing more."""
        if self._removal is not None:
            with contextlib.suppress(pykka.ActorDeadError):
                self._removal.stop()
