"""Verbs that summarize the outcomes of tasks."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...actors import TaskFilter
from ..dialogue.exports import (
    digest_lines,
    explained,
    failures_of,
    json_line,
    write_export,
)
from ..dialogue.statistics import statistics_of, stats_lines
from ..program.exit_status import EXIT_UNSUCCESSFUL
from .call import complain

if TYPE_CHECKING:
    from ...actors.host.remote import RemoteSystem
    from ...actors.session.closed import ClosedSession
    from .call import Call


def stats(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """Count ended tasks, and show statistics of their waiting and running times."""
    found = statistics_of(system.list(TaskFilter.ALL), datetime.now(UTC))
    call.show(found, lambda: stats_lines(found))
    return 0


def failures(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """List the failed tasks, each with its last lines."""
    found = failures_of(system.list(TaskFilter.FAILED))
    call.show(found, lambda: digest_lines(found))
    return 0


def export(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """Write all tasks to standard output, or into a new file."""
    tasks = system.list(TaskFilter.ALL)
    name = call.options.file
    if name in {None, "-"}:
        for task in tasks:
            sys.stdout.write(f"{json_line(task)}\n")
        sys.stdout.flush()
        return 0
    try:
        now, force = datetime.now(UTC), call.options.force
        told = write_export(name, tasks, now, replaces=force)
    except OSError as error:
        return complain(explained(error, name), EXIT_UNSUCCESSFUL)
    call.say_done(None, told)
    return 0
