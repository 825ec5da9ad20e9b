"""Nothing may be left of a task system: no actor, thread, process or dead letter."""

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
"""Seconds that a thread is given to end, once there is nothing for it to do."""


@contextlib.contextmanager
def no_leaks(
    systems: Iterable[TaskSystem] = (),
    *,
    dead_letters: bool = False,
    ignore: Iterable[str] = (),
) -> Generator[None, None, None]:
    """Assert that what happens in the `with` block leaves nothing behind.

    It ignores all that exists before it. Not for use around one of two
    systems that run at the same time: put it around both.

    Args:
        systems: Those whose dead letters are looked at too; a list may still grow.
        dead_letters: Whether there may be some, because a recipient dies on purpose.
        ignore: What may be left: patterns as of a shell for the names of threads,
            actors and processes, such as `"asyncio_*"` for the threads of a loop's
            executor.

    Raises:
        AssertionError: If an actor, a thread or a child process is left, or a message
            of one of the systems reached nobody; the text names all of them.
        TypeError: If `systems` or `ignore` is not a list of those.
    """
    patterns = _patterns(ignore)
    require_type("systems", systems, Iterable)
    actors = {ref.actor_urn for ref in pykka.ActorRegistry.get_all()}
    threads = set(threading.enumerate())
    children = set(_children())
    yield

    def is_ignored(name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, it) for it in patterns)

    # First, as it waits: an actor that is just ending is still registered.
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
        system: One that is not started.
        dead_letters: Whether there may be some; see `no_leaks`.
        ignore: What may be left; the same.

    Raises:
        AssertionError: If something is left; see `no_leaks`.
        TypeError: If `system` is not one, or `ignore` not a list.
    """
    if isinstance(system, type):
        raise TypeError(
            f"system must be a system, not a class; give {system.__name__}()"
        )
    with no_leaks((system,), dead_letters=dead_letters, ignore=ignore), system:
        yield system


def _patterns(ignore: Iterable[str]) -> tuple[str, ...]:
    # The letters of one pattern would be patterns too, and * ignores everything.
    if isinstance(ignore, str):
        raise TypeError(f"ignore must be a list of patterns, such as [{ignore!r}]")
    patterns = tuple(ignore)
    for pattern in patterns:
        require_type("a pattern to ignore", pattern, str)
    return patterns


def _left_threads(
    before: set[threading.Thread], is_ignored: Callable[[str], bool]
) -> list[str]:
    # An actor's thread, and a watcher's, ends a moment after it has done its work.
    new = [
        thread
        for thread in threading.enumerate()
        if thread not in before and not is_ignored(thread.name)
    ]
    # Twice, as in `wait_in_halves`.
    for thread in 2 * new:
        thread.join(SETTLE / 2)
    return [thread.name for thread in new if thread.is_alive()]


def _children() -> list[tuple[int, str]]:
    # A search through all processes is dear; nearly always there is nothing to find.
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    parents = {pid: it.parent for pid in proc.pids() if (it := proc.stat(pid))}
    family = {os.getpid()}
    while more := {it for it, parent in parents.items() if parent in family} - family:
        family |= more
    return [(pid, proc.name(pid) or "?") for pid in sorted(family - {os.getpid()})]
