"""Commands for schedules, which add tasks repeatedly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import (
    AddSchedule,
    CatchUp,
    ListSchedules,
    PauseSchedule,
    RemoveSchedule,
    SchedulesFound,
    TaskRequest,
)
from ....actors.rules.safe_text import brief
from ....actors.runtime.zones import zone_for
from .. import completers
from ..answers import SchedulesAnswer
from ..arguments import UsageError
from ..registry import CommandSpec, alone, also
from ..schedule_reports import schedule_lines, schedule_text

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect
    from ..new_task import Asked

_MOST_DIGITS: Final = 15


def add_schedule(context: Context, request: TaskRequest, asked: Asked) -> list[Effect]:
    """Add a schedule; the default time zone is that of this program."""
    try:
        zone = zone_for(asked.every, asked.zone)
    except ValueError as error:
        return [context.problem(f"{error}: --zone NAME")]
    catch_up = asked.catch_up or CatchUp.ONCE
    return _change(
        context, AddSchedule(request, asked.every, zone, catch_up, asked.overlap)
    )


def pause_schedule(context: Context, wanted: int, *, paused: bool) -> list[Effect]:
    """Pause or resume a schedule."""
    return _change(context, PauseSchedule(wanted, paused))


def _change(
    context: Context, request: AddSchedule | PauseSchedule | RemoveSchedule
) -> list[Effect]:
    removed = isinstance(request, RemoveSchedule)

    def found(reply: SchedulesFound) -> list[Effect]:
        found, now = reply.schedules, context.now()
        lines = [schedule_text(it, now, removed=removed) for it in found]
        return [context.reply(lines, SchedulesAnswer(found))]

    return context.send(request, SchedulesFound, found)


def schedule_id(word: str) -> int:
    """Parse the id of a schedule."""
    if not (word.isascii() and word.isdigit()) or len(word) > _MOST_DIGITS:
        raise UsageError(
            f"{brief(word)} is not the id of a schedule; /schedules lists them"
        )
    return int(word)


class ShowSchedules(msgspec.Struct, frozen=True):
    """List the schedules."""

    def run(self, context: Context) -> list[Effect]:
        """Request the schedules and list them."""

        def listed(reply: SchedulesFound) -> list[Effect]:
            lines = schedule_lines(reply.schedules, context.now())
            answer = SchedulesAnswer(reply.schedules)
            return [context.reply(lines, answer, laid_out=True)]

        return context.send(ListSchedules(), SchedulesFound, listed)


class Unschedule(msgspec.Struct, frozen=True):
    """Remove schedules."""

    schedule_ids: tuple[int, ...]

    def run(self, context: Context) -> list[Effect]:
        """Send a request for each schedule."""
        return [
            effect
            for it in self.schedule_ids
            for effect in _change(context, RemoveSchedule(it))
        ]


def _parse_unschedule(rest: str) -> Unschedule:
    words = rest.split()
    if not words:
        raise UsageError("remove which schedule? Give its id: /unschedule 1")
    return Unschedule(tuple(schedule_id(word) for word in words))


SCHEDULES: Final = CommandSpec(
    "/schedules",
    "",
    "list the schedules, which /task --every creates",
    alone("/schedules", ShowSchedules()),
    synonyms=also("/cron", "/crontab", "/timers"),
    private=True,
)

UNSCHEDULE: Final = CommandSpec(
    "/unschedule",
    "ID...",
    "remove a schedule; tasks that it added stay",
    _parse_unschedule,
    completers.schedules,
)
