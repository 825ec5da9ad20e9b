"""Verbs that show tasks."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Final

from ...actors import TaskFilter
from ...actors.host.remote import RemoteSystem
from ..dialogue.node_reports import node_lines
from ..dialogue.task_lists import list_lines, select
from ..program.exit_status import EXIT_UNSUCCESSFUL
from .ends import warn_if_outdated
from .one_task import Shown

if TYPE_CHECKING:
    from ...actors.session.closed import ClosedSession
    from .call import Call

_FILTERS: Final = {None: TaskFilter.NOT_CANCELED, "completed": TaskFilter.COMPLETE}


def status(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """List tasks."""
    name = call.options.which
    which = _FILTERS.get(name) or TaskFilter(name)
    while True:
        answer = system.find(which)
        answer = select(answer, call.options.group, call.options.label)
        if call.as_json:
            call.say_json(answer.tasks)
        else:
            if call.options.watch and sys.stdout.isatty():
                sys.stdout.write("\x1b[H\x1b[2J")
            call.say(*_fitted(list_lines(answer, which, call.icons)))
        warn_if_outdated(system)
        if not call.options.watch or not isinstance(system, RemoteSystem):
            return 0
        time.sleep(1.0)


def _fitted(lines: list[str]) -> list[str]:
    """Cut table rows to the width of the terminal, if output goes to one."""
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        columns = 0
    if not columns:
        return lines
    from ..text.cells import clip  # noqa: PLC0415 - a script needs none of it

    return [clip(it, columns, "...") for it in lines]


def show(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """Show all properties of a task."""
    shown = Shown(system, system.look_up(call.options.id))
    if call.as_json:
        call.say_json(shown.data())
    else:
        call.say(*shown.lines(call.icons))
    return 0


def cluster(call: Call, system: RemoteSystem) -> int:
    """Show the nodes of the cluster."""
    found = system.nodes(address=call.options.address)
    call.show(found, lambda: node_lines(found, system.list(TaskFilter.RUNNING)))
    return EXIT_UNSUCCESSFUL if found.problem else 0
