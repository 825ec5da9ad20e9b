"""Assertions that a task system leaves no actor, thread, process or dead letter."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import pykka

from ..processes import proc
from .recorder import require_type

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..system import TaskSystem

SETTLE: Final = 2.0
"""Seconds that a thread is given to end."""


@contextlib.contextmanager
def no_leaks(
    systems: Iterable[TaskSystem] = (),
    *,
    dead_letters: bool = False,
    ignore: Iterable[str] = (),
) -> Generator[None, None, None]:
    """Assert that the `with` block leaves nothing behind.

    It ignores everything that exists before it. If several systems run at the same
    time, put it around all of them.

    Args:
        systems: The systems whose dead letters are checked; a list may still grow.
        dead_letters: Whether to allow dead letters, if recipients die on purpose.
        ignore: Shell patterns for names of threads, actors and processes that may be
            left, such as `"asyncio_*"` for the threads of an event loop's executor.

    Raises:
        AssertionError: If an actor, a thread, a child process or a dead letter is left;
            the text names all of them.
        TypeError: If `systems` or `ignore` is not a list.
    """
    patterns = _patterns(ignore)
    require_type("systems", systems, Iterable)
    actors = {ref.actor_urn for ref in pykka.ActorRegistry.get_all()}
    threads = set(threading.enumerate())
    children = set(_children())
    yield

    def is_ignored(name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, it) for it in patterns)

    # First, since it waits: an actor that is about to end is still registered.
    left_threads = _left_threads(threads, is_ignored)
    left = [
        f"actor {ref}"
        for ref in pykka.ActorRegistry.get_all()
        if ref.actor_urn not in actors and not is_ignored(ref.actor_class.__name__)
    ]
    left += [f"thread {name}" for name in left_threads]
    left += [
        f"process {pid} ({name})"
        for pid, name in _children()
        if (pid, name) not in children and not is_ignored(name)
    ]
    if not dead_letters:
        left += [
            f"{system.dead_letters.count} dead letters: "
            + "; ".join(system.dead_letters.last)
            for system in systems
            if system.dead_letters.count
        ]
    if left:
        raise AssertionError("\n  ".join(["left behind:", *left]))


@contextlib.contextmanager
def running(
    system: TaskSystem, *, dead_letters: bool = False, ignore: Iterable[str] = ()
) -> Generator[TaskSystem, None, None]:
    """Start a task system, stop it at the end, and assert that nothing is left of it.

    Args:
        system: A system that is not started.
        dead_letters: Whether to allow dead letters; see `no_leaks`.
        ignore: Patterns of names that may be left; see `no_leaks`.

    Raises:
        AssertionError: If something is left; see `no_leaks`.
        TypeError: If `system` is a class, or `ignore` is not a list.
    """
    if isinstance(system, type):
        raise TypeError(
            f"system must be a system, not a class; give {system.__name__}()"
        )
    with no_leaks((system,), dead_letters=dead_letters, ignore=ignore), system:
        yield system


def _patterns(ignore: Iterable[str]) -> tuple[str, ...]:
    # Each letter of a string would be a pattern, and "*" would ignore everything.
    if isinstance(ignore, str):
        raise TypeError(f"ignore must be a list of patterns, such as [{ignore!r}]")
    patterns = tuple(ignore)
    for pattern in patterns:
        require_type("a pattern to ignore", pattern, str)
    return patterns


def _left_threads(
    before: set[threading.Thread], is_ignored: Callable[[str], bool]
) -> list[str]:
    # The thread of an actor or a watcher ends a moment after its last work.
    new = [
        thread
        for thread in threading.enumerate()
        if thread not in before and not is_ignored(thread.name)
    ]
    # In halves; see `wait_in_halves`.
    for thread in 2 * new:
        thread.join(SETTLE / 2)
    return [thread.name for thread in new if thread.is_alive()]


def _children() -> list[tuple[int, str]]:
    # Searching all processes is expensive, and usually there are no children.
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    parents = {pid: it.parent for pid in proc.pids() if (it := proc.stat(pid))}
    family = {os.getpid()}
    while more := {it for it, parent in parents.items() if parent in family} - family:
        family |= more
    return [(pid, proc.name(pid) or "?") for pid in sorted(family - {os.getpid()})]
