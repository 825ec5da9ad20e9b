"""Deleting output of forgotten tasks, and traces of secrets, holding up nobody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from ..messages import RemovalMessage, RemoveOutput, Wiped, WipeJournal
from ..runtime.safe_actor import SafeActor
from ..runtime.sending import logger, post_if_alive
from .errors import JournalError
from .sqlite_file import wipe

if TYPE_CHECKING:
    from collections.abc import Iterable


def remove_output(paths: Iterable[str]) -> None:
    """Delete output files; blocks for the disk. One that can't be deleted is logged."""
    for path in paths:
        try:
            os.unlink(path)  # noqa: PTH108 - half the cost of Path, and there are many
        except FileNotFoundError:
            pass  # it has printed nothing, or somebody was faster
        except OSError as error:
            logger.warning("Can't delete the output of a task: %s", error)


class RemovalActor(SafeActor[RemovalMessage]):
    """Deletes what the QueueActor tells it to, and sends on the answer that says so.

    Ten thousand files take a second on a busy disk, and so does one of many GiB; what
    was deleted from the journal is overwritten in about 20 ms. The QueueActor answers
    others meanwhile.
    """

    def handle(self, message: RemovalMessage) -> None:
        """Delete files, or wipe the journal; then answer the sender."""
        # The rest of the actors go on: this is the one that waits for the disk.
        self.about_to_block(long=True)
        match message:
            case RemoveOutput():
                self._remove(message)
            case WipeJournal():
                self._wipe(message)
            case _:
                assert_never(message)

    def _wipe(self, message: WipeJournal) -> None:
        done = False
        try:
            done = wipe(Path(message.path))
        except JournalError as error:
            # Damage is found by the one who uses it; all else is tried again.
            logger.info("The journal could not be wiped: %s", error)
        finally:
            # A queue that stops meanwhile has no more use for it.
            post_if_alive(message.reply_to, Wiped(done))

    def _remove(self, message: RemoveOutput) -> None:
        try:
            remove_output(message.paths)
        finally:
            if message.reply_to is not None and message.answer is not None:
                self.post(message.reply_to, message.answer)
