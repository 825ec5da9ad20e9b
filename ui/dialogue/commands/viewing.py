"""Commands that show tasks or wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import ListTasks, TaskFilter, TaskFound, TaskList, TaskStatus
from ....actors.rules.safe_text import brief
from .. import completers
from ..answers import Activity, OutputAnswer, ShowAnswer, TasksAnswer
from ..arguments import UsageError, only_task_id, split_word
from ..effects import Effect, Inspect
from ..lookups import LookAtTask, ReadOutput, TaskLook
from ..quoting import QUOTES, read_quoted
from ..registry import CommandSpec, also
from ..reports import activity_facts, detail_lines
from ..task_lists import list_lines, select
from ..task_output import OutputText, output_lines
from ..usage import activity_of, usage_facts
from ..waits import Wait as PendingWait

if TYPE_CHECKING:
    from ..context import Context


class ShowTasks(msgspec.Struct, frozen=True):
    """List tasks.

    Attributes:
        which: The status of the listed tasks.
        group: The group of the listed tasks; None for all.
        label: A text that the descriptions contain; None for all.
    """

    which: TaskFilter
    group: str | None = None
    label: str | None = None

    def run(self, context: Context) -> list[Effect]:
        """Request the tasks and list them."""

        def listed(reply: TaskList) -> list[Effect]:
            chosen = select(reply, self.group, self.label)
            lines = list_lines(chosen, self.which, context.icons)
            answer = TasksAnswer(chosen.tasks, chosen.counts)
            return [context.reply(lines, answer, laid_out=True)]

        return context.send(ListTasks(self.which), TaskList, listed)


FILTERS: Final = {
    "--all": (TaskFilter.ALL, "all tasks, including canceled ones"),
    "--queued": (TaskFilter.QUEUED, "tasks that wait for a slot"),
    "--running": (TaskFilter.RUNNING, "running tasks"),
    "--completed": (TaskFilter.COMPLETE, "completed tasks"),
    "--failed": (TaskFilter.FAILED, "failed tasks"),
    "--canceled": (TaskFilter.CANCELED, "canceled tasks"),
    "--finished": (TaskFilter.FINISHED, "tasks that have ended, in any status"),
}
"""The filters of `/tasks`, and their meanings."""


def _parse_tasks(rest: str) -> ShowTasks:
    words: list[str] = []
    given: dict[str, str] = {}
    while rest := rest.lstrip():
        word, rest = split_word(rest)
        if word in {"--group", "--label"}:
            value, rest = (
                read_quoted(rest) if rest[:1] in QUOTES and rest else split_word(rest)
            )
            if not value:
                raise UsageError(f"{word} takes a value, such as: /tasks {word} builds")
            given[word.removeprefix("--")] = value
        else:
            words.append(word)
    return msgspec.structs.replace(_parse_filter(" ".join(words)), **given)


def _parse_filter(word: str) -> ShowTasks:
    if not word:
        return ShowTasks(TaskFilter.NOT_CANCELED)
    if len(words := word.split()) > 1 and FILTERS.keys() >= set(words):
        raise UsageError(f"/tasks takes one filter, such as: /tasks {words[0]}")
    if word.removeprefix("#").isdigit():
        raise UsageError(f"/tasks takes a filter; for one task: /show {brief(word)}")
    if word not in FILTERS:
        raise UsageError(
            f"unknown filter {brief(word)}; use one of: {' '.join(FILTERS)}"
        )
    return ShowTasks(FILTERS[word][0])


TASKS: Final = CommandSpec(
    "/tasks",
    "[FILTER] [--group NAME] [--label TEXT]",
    "list tasks; without a filter, all except canceled ones",
    _parse_tasks,
    completers.options(
        (
            *((name, text) for name, (_, text) in FILTERS.items()),
            ("--group", "tasks of this group"),
            ("--label", "tasks whose description contains this"),
        )
    ),
    (f"Filters: {' '.join(FILTERS)}",),
    also("/list", "/ls", "/ps", "/jobs", "/status", "/queue", "/top"),
    private=True,
)


class ShowTask(msgspec.Struct, frozen=True):
    """Show all facts about a task; None means the task added last."""

    task_id: int | None

    def run(self, context: Context) -> list[Effect]:
        """Look the task up, and show or open it."""
        return _look(context, self.task_id)


class LookAgain(msgspec.Struct, frozen=True):
    """Update the activity of an opened task."""

    task_id: int

    def run(self, context: Context) -> list[Effect]:
        """Look the task up as `ShowTask` does."""
        return _look(context, self.task_id, again=True)


def _look(
    context: Context, task_id: int | None, *, again: bool = False
) -> list[Effect]:
    def found(found: TaskFound) -> list[Effect]:
        return context.run_lookup(
            LookAtTask(found, context.now().timestamp()),
            TaskLook,
            lambda look: _detail(context, found, look, again=again),
        )

    return context.look_up(task_id, found)


def _detail(
    context: Context, found: TaskFound, look: TaskLook, *, again: bool
) -> list[Effect]:
    task = found.task
    earlier = context.signs.pop(task.id, None)
    if look.signs is not None:
        context.signs[task.id] = look.signs
    facts = activity_facts(look.silence, look.signs, earlier)
    facts += usage_facts(look.signs, look.limits)
    if context.drawn:
        return [Inspect(found, tuple(facts), again)]
    does: Activity | None = None
    estimate = context.last_runs.estimate(task)
    if task.status is TaskStatus.RUNNING:
        does = activity_of(look, earlier, estimate)
    left = None if estimate is None else estimate.text()
    lines = detail_lines(found, context.icons, facts, look.end, left)
    answer = ShowAnswer(task, found.pid, does, look.end.lines)
    return [context.reply(lines, answer, laid_out=True)]


SHOW: Final = CommandSpec(
    "/show",
    "ID",
    "show the details of a task and the last 20 lines of its output",
    lambda rest: ShowTask(only_task_id("/show", rest)),
    completers.task(),
    synonyms=also("/info", "/inspect", "/describe", "/details"),
    private=True,
)


class ShowOutput(msgspec.Struct, frozen=True):
    """Show the output of a task; None means the task added last."""

    task_id: int | None

    def run(self, context: Context) -> list[Effect]:
        """Look the task up, and show or open its output."""

        def found(found: TaskFound) -> list[Effect]:
            if context.drawn:
                return [Inspect(found)]
            task = found.task

            def read(output: OutputText) -> list[Effect]:
                answer = OutputAnswer(
                    task.id, task.output_path, output.skipped, output.lines
                )
                lines = output_lines(task, output)
                return [context.reply(lines, answer, laid_out=True)]

            return context.run_lookup(ReadOutput(task), OutputText, read)

        return context.look_up(self.task_id, found)


OUTPUT: Final = CommandSpec(
    "/output",
    "ID",
    "show the output of a task",
    lambda rest: ShowOutput(only_task_id("/output", rest)),
    completers.task(),
    synonyms=also(
        *("/log", "/logs", "/tail", "/follow", "/cat", "/less", "/view"), "/stdout"
    ),
    private=True,
)


class Wait(msgspec.Struct, frozen=True):
    """Wait for one task or for all; None means the task added last."""

    task_id: int | None = None
    everything: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Begin to wait; if the task has already ended, show how."""
        if self.everything:
            ids = {task.id for task in context.open.awaited}
            everything = PendingWait(ids, context.where, everything=True)
            return _begin(context, everything)

        def found(found: TaskFound) -> list[Effect]:
            if not context.open.can_end(found.task):
                text = f"#{found.task.id} does not start here: {found.task.reason}"
                return [context.problem(text)]
            wait = PendingWait({found.task.id}, context.where)
            if found.task.status.is_final:
                wait.task_ids.clear()
                wait.ended.append(found.task)
            return _begin(context, wait)

        return context.look_up(self.task_id, found)


def _begin(context: Context, wait: PendingWait) -> list[Effect]:
    if not wait.task_ids:
        return [context.reply([wait.outcome()], wait.answer())]
    context.waits.add(wait)
    if not context.drawn:
        return []  # line mode reads no further input until the wait ends
    first, *others = (f"#{task_id}" for task_id in sorted(wait.task_ids))
    names = f"{first} and {len(others)} more have" if others else f"{first} has"
    return [context.reply([f"will report when {names} finished"])]


def _parse_wait(rest: str) -> Wait:
    if rest.strip() in {"", "--all"}:
        return Wait(everything=True)
    return Wait(only_task_id("/wait", rest))


WAIT: Final = CommandSpec(
    "/wait",
    "[ID]",
    "wait for a task, or for all tasks",
    _parse_wait,
    completers.open_task(needed=False),
    synonyms=also("/join"),
    private=True,
)
