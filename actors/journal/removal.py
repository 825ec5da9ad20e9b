"""Deleting the output of forgotten tasks without holding up anybody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..messages import RemoveOutput
from ..runtime.safe_actor import SafeActor
from ..runtime.sending import logger

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


class RemovalActor(SafeActor[RemoveOutput]):
    """Deletes what the QueueActor tells it to, and sends on the answer that says so.

    Ten thousand files take a second on a busy disk, and so does one of many GiB: the
    QueueActor answers others meanwhile.
    """

    def handle(self, message: RemoveOutput) -> None:
        """Delete files, then answer whoever asked for that."""
        # The rest of the actors go on: this is the one that waits for the disk.
        self.about_to_block(long=True)
        try:
            remove_output(message.paths)
        finally:
            if message.reply_to is not None and message.answer is not None:
                self.post(message.reply_to, message.answer)
