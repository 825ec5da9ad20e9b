"""Commands that say which task starts when, and how many at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import (
    GetRules,
    HoldTask,
    MoveTask,
    PauseQueue,
    QueueReply,
    RulesFound,
    SetGroup,
    SetSlots,
    Slots,
    TaskAltered,
)
from ....actors.rules.safe_text import brief, safe_line
from ....actors.rules.terms import is_group_name
from .. import completers
from ..answers import ParallelAnswer
from ..arguments import UsageError, task_id
from ..registry import CommandSpec, also
from ..reports import rules_lines, slots_text
from .schedules import pause_schedule, schedule_id

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class Move(msgspec.Struct, frozen=True):
    """Put a queued task elsewhere in the order.

    Attributes:
        task_id: Which; none for the one added last.
        first: Whether first, or last.
        before: Another one before which it is put, if any.
    """

    task_id: int | None
    first: bool = False
    before: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        return context.with_task(
            self.task_id,
            lambda wanted: context.send(
                lambda i: MoveTask(wanted, self.first, self.before, None, i),
                lambda reply: _altered(context, reply),
            ),
        )


def _altered(context: Context, reply: QueueReply) -> list[Effect]:
    if not isinstance(reply, TaskAltered):
        return []
    task = reply.task
    text = f"#{task.id} {safe_line(task.description)}: {safe_line(task.reason)}"
    return [context.reply([text])]


def _parse_move(rest: str) -> Move:
    match rest.split():
        case [word, "first"]:
            return Move(task_id(word), first=True)
        case [word, "last"]:
            return Move(task_id(word))
        case [word, "before", other] if (before := task_id(other)) is not None:
            return Move(task_id(word), before=before)
        case _:
            raise UsageError(
                "/move takes a task and a place, such as: /move 3 before 5"
            )


MOVE: Final = CommandSpec(
    "/move",
    "ID first|last|before ID",
    "change when a queued task starts, among those of its priority",
    _parse_move,
    completers.open_task(
        (
            ("first", "before all"),
            ("last", "behind all"),
            ("before", "right before another one, whose id follows"),
        )
    ),
    ("Before another task it gets the priority of that one.",),
)


class Hold(msgspec.Struct, frozen=True):
    """Let queued tasks wait until they are released, or release them."""

    task_ids: tuple[int | None, ...]
    held: bool

    def run(self, context: Context) -> list[Effect]:
        """Ask for it, one by one."""

        def hold(wanted: int) -> list[Effect]:
            return context.send(
                lambda i: HoldTask(wanted, self.held, None, i),
                lambda reply: _altered(context, reply),
            )

        return [e for it in self.task_ids for e in context.with_task(it, hold)]


def _parse_hold(name: str, rest: str, *, held: bool) -> Hold:
    words = rest.split()
    if not words:
        raise UsageError(f"{name} takes the ids of queued tasks, such as: {name} 3")
    return Hold(tuple(task_id(word) for word in words), held)


STASH, ENQUEUE = (
    CommandSpec(
        name,
        "ID...",
        summary,
        partial(_parse_hold, name, held=held),
        completers.open_tasks(),
        synonyms=also(*others),
    )
    for name, held, summary, others in (
        ("/stash", True, "hold queued tasks until /enqueue", ("/hold",)),
        (
            "/enqueue",
            False,
            "let tasks start that were held by /stash or --stash",
            ("/release", "/unstash"),
        ),
    )
)


class Pause(msgspec.Struct, frozen=True):
    """Start nothing, or tasks again; of a group or a schedule, or at all."""

    group: str | None = None
    paused: bool = True
    schedule: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        if self.schedule is not None:
            return pause_schedule(context, self.schedule, paused=self.paused)
        return context.send(
            lambda i: PauseQueue(self.group, self.paused, None, i),
            lambda reply: _ruled(context, reply),
        )


def _ruled(context: Context, reply: QueueReply) -> list[Effect]:
    if not isinstance(reply, RulesFound):
        return []
    return [context.reply(rules_lines(reply.rules))]


def _group_name(word: str) -> str:
    if not is_group_name(word):
        raise UsageError(f"{brief(word)} is not a group; use a short name")
    return word


def _parse_pause(name: str, rest: str, *, paused: bool) -> Pause:
    match rest.split():
        case [] | ["--all"]:
            return Pause(None, paused)
        case ["--group", group]:
            return Pause(_group_name(group), paused)
        case ["--schedule", word]:
            return Pause(None, paused, schedule_id(word))
        case _:
            raise UsageError(
                f"{name} takes nothing, a group or a schedule: {name} --group NAME,"
                f" {name} --schedule ID"
            )


_WHOSE: Final = (
    ("--all", "all tasks"),
    ("--group", "those of one group, whose name follows"),
    ("--schedule", "those of one schedule, whose id follows"),
)

PAUSE, RESUME = (
    CommandSpec(
        name,
        "[--group NAME | --schedule ID]",
        summary,
        partial(_parse_pause, name, paused=paused),
        completers.whose(_WHOSE),
        synonyms=also(*others),
    )
    for name, paused, summary, others in (
        ("/pause", True, "start no more tasks; those that run go on", ("/drain",)),
        (
            "/resume",
            False,
            "start tasks again after /pause",
            ("/unpause", "/continue"),
        ),
    )
)


class SetUpGroup(msgspec.Struct, frozen=True):
    """Set how many tasks of a group run at a time; none for a look at all groups."""

    name: str | None = None
    slots: int = 0

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        name = self.name
        if name is None:
            return context.send(
                lambda i: GetRules(None, i), lambda reply: _ruled(context, reply)
            )
        return context.send(
            lambda i: SetGroup(name, self.slots, None, i),
            lambda reply: _ruled(context, reply),
        )


def _parse_group(rest: str) -> SetUpGroup:
    match rest.split():
        case []:
            return SetUpGroup()
        case [name, "--parallel", slots] if slots.isascii() and slots.isdigit():
            return SetUpGroup(_group_name(name), int(slots[:9]))
        case _:
            raise UsageError(
                "/group takes a name and a number: /group builds --parallel 2"
            )


GROUP: Final = CommandSpec(
    "/group",
    "[NAME --parallel N]",
    "set how many tasks of a group run at a time, or show what is set",
    _parse_group,
    completers.options((("--parallel", "how many; 0 for as many as there is room"),)),
    ("A task without --group is in the group default.",),
    also("/groups"),
)


class Parallel(msgspec.Struct, frozen=True):
    """Let so many tasks run at a time; none asks how many there are."""

    slots: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Ask for it; a new number is announced to everybody, so here as well."""

        def answered(reply: QueueReply) -> list[Effect]:
            if not isinstance(reply, Slots):
                return []
            lines = [slots_text(reply.slots)] if self.slots is None else []
            return [context.reply(lines, ParallelAnswer(reply.slots))]

        return context.send(lambda i: SetSlots(self.slots, None, i), answered)


def _parse_parallel(rest: str) -> Parallel:
    word = rest.strip()
    if not word:
        return Parallel()
    digits = word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS
    if not digits or int(word) < 1:
        raise UsageError(
            f"{brief(word)} is not a number of tasks; give one from 1: /parallel 4"
        )
    return Parallel(int(word))


_MOST_DIGITS: Final = 6

PARALLEL: Final = CommandSpec(
    "/parallel",
    "[N]",
    "let N tasks run at a time, until the session is closed",
    _parse_parallel,
    details=("With fewer than run now, none is ended.",),
    synonyms=also("/slots"),
)
