"""Deletes output of forgotten tasks, and traces of secrets, in the background."""

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
    """Delete output files; blocks for the disk. Failures are logged."""
    for path in paths:
        try:
            os.unlink(path)  # noqa: PTH108 - half the cost of Path, and there are many
        except FileNotFoundError:
            pass  # it has printed nothing, or the file was deleted already
        except OSError as error:
            logger.warning("Can't delete the output of a task: %s", error)


class RemovalActor(SafeActor[RemovalMessage]):
    """Deletes files for the QueueActor, and sends the answer afterwards.

    Ten thousand files take a second on a busy disk, and so does one of many GiB;
    overwriting deleted data of the journal takes about 20 ms. The QueueActor stays
    responsive meanwhile.
    """

    def handle(self, message: RemovalMessage) -> None:
        """Delete files or wipe the journal; then answer the sender."""
        # Other actors continue on another thread while this one waits for the disk.
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
            # Damage is detected at the next use of the file; other failures are
            # retried.
            logger.info("The journal could not be wiped: %s", error)
        finally:
            # A queue that has stopped doesn't need the answer.
            post_if_alive(message.reply_to, Wiped(done))

    def _remove(self, message: RemoveOutput) -> None:
        try:
            remove_output(message.paths)
        finally:
            if message.reply_to is not None and message.answer is not None:
                self.post(message.reply_to, message.answer)
