"""Verbs about sessions and their hosts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...actors import TaskCounts, TaskFilter, TaskSystemError
from ...actors.host import launch, starting
from ...actors.host.address import is_served
from ...actors.host.settings import HostSettings
from ...actors.host.stopping import runs_jobs, stop_any
from ...actors.host.waited_for import waited_for
from ...actors.processes.output_file import read_tail
from ...actors.rules.safe_text import safe_line, safe_lines
from ...actors.session.closed import ClosedSession
from ..program.exit_status import EXIT_UNSUCCESSFUL
from ..program.long_waits import telling
from .call import complain
from .reaching import reached

if TYPE_CHECKING:
    from .call import Call

_OF_A_SESSION: Final = ("session.db", "host.sock")
_STOPPED: Final = "the session's host was stopped"


def sessions(call: Call) -> int:
    """List the sessions and the numbers of their tasks; starts no host."""
    found: list[dict[str, Any]] = []
    with contextlib.suppress(FileNotFoundError):
        for folder in sorted(call.state.iterdir()):
            if any(os.path.lexists(folder / it) for it in _OF_A_SESSION):
                served = is_served(folder)
                counts, problem = _counts(folder, served=served)
                found.append(
                    {
                        "name": folder.name,
                        "host": served,
                        "counts": counts,
                        "problem": problem,
                    }
                )
    call.show(found, lambda: map(_line_of, found))
    return 0


def _line_of(session: dict[str, Any]) -> str:
    counts: TaskCounts | None = session["counts"]
    told = session["problem"]
    if counts is not None:
        told = (
            f"{counts.running} running, {counts.queued} queued, {counts.failed} failed"
        )
    host = "host" if session["host"] else "-"
    return f"{safe_line(session['name'])}  {host}  {safe_line(told)}"


def _counts(folder: Path, *, served: bool) -> tuple[TaskCounts | None, str]:
    """Return the counts of a session's tasks, or None and the reason.

    Blocks until its host has answered.
    """
    try:
        if not served:
            return ClosedSession(folder).find().counts, ""
        settings = HostSettings(directory=str(folder), name=folder.name)
        with reached(settings, start_host=False) as system:
            return system.find(TaskFilter.RUNNING).counts, ""
    except (TaskSystemError, TimeoutError, OSError, ValueError) as error:
        return None, str(error)


def host(call: Call) -> int:
    """Start, stop, restart or inspect the host."""
    action = call.options.action
    directory = Path(call.settings.directory)
    if action == "logs":
        log = directory / launch.LOG_NAME
        try:
            data, _ = read_tail(log, launch.LONGEST_LOG)
        except OSError as error:
            return complain(f"can't read {log}: {error.strerror}", EXIT_UNSUCCESSFUL)
        call.say(*safe_lines(data.decode("utf-8", "replace")))
        return 0
    if action == "run":
        starting.run_in_foreground(call.settings)
    if action == "stop":
        if (status := _stop_host(call)) == 0:
            call.say_done(None, f"session {call.settings.name} has no host now")
        return status
    if action == "restart" and (status := _restart_host(call)):
        return status
    starts = action in {"start", "restart"}
    with reached(call.settings, start_host=starts) as system:
        welcome = system.welcome
    call.say_done(
        welcome,
        f"session {welcome.session}: host {welcome.program}, process {welcome.pid},"
        f" {welcome.slots} slots",
    )
    return 0


def _restart_host(call: Call) -> int:
    """Replace the host, keeping all tasks; start one if there is none.

    A host of another protocol can't hand over its tasks, so it is stopped.
    """
    try:
        with telling(call.settings.name, lambda: waited_for(call.settings.directory)):
            starting.restart(call.settings).sock.close()
    except starting.NoHostError:
        return 0
    except starting.OtherProtocolError:
        return _stop_host(call)
    return 0


def _stop_host(call: Call) -> int:
    try:
        with reached(call.settings, start_host=False) as system:
            running = system.list(TaskFilter.RUNNING)
            if running and not call.options.force:
                names = ", ".join(f"#{task.id}" for task in running)
                text = f"{names} would be ended; wait for them, or use --force"
                return complain(text, EXIT_UNSUCCESSFUL)
            system.end(_STOPPED)
    except starting.NoHostError:
        return 0
    except starting.OtherProtocolError as error:
        if runs_jobs(error.pid) and not call.options.force:
            text = "its running tasks would be ended; wait for them, or use --force"
            return complain(f"{error}; {text}", EXIT_UNSUCCESSFUL)
        stop_any(Path(call.settings.directory), _STOPPED)
    return 0
