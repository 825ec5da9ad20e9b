"""Sessions and files that belong to another user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskSystem, TaskSystemError
from backburner.actors.testing import running

if TYPE_CHECKING:
    from pathlib import Path

_OTHER: Final = 65_534

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give files to another user"
)


@pytest.mark.parametrize("name", ["", "output", "lock", "session.db"])
def test_what_belongs_to_another_user_is_refused_and_its_queue_does_not_run(
    name: str, tmp_path: Path
) -> None:
    folder, ran = tmp_path / "main", tmp_path / "ran"
    with running(TaskSystem(directory=folder, slots=1)) as system:
        system.add("Busy", "sleep", "600")
        system.add("Queued", "bash", f"touch {ran}")
    os.chown(folder / name, _OTHER, _OTHER)
    with pytest.raises(TaskSystemError, match=r"belongs to user \w+, not to you; "):
        TaskSystem(directory=folder).start()
    assert not ran.exists()


def test_a_folder_below_that_of_another_user_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(0o755)
    os.chown(state, _OTHER, _OTHER)
    with pytest.raises(TaskSystemError, match=r"who could replace it; use a directory"):
        TaskSystem(directory=state / "main").start()
