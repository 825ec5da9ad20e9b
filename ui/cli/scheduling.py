"""Verbs about schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...actors import CatchUp
from ...actors.runtime.zones import zone_for
from ..dialogue.schedule_reports import schedule_lines, schedule_text
from .call import try_each

if TYPE_CHECKING:
    from ...actors import Schedule, TaskRequest
    from ...actors.host.remote import RemoteSystem
    from ...actors.session.closed import ClosedSession
    from ..dialogue.new_task import Asked
    from .call import Call


def schedule(
    call: Call, system: RemoteSystem, request: TaskRequest, asked: Asked
) -> None:
    """Add a schedule for a request."""
    schedule = system.schedule(
        request,
        asked.every,
        zone=zone_for(asked.every, asked.zone),
        catch_up=asked.catch_up or CatchUp.ONCE,
        overlap=asked.overlap,
    )
    _tell_schedules(call, [schedule])


def schedules(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """List the schedules."""
    found = system.schedules()
    call.show(found, lambda: schedule_lines(found, datetime.now(UTC)))
    return 0


def unschedule(call: Call, system: RemoteSystem) -> int:
    """Remove schedules."""
    removed, status = try_each(call.options.ids, system.unschedule)
    if removed or call.as_json:
        _tell_schedules(call, removed, removed=True)
    return status


def pause_schedule(call: Call, system: RemoteSystem, schedule_id: int) -> int:
    """Pause a schedule, or resume it."""
    paused = call.options.verb == "pause"
    found = system.pause_schedule(schedule_id, paused=paused)
    _tell_schedules(call, [found])
    return 0


def _tell_schedules(
    call: Call, schedules: list[Schedule], *, removed: bool = False
) -> None:
    now = datetime.now(UTC)
    lines = (schedule_text(it, now, removed=removed) for it in schedules)
    call.say_done(schedules, *lines, brief=(str(it.id) for it in schedules))
