"""Nothing may be left of a task system: no actor, thread, process or dead letter."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

import pykka

from ..processes import proc

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ..system import TaskSystem

SETTLE: Final = 2.0
"""Seconds that a thread is given to end, once there is nothing for it to do."""


@contextlib.contextmanager
def no_leaks(
    systems: Iterable[TaskSystem] = (), *, dead_letters: bool = False
) -> Generator[None, None, None]:
    """Assert that what happens in the `with` block leaves nothing behind.

    Whatever exists before it is none of its business. Not for use around one of two
    systems that run at the same time: put it around both.

    Args:
        systems: Those whose dead letters are looked at too; a list may still grow.
        dead_letters: Whether there may be some, because a recipient dies on purpose.

    Raises:
        AssertionError: If an actor, a thread or a child process is left, or a message
            of one of the systems reached nobody; the text names all of them.
    """
    actors = {ref.actor_urn for ref in pykka.ActorRegistry.get_all()}
    threads = set(threading.enumerate())
    children = set(_children())
    yield
    # First, as it waits: an actor that is just ending is still registered.
    left_threads = _left_threads(threads)
    left = [
        f"actor {ref}"
        for ref in pykka.ActorRegistry.get_all()
        if ref.actor_urn not in actors
    ]
    left += [f"thread {name}" for name in left_threads]
    left += [f"process {child}" for child in _children() if child not in children]
    if not dead_letters:
        left += [
            f"{system.dead_letters.count} dead letters; the log at debug level has more"
            for system in systems
            if system.dead_letters.count
        ]
    if left:
        raise AssertionError("\n  ".join(["left behind:", *left]))


@contextlib.contextmanager
def running(
    system: TaskSystem, *, dead_letters: bool = False
) -> Generator[TaskSystem, None, None]:
    """Start a task system, stop it at the end, and assert that nothing is left of it.

    Args:
        system: One that is not started.
        dead_letters: Whether there may be some; see `no_leaks`.

    Raises:
        AssertionError: If something is left; see `no_leaks`.
    """
    with no_leaks((system,), dead_letters=dead_letters), system:
        yield system


def _left_threads(before: set[threading.Thread]) -> list[str]:
    # An actor's thread, and a watcher's, ends a moment after it has done its work.
    new = [thread for thread in threading.enumerate() if thread not in before]
    # Twice, as in `wait_in_halves`.
    for thread in 2 * new:
        thread.join(SETTLE / 2)
    return [thread.name for thread in new if thread.is_alive()]


def _children() -> list[str]:
    # A search through all processes is dear; nearly always there is nothing to find.
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    parents = {pid: it.parent for pid in proc.pids() if (it := proc.stat(pid))}
    family = {os.getpid()}
    while more := {it for it, parent in parents.items() if parent in family} - family:
        family |= more
    return [f"{pid} ({proc.name(pid)})" for pid in sorted(family - {os.getpid()})]
