"""Enforces the limits of one task's processes, and measures their resource usage.

A control group (see `cgroup`) enforces the limits that it supports. Other limits use
less exact means:

- memory: no process may allocate more than the limit (`RLIMIT_DATA`), and all are
  killed when a check finds that their sum exceeds it;
- CPUs: they run on as many processors, rounded up;
- processes: all are killed when a check finds too many; for users other than root also
  `RLIMIT_NPROC`, well above the limit, which stops fork bombs.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import time
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.amounts import cpus_text, pids_text
from ..rules.figures import Figures
from ..rules.safe_text import size_text
from ..rules.status import TaskStatus
from . import activity, cgroup, proc
from .handle import Process
from .marks import own_part
from .spawn_protocol import check_program

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Sequence

    from ..rules.outcome import Outcome
    from ..rules.terms import Terms
    from .activity import VitalSigns
    from .environment import Environment

KILLED: Final = "killed: "
"""Prefix of the reason of a task that exceeded a limit."""

_SLACK: Final = 512  # processes that other programs of the user may start
_LOOK_INTERVAL: Final = 1.0  # seconds between two checks of the usage
_LOOK_SHARE: Final = 50  # a check takes at most this fraction (1/50) of the time
_NEAR: Final = 0.9  # fraction of a limit above which a failure is attributed to it
_BLOCK: Final = 512  # bytes, the unit of `getrusage`
_KIB: Final = 1024
_SHELL: Final = "/bin/sh"
# $1 is the cgroup.procs file, $2 KiB of data, $3 processes; each may be empty.
_SCRIPT: Final = (
    'if [ -n "$1" ]; then echo 0 >"$1" || exit 125; fi;'
    'if [ -n "$2" ]; then ulimit -d "$2" || exit 125; fi;'
    'if [ -n "$3" ]; then ulimit -u "$3" 2>/dev/null || ulimit -p "$3" || exit 125; fi;'
    'shift 3; exec "$@"'
)


def figures_of(usage: resource.struct_rusage) -> Figures:
    """Convert the usage of a process, as `os.wait4` returns it."""
    peak = usage.ru_maxrss
    # Until exec, a process counts the memory of its parent.
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Figures(
        round(usage.ru_utime + usage.ru_stime, 6),
        peak * _KIB,
        peak <= floor,
        usage.ru_inblock * _BLOCK,
        usage.ru_oublock * _BLOCK,
    )


class Bounds:
    """The limits of one task's processes, and the means to enforce them.

    Created before the processes, or when they are adopted. Methods block no longer than
    a few small file accesses, except `exceeded`.
    """

    def __init__(self, terms: Terms, group: cgroup.Group | None) -> None:
        self._terms = terms
        self._group = group
        held = frozenset[str]() if group is None else group.controllers
        self._memory = None if "memory" in held else terms.memory
        self._pids = None if "pids" in held else terms.pids
        self._cpus = None if "cpu" in held else terms.cpus
        self._looks_at = 0.0
        self._exceeded: str | None = None

    @classmethod
    def made(cls, terms: Terms, mark: str, attempt: int = 1) -> Bounds:
        """Create the bounds of a task about to start."""
        group = None
        if (base := cgroup.base()) is not None:
            try:
                group = cgroup.make(base, cgroup.name_of(own_part(mark), attempt))
                group.limit(terms)
            except OSError:
                # Another program may have withdrawn controllers, or the number of
                # groups is at its limit. The other means still work.
                if group is not None:
                    group.remove()
                group = None
        return cls(terms, group)

    @classmethod
    def found(cls, terms: Terms, mark: str, pid: int) -> Bounds:
        """Return the bounds of a task whose process was started by another program."""
        name = cgroup.name_of(own_part(mark))
        key = name.split("-")[1]
        group = cgroup.group_of(pid, key)
        if group is None and (base := cgroup.base()) is not None:
            # The process has ended; its group may still exist, and has the usage.
            path = base.path / name
            group = cgroup.Group(path, base.controllers) if path.exists() else None
        return cls(terms, group)

    @classmethod
    def seen(cls, terms: Terms, pid: int) -> Bounds:
        """Return the bounds of a running task for display in another program."""
        return cls(terms, cgroup.group_of(pid))

    @property
    def held(self) -> str:
        """Describe which limits are enforced, and how, for people."""
        terms = self._terms
        by_group: list[str] = []
        others: list[str] = []
        if terms.memory is not None:
            text = f"{size_text(terms.memory)} of memory"
            if self._memory is None:
                by_group.append(text)
            else:
                others.append(f"{text} (rlimit per process, and checks)")
        if terms.cpus is not None:
            text = cpus_text(terms.cpus)
            count = _processors_for(terms.cpus)
            if self._cpus is None:
                by_group.append(text)
            elif count is None:
                others.append(f"{text} (not enforced: there are no more processors)")
            else:
                others.append(f"{text} (by {count} of {_processors()} processors)")
        if terms.pids is not None:
            text = pids_text(terms.pids)
            if self._pids is None:
                by_group.append(text)
            else:
                others.append(f"{text} (by checks)")
        grouped = [f"{', '.join(by_group)} (cgroup)"] if by_group else []
        return ", ".join([*grouped, *others])

    @contextlib.contextmanager
    def starting(
        self, argv: Sequence[str], environment: Environment
    ) -> Generator[Sequence[str]]:
        """Apply the limits to the process started inside this context.

        Its group is removed if no process could be started in it.

        Yields:
            The command to start: a shell that sets the limits and then executes the
                program, which takes a millisecond longer.

        Raises:
            OSError: If the program is not found or can't be run.
        """
        try:
            check_program(argv[0], environment)
            with self._processors():
                yield self._wrapped(argv)
        except BaseException:
            if self._group is not None:
                self._group.remove()
            raise

    def _wrapped(self, argv: Sequence[str]) -> Sequence[str]:
        door = "" if self._group is None else self._group.door
        data = "" if self._memory is None else str(max(1, self._memory // _KIB))
        count = "" if self._pids is None else _process_limit(self._pids)
        if not (door or data or count):
            return argv
        return [_SHELL, "-c", _SCRIPT, _SHELL, door, data, count, *argv]

    @contextlib.contextmanager
    def _processors(self) -> Generator[None]:
        """Restrict the CPU affinity of this thread, which new processes inherit."""
        count = None if self._cpus is None else _processors_for(self._cpus)
        if count is None:
            yield
            return
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, _some_of(before, count))
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def is_check_due(self) -> bool:
        """Return whether `exceeded` should be called now."""
        if self._exceeded is not None or (self._memory is None and self._pids is None):
            return False
        return time.monotonic() >= self._looks_at

    def exceeded(self, pid: int) -> str | None:
        """Check the limits of a running job that the kernel does not enforce.

        Reads the process table, which blocks for a few milliseconds.

        Returns:
            The reason if a limit was exceeded; otherwise None.
        """
        began = time.monotonic()
        found = activity.look(pid, memory_limit=self._memory)
        now = time.monotonic()
        self._looks_at = now + max(_LOOK_INTERVAL, (now - began) * _LOOK_SHARE)
        if found is not None:
            self._exceeded = self._beyond(found)
        return self._exceeded

    def _beyond(self, found: VitalSigns) -> str | None:
        memory, pids = self._memory, self._pids
        if memory is not None and (found.memory or 0) > memory:
            return f"{KILLED}used {size_text(found.memory or 0)} of {size_text(memory)}"
        if pids is not None and found.processes > pids:
            return f"{KILLED}had {found.processes} of {pids_text(pids)}"
        return None

    def members(self) -> list[Process]:
        """Return the processes in its control group, also those that left the session.

        Raises:
            OSError: If the system lacks a resource for the check.
        """
        if self._group is None:
            return []
        found = map(Process.find, proc.each_of(self._group.pids))
        return [it for it in found if it is not None and it.is_alive()]

    def kill(self) -> None:
        """Kill all processes in its control group, if there is one."""
        if self._group is not None:
            self._group.kill()

    def judged(self, outcome: Outcome) -> Outcome:
        """Return the outcome of an ended job, taking its limits into account.

        Call it once, after the end: it removes the control group if that is empty.
        """
        figures = outcome.figures or Figures()
        usage = cgroup.Usage()
        if self._group is not None:
            usage = self._group.usage()
            self._group.remove()
        peak = figures.peak_memory if usage.peak is None else usage.peak
        figures = msgspec.structs.replace(
            figures,
            cpu=figures.cpu if usage.cpu is None else usage.cpu,
            peak_memory=peak,
            at_most=figures.at_most and usage.peak is None,
            limits=self.held,
        )
        outcome = msgspec.structs.replace(outcome, figures=figures)
        if (reason := self._exceeded) is not None:
            # A shell that waited for the killed process may have exited with 0.
            return msgspec.structs.replace(
                outcome, status=TaskStatus.FAILED, reason=reason, error=reason
            )
        if outcome.status is not TaskStatus.FAILED:
            return outcome
        return self._blamed(outcome, usage, 0 if figures.at_most else peak or 0)

    def _blamed(self, outcome: Outcome, usage: cgroup.Usage, peak: int) -> Outcome:
        memory, pids = self._terms.memory, self._terms.pids
        reason = hint = ""
        if memory is not None and usage.killed:
            # The kernel counts pages, and usage never exceeds the limit.
            reason = f"{KILLED}used {size_text(memory)} of {size_text(memory)}"
        elif pids is not None and usage.refused:
            hint = f"it could not have more than {pids_text(pids)}"
        elif self._memory is not None and peak >= self._memory * _NEAR:
            hint = f"a process used {size_text(peak)} of {size_text(self._memory)}"
        if hint:
            reason = f"{outcome.reason}; {hint}"
        if not reason:
            return outcome
        return msgspec.structs.replace(outcome, reason=reason, error=reason)


def in_groups_of_session(
    session_key: str, spared: Container[int] = (), *, look: bool = False
) -> list[Process]:
    """Return the processes in the control groups of a session.

    Args:
        session_key: The key of the session.
        spared: Tasks whose processes are left out.
        look: Whether to search for groups even if this program has created none.

    Raises:
        OSError: If the system lacks a resource for the check.
    """
    base = cgroup.base() if look else _base_if_known()
    # Each listing is processed before the next.
    pids = (
        pid
        for task_id, group in cgroup.of_session(base, session_key)
        if task_id not in spared
        for pid in proc.each_of(group.pids)
    )
    return [it for it in map(Process.find, pids) if it is not None and it.is_alive()]


def remove_groups(session_key: str, spared: Container[int] = ()) -> None:
    """Remove the empty control groups of a session, except those of spared tasks."""
    for task_id, group in cgroup.of_session(_base_if_known(), session_key):
        if task_id not in spared:
            group.remove()


def _base_if_known() -> cgroup.Base | None:
    # Skip the search if this program never limited a task.
    return cgroup.base() if cgroup.base.cache_info().currsize else None


def _processors() -> int:
    # Those of the main thread: another thread may have restricted its own for a start.
    return len(os.sched_getaffinity(os.getpid()))


def _processors_for(cpus: float) -> int | None:
    """Return the number of processors for a CPU limit; None for all."""
    count = math.ceil(cpus)
    return count if count < _processors() else None


def _some_of(processors: set[int], count: int) -> set[int]:
    """Choose processors in rotation, to spread jobs over them."""
    ordered = sorted(processors)
    first = time.monotonic_ns() // 1000 % len(ordered)
    return {ordered[(first + it) % len(ordered)] for it in range(count)}


def _process_limit(pids: int) -> str:
    """Return a limit for all processes of this user; empty if it would not work."""
    if os.geteuid() == 0:
        return ""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    limit = proc.threads_of_user(os.geteuid()) + pids + _SLACK
    return str(limit if hard == resource.RLIM_INFINITY else min(limit, hard))
