"""What an embedder gets wrong is named at once."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, cast

import pytest
from backburner.actors import BashKind, Kind, Notification, TaskSystem
from backburner.actors.testing import running
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_class_is_no_kind() -> None:
    with pytest.raises(TypeError, match=r"^BashKind is a class, not a kind; give "):
        TaskSystem(kinds=[cast("Kind", BashKind)])


def test_a_system_says_which_it_is(tmp_path: Path) -> None:
    system = TaskSystem(directory=tmp_path / "work", name="work")
    assert (system.name, system.directory) == ("work", tmp_path / "work")
    assert repr(system) == f"<TaskSystem 'work' in '{tmp_path}/work', not started>"
    assert TaskSystem().directory is None
    with running(system):
        assert repr(system).endswith(", started>")
        assert system.add("Build", "bash", "true", origin="me").origin == "me"


class _Asks:
    """Asks its system whenever it is told something."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self.errors: queue.SimpleQueue[str] = queue.SimpleQueue()

    def tell(self, message: Notification, /) -> None:
        """Ask, and keep what became of it."""
        del message
        try:
            self._ask()
        except RuntimeError as error:
            self.errors.put(str(error))
        else:
            self.errors.put("answered")


def test_a_call_that_blocks_an_actor_of_the_system_raises_at_once() -> None:
    with running(TaskSystem()) as system:
        for ask in (
            lambda: system.get(1, timeout=600),
            lambda: system.wait(timeout=600),
        ):
            asks = _Asks(ask)
            system.subscribe(asks)
            assert "on a thread of the actors" in asks.errors.get(timeout=PATIENCE)
            system.unsubscribe(asks)
