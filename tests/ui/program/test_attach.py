"""Attaching to a task before its output exists."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, cast

import pytest
from backburner.actors import Subscribe, Subscribed, TasksForgotten
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import make_task
from backburner.ui.program.attach import attach, open_when_there
from backburner.ui.program.wakeup import Wakeup
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.actors import Task
    from backburner.actors.host.remote import RemoteSystem


def test_attach_waits_for_the_output_of_a_task_that_has_just_begun(
    tmp_path: Path,
) -> None:
    output = tmp_path / "1.log"
    maker = threading.Timer(0.1, output.write_bytes, [b"here"])
    maker.start()
    fd = open_when_there(str(output), PATIENCE)
    maker.join()
    try:
        assert os.read(fd, 4) in {b"", b"here"}
    finally:
        os.close(fd)


def test_output_that_never_appears_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_when_there(str(tmp_path / "1.log"), 0.05)


class Interrupted:
    """A session that has forgotten the task when the subscription is renewed."""

    def __init__(self, task: Task) -> None:
        self.queue = self
        self.dead_letters = DeadLetters()
        self._task = task

    def tell(self, message: object, /) -> None:
        if isinstance(message, Subscribe):
            message.subscriber.tell(Subscribed(1, (self._task,)))
            message.subscriber.tell(TasksForgotten(2, (self._task.id,)))


def test_the_terminal_is_restored_if_the_task_was_forgotten(tmp_path: Path) -> None:
    output = tmp_path / "1.log"
    output.write_bytes(b"here")
    task = make_task(1, "running", output_path=str(output))
    system = cast("RemoteSystem", Interrupted(task))
    ours, theirs = os.openpty()
    try:
        with Wakeup() as wakeup:
            left = attach(system, task, theirs, theirs, wakeup)
    finally:
        os.close(ours)
        os.close(theirs)
    assert left.ended
    assert "left the history" in left.text
