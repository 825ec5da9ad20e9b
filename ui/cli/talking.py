"""Verbs that send input to running tasks, or attach to their terminals."""

from __future__ import annotations

import os
import sys
import termios
import time
from typing import TYPE_CHECKING, Final

from ...actors import RefusalCode, RefusedError, TaskSystemError
from ..program.exit_status import EXIT_SIGNAL
from ..program.terminals import as_line, terminal_problem
from .call import UsageError

if TYPE_CHECKING:
    from ...actors.host.remote import RemoteSystem
    from .call import Call

_CHUNK: Final = 1 << 14
_PAUSE: Final = 0.05


def send(call: Call, system: RemoteSystem) -> int:
    """Send a line, or the standard input, to a task."""
    options = call.options
    task = system.get(options.id)
    if options.text:
        text = " ".join(options.text)
        line = as_line(task, text)
        _give(system, task.id, line[:-1] if options.no_newline else line)
    elif not options.end and sys.stdin.isatty():
        raise UsageError("missing text; give one, or --end, or input such as: < FILE")
    elif not sys.stdin.isatty():
        while data := os.read(0, _CHUNK):
            _give(system, task.id, data)
    if options.end:
        system.send_input(task.id, end=True)
    return 0


def _give(system: RemoteSystem, task_id: int, data: bytes) -> None:
    """Send input; wait while the task does not read."""
    while data:
        part, data = data[:_CHUNK], data[_CHUNK:]
        while True:
            try:
                system.send_input(task_id, part)
                break
            except RefusedError as error:
                if error.code is not RefusalCode.BUSY:
                    raise
            time.sleep(_PAUSE)


def attach(call: Call, system: RemoteSystem) -> int:
    """Show the terminal of a task, and send it the keys."""
    from ..program.attach import attach as show  # noqa: PLC0415 - seldom needed
    from ..program.wakeup import DRAWING_SIGNALS, Wakeup  # noqa: PLC0415 - the same

    task = system.get(call.options.id)
    if (problem := terminal_problem(task)) is not None:
        raise TaskSystemError(problem)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("attach needs a terminal; `backburner send` needs none")
    try:
        with Wakeup(DRAWING_SIGNALS) as wakeup:
            end = show(system, task, sys.stdin.fileno(), sys.stdout.fileno(), wakeup)
    except termios.error as error:
        raise TaskSystemError(
            f"the terminal can't be used: {error.args[-1]}"
        ) from error
    call.say(end.text)
    return 0 if end.signal is None else EXIT_SIGNAL + end.signal
