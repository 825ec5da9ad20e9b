"""Verbs that wait for tasks, or show their output."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...actors import CancelTask, RefusedError, Task, TaskStatus, TaskSystemError
from ...actors.host.remote import RemoteSystem
from ...actors.rules.outcome import TIMED_OUT
from ...actors.rules.safe_text import safe_line
from ...actors.runtime.sending import post_if_alive
from ...actors.session.output_lines import place_of_last
from ..dialogue.reports import news_text
from ..program.exit_status import EXIT_SIGNAL, EXIT_UNSUCCESSFUL
from .adding import request_of
from .call import UsageError, complain
from .ends import TaskEnds, reporting_waits
from .output import OutputCopy
from .searching import search_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...actors import Task
    from ...actors.session.closed import ClosedSession
    from ..dialogue.new_task import Asked
    from .call import Call

EXIT_TIMEOUT: Final = 124
"""The exit status of a timeout, as of `timeout`."""

_PAUSE: Final = 0.1
"""Seconds between two checks of a growing file; the end of its task is notified."""

_LATE: Final = 1.0
"""Seconds before the reason of a delayed start is reported."""

_SIGNALED: Final = re.compile(r"killed by signal (\d+)")


def run(call: Call, system: RemoteSystem) -> int:
    """Add a task, show its output, and exit with its status."""
    with TaskEnds(system) as ends:
        asked: Asked = call.options.asked
        if asked.every or asked.each or asked.batch:
            raise UsageError(
                "run waits for one task; use add for --every, --each and --batch"
            )
        request = request_of(call)
        call.confirm(request.args)
        task = system.add_request(request)
        try:
            with reporting_waits(system, [task.id], call.where):
                return _follow_to_end(call, system, ends, task)
        except OSError as error:
            # The task may have ended.
            see = f"backburner log -f {task.id}{call.where}"
            error.add_note(f"added #{task.id}; see: {see}")
            raise


def log(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """Show the output of a task."""
    options = call.options
    if options.all:
        return search_all(call, system)
    task = _logged_task(call, system)
    try:
        pattern = re.compile(options.grep) if options.grep else None
    except re.error as error:
        raise UsageError(
            f"{options.grep!r} is not a regular expression: {error}"
        ) from error
    offset = options.since.offset if options.since else 0
    if options.lines is not None and task.output_path is not None:
        with contextlib.suppress(FileNotFoundError):  # it has printed nothing yet
            place = place_of_last(Path(task.output_path), options.lines)
            offset = max(offset, place)
    output = OutputCopy(task, offset, pattern, as_json=call.as_json)
    try:
        output.copy(task)
        if options.follow:
            _follow(call, system, task, output)
    finally:
        if options.since and not call.as_json:
            sys.stderr.write(f"next: --since {output.position}\n")
    output.end()
    return 0


def _follow(
    call: Call, system: RemoteSystem | ClosedSession, task: Task, output: OutputCopy
) -> None:
    if not isinstance(system, RemoteSystem):
        system.wait(task.id)
        return
    start = _LateStart(system)
    with TaskEnds(system) as ends, reporting_waits(system, [task.id], call.where):
        while not task.status.is_final:
            (task,) = ends.wait((task.id,), _PAUSE) or (start.report(task),)
            output.copy(task)


def wait(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """Wait until tasks have ended."""
    options = call.options
    ids = options.ids or [t.id for t in system.list() if not t.status.is_final]
    for task_id in ids:
        system.get(task_id)
    if not ids:
        sys.stderr.write("backburner: nothing to wait for: no task is open\n")
    try:
        with reporting_waits(system, ids, call.where):
            if options.any and ids:
                ended = _wait_for_any(system, ids, options.timeout)
            else:
                ended = system.wait(*ids, timeout=options.timeout) if ids else ()
    except TimeoutError as error:
        return complain(str(error), EXIT_TIMEOUT)
    call.show(ended, lambda: (news_text(task, call.icons) for task in ended))
    statuses = [_status_of(task) for task in ended]
    if len(statuses) == 1:
        return statuses[0]
    return EXIT_UNSUCCESSFUL if any(statuses) else 0


def _follow_to_end(call: Call, system: RemoteSystem, ends: TaskEnds, task: Task) -> int:
    output, start = OutputCopy(task), _LateStart(system)
    while True:
        try:
            output.copy(task)
            if task.status.is_final:
                break
            (task,) = ends.wait((task.id,), _PAUSE) or (start.report(task),)
        except KeyboardInterrupt:
            status = _ask_about(call, system, task)
            if status is not None:
                return status
    if task.status is not TaskStatus.COMPLETE:
        sys.stderr.write(f"{news_text(task, call.icons)}\n")
    return _status_of(task)


class _LateStart:
    """Reports once on standard error why a task has not started after a moment."""

    def __init__(self, system: RemoteSystem) -> None:
        self._system = system
        self._at: float | None = time.monotonic() + _LATE

    def report(self, task: Task) -> Task:
        """Report the reason when it is due; return the task. Blocks for the queue."""
        if self._at is not None and time.monotonic() >= self._at:
            self._at = None
            now = _now(self._system, task)
            if now.status is TaskStatus.QUEUED:
                sys.stderr.write(f"#{now.id} is queued: {safe_line(now.reason)}\n")
        return task


def _now(system: RemoteSystem, task: Task) -> Task:
    """Return the current state of a task, or the given one on a timeout."""
    with contextlib.suppress(TimeoutError, RefusedError):
        return system.get(task.id, answer_timeout=_LATE)
    return task


def _ask_about(call: Call, system: RemoteSystem, task: Task) -> int | None:
    """Ask how to handle Ctrl+C; return an exit status to leave with, or None."""
    leave = EXIT_SIGNAL + signal.SIGINT
    is_queued = _now(system, task).status is TaskStatus.QUEUED
    kept = "stays queued" if is_queued else "keeps running"
    left = f"#{task.id} {kept}; see: backburner log -f {task.id}{call.where}\n"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.stderr.write(left)
        return leave
    sys.stderr.write(
        f"\n#{task.id}: Ctrl+C again cancels it, Enter leaves it in the background,"
        " g and Enter continues to show it: "
    )
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        # The session may have ended meanwhile, and the task with it.
        post_if_alive(system.queue, CancelTask(task.id, "canceled by you"))
        return None
    if answer.strip().lower().startswith("g"):
        return None
    sys.stderr.write(left)
    return leave


def _logged_task(call: Call, system: RemoteSystem | ClosedSession) -> Task:
    options = call.options
    since = options.since.task_id if options.since else None
    task_id = since if options.id is None else options.id
    if since not in {None, task_id}:
        raise UsageError(
            f"--since {options.since} is a position in the output of #{since}, not of"
            f" #{task_id}"
        )
    if task_id is None:
        tasks = system.list()
        if not tasks:
            raise TaskSystemError("there is no task yet")
        task_id = tasks[-1].id
    task = system.get(task_id)
    if task.output_path is None:
        raise TaskSystemError(f"#{task.id} has no output")
    return task


def _wait_for_any(
    system: RemoteSystem | ClosedSession, ids: Sequence[int], timeout: float
) -> tuple[Task, ...]:
    if not isinstance(system, RemoteSystem):
        ended = tuple(it for it in map(system.get, ids) if it.status.is_final)
        return ended or system.wait(*ids)
    with TaskEnds(system) as ends:
        ended = ends.wait(ids, timeout)
    if not ended:
        raise TimeoutError(f"none of the tasks has ended within {timeout:g} s")
    return ended


def _status_of(task: Task) -> int:
    """Return the exit status for the outcome of a task."""
    if task.status is TaskStatus.COMPLETE:
        return 0
    if task.status is TaskStatus.FAILED and task.reason.startswith(TIMED_OUT):
        return EXIT_TIMEOUT
    if task.exit_code:
        return task.exit_code
    if found := _SIGNALED.search(task.reason):
        return EXIT_SIGNAL + int(found[1])
    return EXIT_UNSUCCESSFUL
