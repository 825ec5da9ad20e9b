"""Verbs that add tasks, or edit queued ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...actors import AddTask, Task, TaskAdded, TaskRequest, TaskStatus
from ...actors.session.asking import ANSWER_TIMEOUT, ask
from ..dialogue.batch import PLACE, each_request, filled, read_lines
from ..program.exit_status import EXIT_UNSUCCESSFUL
from .call import UsageError, complain, try_each
from .lean_add import command_line
from .scheduling import schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...actors import Task
    from ...actors.host.remote import RemoteSystem
    from ..dialogue.new_task import Asked
    from .call import Call


def add(call: Call, system: RemoteSystem) -> int:
    """Add a task, a batch of them, or a schedule."""
    asked: Asked = call.options.asked
    request = request_of(call)
    if not asked.each and not asked.batch:
        call.confirm(request.args)
    if asked.every:
        schedule(call, system, request, asked)
        return 0
    values = asked.each
    if asked.batch:
        values = read_lines(_text_of(asked.batch))
    once = asked.unless_queued
    if values:
        words = call.options.words
        requests = _each(request, values, asked, words, call.options.label)
        call.confirm(line for it in requests for line in it.args)
        added: list[Task] = []
        try:
            for it in requests:
                task = system.add_request(it, unless_queued=once)
                added.append(task)
        finally:
            if added:
                _tell_all_added(call, added)
    else:
        message = AddTask(request, unless_queued=once)
        letters, long = system.dead_letters, system.on_long
        reply = ask(system.queue, message, TaskAdded, ANSWER_TIMEOUT, letters, long)
        _tell_added(call, reply.task, existed=reply.existed)
    return 0


def request_of(call: Call) -> TaskRequest:
    """Return the request for the given arguments."""
    asked: Asked = call.options.asked
    asked.check()
    command = command_line(call.options.words) if call.options.words else ""
    if asked.batch and not command:
        command = PLACE  # each line is a command
    if not command.strip():
        verb = call.options.verb
        raise UsageError(f"missing command; try: backburner {verb} -- make test")
    label = call.options.label or command.strip()
    return TaskRequest(label, "bash", (command,), terms=asked.task_terms)


def edit(call: Call, system: RemoteSystem) -> int:
    """Change the command or the description of a task."""
    options = call.options
    task = system.get(options.id)
    command = command_line(options.words) if options.words else ""
    if not command and options.label is None:
        if task.status is not TaskStatus.QUEUED or len(task.args) != 1:
            raise UsageError(f"#{task.id} is not a queued task of one command")
        from .editor import edited  # noqa: PLC0415 - what it needs takes a twentieth of a start

        command = edited(task.args[0])
        if command == task.args[0]:
            return complain("nothing was changed", EXIT_UNSUCCESSFUL)
    args = (command,) if command else ()
    call.confirm(args, "changed")
    return call.change_each(
        [task.id], lambda it: system.edit(it, *args, description=options.label)
    )


def rename(call: Call, system: RemoteSystem) -> int:
    """Change the description of a task."""
    name = " ".join(call.options.text)
    return call.change_each(
        [call.options.id], lambda it: system.edit(it, description=name)
    )


def rerun(call: Call, system: RemoteSystem) -> int:
    """Add tasks again."""

    def add_again(task_id: int) -> None:
        request = system.get(task_id).request
        call.confirm([" ".join(request.args)])
        _tell_added(call, system.add_request(request))

    return try_each(call.options.ids, add_again)[1]


def _tell_all_added(call: Call, tasks: list[Task]) -> None:
    many = f" to #{tasks[-1].id}" if len(tasks) > 1 else ""
    told = f"added #{tasks[0].id}{many}"
    call.say_done(tasks, told, brief=(str(task.id) for task in tasks))


def _tell_added(call: Call, task: Task, *, existed: bool = False) -> None:
    told = f"#{task.id} is queued already" if existed else f"added #{task.id}"
    call.say_done(task, told, brief=[str(task.id)])


def _each(
    request: TaskRequest,
    values: Sequence[str],
    asked: Asked,
    words: Sequence[str],
    label: str | None,
) -> list[TaskRequest]:
    """Return a request for each value, which replaces the placeholders in the words."""
    requests = each_request(request, values, asked.max_fails)
    if len(words) > 1:
        # Quoting the whole words would put the value into two levels of quotes.
        lines = [
            command_line([filled(it, value, quoted=False) for it in words])
            for value in values
        ]
        requests = [
            msgspec.structs.replace(
                it, args=(line,), description=it.description if label else line
            )
            for it, line in zip(requests, lines, strict=True)
        ]
    return requests


def _text_of(name: str) -> str:
    """Return the content of a file, or the standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not valid UTF-8") from None
