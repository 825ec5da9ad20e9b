"""Commands that set the order of tasks and how many run at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import HoldTask, MoveTask, PauseTask, SetSlots, Slots, TaskAltered
from ....actors.rules.safe_text import brief, safe_line
from .. import completers
from ..answers import ParallelAnswer
from ..arguments import UsageError, task_id, task_ids
from ..registry import CommandSpec, also
from ..reports import slots_text

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class Move(msgspec.Struct, frozen=True):
    """Move a queued task in the queue.

    Attributes:
        task_id: The id of the task; None for the task added last.
        first: Whether to move it to the front; else to the end.
        before: The task before which to put it, if any.
    """

    task_id: int | None
    first: bool = False
    before: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Send the request."""
        return context.with_task(
            self.task_id,
            lambda it: alter(context, MoveTask(it, self.first, self.before)),
        )


def alter(context: Context, request: MoveTask | HoldTask | PauseTask) -> list[Effect]:
    """Send a request, then show what the task does or waits for."""

    def altered(reply: TaskAltered) -> list[Effect]:
        task = reply.task
        text = f"#{task.id} {safe_line(task.description)}: {safe_line(task.reason)}"
        return [context.reply([text])]

    return context.send(request, TaskAltered, altered)


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
    "change the place of a queued task among those of its priority",
    _parse_move,
    completers.open_task(
        (
            ("first", "before all"),
            ("last", "behind all"),
            ("before", "directly before another task, by its id"),
        )
    ),
    ("before ID also gives it the priority of that task.",),
)


class Hold(msgspec.Struct, frozen=True):
    """Hold queued tasks until they are released, or release them."""

    task_ids: tuple[int | None, ...]
    held: bool

    def run(self, context: Context) -> list[Effect]:
        """Send a request for each task."""
        return context.with_tasks(
            self.task_ids, lambda it: alter(context, HoldTask(it, self.held))
        )


def _parse_hold(name: str, rest: str, *, held: bool) -> Hold:
    otherwise = f"{name} takes the ids of queued tasks, such as: {name} 3"
    return Hold(task_ids(rest.split(), otherwise), held)


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
            "release tasks that /stash or --stash holds",
            ("/release", "/unstash"),
        ),
    )
)


class Parallel(msgspec.Struct, frozen=True):
    """Set how many tasks may run at a time; None shows the number."""

    slots: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Send the request; a notification shows a new number in every chat."""

        def answered(reply: Slots) -> list[Effect]:
            lines = [slots_text(reply.slots)] if self.slots is None else []
            return [context.reply(lines, ParallelAnswer(reply.slots))]

        return context.send(SetSlots(self.slots), Slots, answered)


def _parse_parallel(rest: str) -> Parallel:
    word = rest.strip()
    if not word:
        return Parallel()
    if word == "default":
        return Parallel(0)
    digits = word.isascii() and word.isdigit() and len(word) <= len(str(_MOST))
    if not digits or not 1 <= int(word) <= _MOST:
        raise UsageError(
            f"{brief(word)} is not a number of tasks from 1 to {_MOST}: /parallel 4"
        )
    return Parallel(int(word))


_MOST: Final = 1_000_000

PARALLEL: Final = CommandSpec(
    "/parallel",
    "[N|default]",
    "set how many tasks run at a time; without N, show it",
    _parse_parallel,
    details=(
        "N is 1 to 1000000, and is stored. A lower number ends no running task.",
        "/parallel default returns to the configured number.",
    ),
    synonyms=also("/slots"),
)
