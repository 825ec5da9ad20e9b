"""Commands that pause and resume tasks, and commands for groups."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import GetRules, PauseQueue, PauseTask, RulesFound, SetGroup
from ....actors.rules.safe_text import brief
from ....actors.rules.terms import MOST, is_group_name
from .. import completers
from ..arguments import UsageError, task_id
from ..registry import CommandSpec, also
from ..reports import rules_lines
from .schedules import pause_schedule, schedule_id
from .scheduling import alter

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class PauseTasks(msgspec.Struct, frozen=True):
    """Pause tasks, or resume them; None means the task added last."""

    task_ids: tuple[int | None, ...]
    paused: bool = True

    def run(self, context: Context) -> list[Effect]:
        """Send a request for each task."""
        return context.with_tasks(
            self.task_ids, lambda it: alter(context, PauseTask(it, self.paused))
        )


class Pause(msgspec.Struct, frozen=True):
    """Pause or resume the whole queue, a group or a schedule.

    Running tasks are paused as well, except by a drain.
    """

    group: str | None = None
    paused: bool = True
    schedule: int | None = None
    drain: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Send the request."""
        if self.schedule is not None:
            return pause_schedule(context, self.schedule, paused=self.paused)
        request = PauseQueue(self.group, self.paused, self.drain)
        return _rule(context, request, paused=self.paused)


def _rule(
    context: Context, request: PauseQueue | GetRules | SetGroup, *, paused: bool = True
) -> list[Effect]:
    return context.send(
        request,
        RulesFound,
        lambda reply: [context.reply(rules_lines(reply, paused=paused))],
    )


def _group_name(word: str) -> str:
    if not is_group_name(word):
        raise UsageError(f"{brief(word)} is not a group; use a short name")
    return word


def _parse_pause(name: str, rest: str, *, paused: bool) -> Pause | PauseTasks:
    match rest.split():
        case [] | ["--all"]:
            return Pause(None, paused)
        case ["--group", group]:
            return Pause(_group_name(group), paused)
        case ["--schedule", word]:
            return Pause(None, paused, schedule_id(word))
        case [first, *_] as words if not first.startswith("-"):
            return PauseTasks(tuple(task_id(word) for word in words), paused)
        case _:
            raise UsageError(
                f"{name} takes nothing, ids, a group or a schedule: {name} 3,"
                f" {name} --group NAME, {name} --schedule ID"
            )


_WHOSE: Final = (
    ("--all", "all tasks"),
    ("--group", "one group, by its name"),
    ("--schedule", "one schedule, by its id"),
)

PAUSE, RESUME = (
    CommandSpec(
        name,
        "[ID... | --group NAME | --schedule ID]",
        summary,
        partial(_parse_pause, name, paused=paused),
        completers.whose(_WHOSE),
        details,
        synonyms=also(*others),
    )
    for name, paused, summary, others, details in (
        (
            "/pause",
            True,
            "pause tasks, a group or a schedule; without arguments, everything",
            ("/suspend",),
            (
                "A running task keeps its slot; its time limit excludes the pause.",
                "A queued task is held, as by /stash. /drain pauses no running task.",
            ),
        ),
        (
            "/resume",
            False,
            "continue after /pause or /drain",
            ("/unpause", "/continue"),
            (),
        ),
    )
)


def _parse_drain(rest: str) -> Pause:
    match rest.split():
        case [] | ["--all"]:
            return Pause(drain=True)
        case ["--group", group]:
            return Pause(_group_name(group), drain=True)
        case _:
            raise UsageError(
                "/drain takes nothing or a group: /drain --group NAME; /pause 3 pauses"
                " a task"
            )


DRAIN: Final = CommandSpec(
    "/drain",
    "[--group NAME]",
    "start no more tasks; running ones finish",
    _parse_drain,
    completers.options(_WHOSE[:2]),
    ("/resume starts tasks again.",),
)


class SetUpGroup(msgspec.Struct, frozen=True):
    """Change the settings of a group; without a name, list all groups."""

    name: str | None = None
    slots: int | None = None
    pause_on_failure: bool | None = None

    def run(self, context: Context) -> list[Effect]:
        """Send the request."""
        name = self.name
        if name is None:
            return _rule(context, GetRules())
        return _rule(context, SetGroup(name, self.slots, self.pause_on_failure))


def _parse_group(rest: str) -> SetUpGroup:
    match rest.split():
        case []:
            return SetUpGroup()
        case [name, "--parallel", slots] if slots.isascii() and slots.isdigit():
            if (number := int(slots[:18])) > MOST:
                what = f"{brief(slots)} is not a number of tasks from 0 to {MOST}"
                raise UsageError(f"--parallel: {what}")
            return SetUpGroup(_group_name(name), number)
        case [name, "--pause-on-failure", "on" | "off" as word]:
            return SetUpGroup(_group_name(name), pause_on_failure=word == "on")
        case _:
            raise UsageError(
                "/group takes a name and what to set: /group builds --parallel 2,"
                " /group builds --pause-on-failure on"
            )


GROUP: Final = CommandSpec(
    "/group",
    "[NAME --parallel N | NAME --pause-on-failure on|off]",
    "set how many tasks of a group run at a time, or show the groups",
    _parse_group,
    completers.options(
        (
            ("--parallel", "how many; 0: no limit"),
            ("--pause-on-failure", "on: start no more tasks when one fails; or off"),
        )
    ),
    ("Tasks without --group are in the group default.",),
    also("/groups"),
)
