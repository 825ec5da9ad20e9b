"""Connecting a verb to the host of its session, and reporting long waits."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from ...actors.host.remote import RemoteSystem
from ...actors.host.waited_for import stopped, waited_for
from ..program.long_waits import say, telling
from .ends import journal_trouble

if TYPE_CHECKING:
    from collections.abc import Generator

    from ...actors.host.settings import HostSettings

_LOOK: Final = 1.0  # seconds to wait for the state of the journal


def reach(settings: HostSettings, *, start_host: bool) -> RemoteSystem:
    """Return a started system; report long waits on stderr, also of its requests.

    Raises:
        TaskSystemError: If the host can't be reached.
    """
    system = RemoteSystem(settings, start_host=start_host)
    with telling(settings.name, lambda: _opening(settings, system)):
        system.start()

    def say_once() -> None:
        system.on_long = None
        say(settings.name, trouble(system) or waited_for(settings.directory))

    system.on_long = say_once
    return system


@contextlib.contextmanager
def reached(settings: HostSettings, *, start_host: bool) -> Generator[RemoteSystem]:
    """Connect as `reach` does, and disconnect at the end of the `with` block."""
    system = reach(settings, start_host=start_host)
    try:
        yield system
    finally:
        system.stop()


def trouble(system: RemoteSystem) -> str | None:
    """Return the reason why the host does not answer a request; None if unknown.

    Blocks for at most a second.
    """
    if found := stopped("its host", system.welcome.pid):
        return found
    try:
        return journal_trouble(system, _LOOK)
    except TimeoutError:
        return None


def _opening(settings: HostSettings, system: RemoteSystem) -> str:
    if left := system.leftovers:
        return f"ending what was left running: {left}"
    return waited_for(settings.directory)
