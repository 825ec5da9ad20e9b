"""Commands that change an existing task: its description or its command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import EditTask, Task, TaskAltered, TaskFound, TaskStatus
from ....actors.rules.safe_text import safe_line
from .. import completers
from ..arguments import UsageError, split_word, task_id
from ..effects import Effect, OfferLine
from ..quoting import quoted, unquote_whole
from ..registry import CommandSpec, also
from .creation import YES, bash_part_of_job, question, read_job

if TYPE_CHECKING:
    from ..context import Context


def _renamed(context: Context, reply: TaskAltered) -> list[Effect]:
    task = reply.task
    return [context.reply([f"#{task.id} is now called {safe_line(task.description)}"])]


def _edited(context: Context, before: Task, reply: TaskAltered) -> list[Effect]:
    """Show what has changed."""
    task = reply.task
    lines: list[str] = []
    if task.args != before.args:
        old, new = (safe_line(" ".join(it.args)) for it in (before, task))
        lines += [
            f"#{task.id} was: {task.kind} {old}",
            f"#{task.id} is:  {task.kind} {new}",
        ]
    if task.description != before.description:
        lines.append(f"#{task.id} is now called {safe_line(task.description)}")
    return [context.reply(lines or [f"#{task.id} is unchanged"])]


class Rename(msgspec.Struct, frozen=True):
    """Change the description of a task; None means the task added last."""

    task_id: int | None
    description: str

    def run(self, context: Context) -> list[Effect]:
        """Send the request."""
        return context.with_task(
            self.task_id,
            lambda wanted: context.send(
                EditTask(wanted, self.description),
                TaskAltered,
                lambda reply: _renamed(context, reply),
            ),
        )


class Edit(msgspec.Struct, frozen=True):
    """Change the command of a queued task.

    Attributes:
        task_id: The id of the task; None for the task added last.
        description: The new description; None to offer the current line for editing.
        kind: The kind of the task, which can't change.
        args: The new arguments of the kind.
        sure: Whether the command is confirmed.
    """

    task_id: int | None
    description: str | None = None
    kind: str = ""
    args: tuple[str, ...] = ()
    sure: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Look the task up; offer its line for editing, or request the change."""

        def found(found: TaskFound) -> list[Effect]:
            task = found.task
            if task.status is not TaskStatus.QUEUED:
                text = f"#{task.id} is {task.status}; only a queued task can be edited"
                return [context.problem(text)]
            if self.description is None:
                return _offer(context, task)
            if self.kind != task.kind:
                form = f'/edit {task.id} "Description" {task.kind} ARGS...'
                text = f"#{task.id} keeps the kind {task.kind}; the form is: {form}"
                return [context.problem(text)]
            asked = None if self.sure else self._question(context, task)
            if asked is not None:
                return asked
            return context.send(
                EditTask(task.id, self.description, self.args),
                TaskAltered,
                lambda reply: _edited(context, task, reply),
            )

        return context.look_up(self.task_id, found)

    def _question(self, context: Context, task: Task) -> list[Effect] | None:
        changed = msgspec.structs.replace(
            task, description=self.description or task.description, args=self.args
        )
        line = edit_line(changed).removeprefix(EDIT.name)
        return question(context, self.args, f"{EDIT.name} {YES}{line}", "changed")


def _offer(context: Context, task: Task) -> list[Effect]:
    if len(task.args) > 1:
        text = f"#{task.id} has several arguments and can't be edited here"
        return [context.problem(text)]
    line = edit_line(task)
    return [OfferLine(line)] if context.drawn else [context.reply([safe_line(line)])]


def edit_line(task: Task) -> str:
    """Return the `/edit` line with the task's current values."""
    args = "".join(task.args)
    if unquote_whole(args) != args:
        args = quoted(args)
    return f"/edit {task.id} {quoted(task.description)} {task.kind} {args}".rstrip()


def _parse_rename(rest: str) -> Rename:
    word, text = split_word(rest)
    name = unquote_whole(text).strip()
    if not word or not name:
        raise UsageError('/rename takes a task and a description: /rename 3 "Tests"')
    return Rename(task_id(word), name)


def _parse_edit(rest: str) -> Edit:
    word, text = split_word(rest)
    if sure := word == YES:
        word, text = split_word(text)
    if not word:
        raise UsageError("edit which task? Give its id: /edit 3")
    wanted = task_id(word)
    if not text.strip():
        return Edit(wanted)
    job = read_job(text, form=f'/edit {word} "Description" KIND ARGS...')
    return Edit(wanted, job.description, job.kind, job.args, sure)


RENAME: Final = CommandSpec(
    "/rename",
    "ID TEXT",
    "change the description of a task",
    _parse_rename,
    completers.task(),
    synonyms=also("/label"),
)

EDIT: Final = CommandSpec(
    "/edit",
    'ID ["Description" KIND ARGS...]',
    "change a queued task; without a command, put its command into the input",
    _parse_edit,
    completers.open_task(),
    (
        "It keeps its place, its directory and its environment.",
        "--yes: before the id, change it without asking for confirmation",
    ),
    bash_part=lambda rest: bash_part_of_job(
        split_word(rest.strip().removeprefix(YES))[1]
    ),
)
