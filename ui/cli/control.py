"""Verbs that end tasks, or control the order and the number of starts."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Final

from ...actors import RulesFound, TaskStatus
from ...actors.rules.safe_text import safe_line
from ..dialogue.reports import rules_lines, slots_text
from ..program.exit_status import EXIT_UNSUCCESSFUL
from .call import UsageError, complain, try_each
from .scheduling import pause_schedule

if TYPE_CHECKING:
    from ...actors import TaskFound
    from ...actors.host.remote import RemoteSystem
    from .call import Call

_PROCESS_TIMEOUT: Final = 2.0
"""Seconds for a running task to have a process, unless it waits between attempts."""

_PAUSE: Final = 0.02

ENDED: Final = "the session was ended: backburner end"
"""The reason of tasks that ended with the session."""


def cancel(call: Call, system: RemoteSystem) -> int:
    """Cancel tasks."""
    options = call.options
    return call.change_each(
        options.ids,
        lambda it: system.cancel(it, reason="canceled by you", now=options.now),
    )


def kill(call: Call, system: RemoteSystem) -> int:
    """Send a signal to the processes of tasks."""
    name = signal.Signals(call.options.signal).name

    def kill_one(task_id: int) -> int:
        found = _with_process(system, task_id)
        if found.pid is None:
            text = f"#{task_id} has no process ({found.task.status})"
            return complain(text, EXIT_UNSUCCESSFUL)
        try:
            os.killpg(found.pid, call.options.signal)
        except OSError as error:
            text = f"can't send {name} to #{task_id}: {error.strerror}"
            return complain(text, EXIT_UNSUCCESSFUL)
        call.say_done(None, f"sent {name} to #{task_id}")
        return 0

    statuses, status = try_each(call.options.ids, kill_one)
    return max(status, *statuses) if statuses else status


def _with_process(system: RemoteSystem, task_id: int) -> TaskFound:
    """Find a task; wait a moment for the process of one that has just begun."""
    deadline = time.monotonic() + _PROCESS_TIMEOUT
    while True:
        found = system.look_up(task_id)
        begins = found.task.status is TaskStatus.RUNNING and not found.task.node
        if found.pid is not None or not begins or time.monotonic() > deadline:
            return found
        time.sleep(_PAUSE)


def move(call: Call, system: RemoteSystem) -> int:
    """Move a queued task in the order."""
    options = call.options
    if (options.place == "before") is (options.other is None):
        raise UsageError("give a place: first, last, or before ID")
    first = options.place == "first"
    return call.change_each(
        [options.id], lambda it: system.move(it, first=first, before=options.other)
    )


def hold(call: Call, system: RemoteSystem) -> int:
    """Hold queued tasks, or release them."""
    change = system.hold if call.options.verb == "stash" else system.release
    return call.change_each(call.options.ids, change)


def pause(call: Call, system: RemoteSystem) -> int:
    """Pause or resume tasks, a group, or all tasks."""
    if ids := call.options.ids:
        if call.options.group or call.options.schedule is not None:
            raise UsageError("give ids, a group or a schedule, not several of these")
        paused = call.options.verb == "pause"
        change_one = system.pause_task if paused else system.resume_task
        return call.change_each(ids, change_one)
    if (schedule_id := call.options.schedule) is not None:
        return pause_schedule(call, system, schedule_id)
    change = system.pause if call.options.verb == "pause" else system.resume
    return _tell_rules(call, change(call.options.group))


def drain(call: Call, system: RemoteSystem) -> int:
    """Stop starts of a group, or of all tasks; running tasks continue."""
    return _tell_rules(call, system.drain(call.options.group))


def group(call: Call, system: RemoteSystem) -> int:
    """Show the settings of groups, or set the limit of one."""
    options = call.options
    pauses = options.pause_on_failure
    if (options.name is None) is not (options.parallel is None and pauses is None):
        raise UsageError("give a name and what to set: group NAME --parallel N")
    if options.name is None:
        rules = system.rules()
        call.show(rules, lambda: rules_lines(RulesFound(rules)))
        return 0
    rules = system.set_group(
        options.name,
        options.parallel,
        pause_on_failure=None if pauses is None else pauses == "on",
    )
    return _tell_rules(call, RulesFound(rules))


def parallel(call: Call, system: RemoteSystem) -> int:
    """Set the number of slots."""
    slots = system.set_slots(call.options.slots)
    call.say_done(slots, slots_text(slots))
    return 0


def clean(call: Call, system: RemoteSystem) -> int:
    """Remove finished tasks."""
    ids = system.forget_finished()
    call.say_done(ids, f"forgot {len(ids)} finished task{'s' * (len(ids) != 1)}")
    return 0


def end(call: Call, system: RemoteSystem) -> int:
    """End the session."""
    running = [t for t in system.list() if t.status is TaskStatus.RUNNING]
    system.end(ENDED)
    names = ", ".join(f"#{t.id} {safe_line(t.description)}" for t in running)
    ended = f"; ended {names}" if names else ""
    call.say_done(None, f"session {call.settings.name} ended{ended}")
    return 0


def _tell_rules(call: Call, found: RulesFound) -> int:
    call.say_done(
        found.rules, *rules_lines(found, paused=call.options.verb != "resume")
    )
    return 0
