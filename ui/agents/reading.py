"""Calls that change nothing and don't wait: `list`, `show` and `output`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from ...actors.messages import GetTask, TaskFound
from ...actors.rules.status import TaskFilter
from .call import Answer, Call, refusal
from .facts import facts, line
from .output import marked, read_end, read_on
from .results import ListResult, OutputResult, ShowResult
from .search import Found, Search, pattern_problem

if TYPE_CHECKING:
    from ...actors.rules.task import Task
    from .host_client import Reply
    from .tools import ListArguments, OutputArguments, ShowArguments

_OPEN: Final = "open"


class ListCall(Call):
    """`list`."""

    _arguments: ListArguments

    def start(self) -> None:
        """Answer."""
        wanted = self._arguments.status
        tasks = sorted(self._session.tasks.values(), key=lambda it: it.id)
        if wanted == _OPEN:
            tasks = [it for it in tasks if not it.status.is_final]
        else:
            statuses = TaskFilter(wanted).statuses
            tasks = [it for it in tasks if it.status in statuses]
        shown = tasks[-self._arguments.limit :]
        left_out = len(tasks) - len(shown)
        lines = [line(it) for it in shown] or [
            f"There is no such task{self._session.whose}."
        ]
        if left_out:
            text = "1 older one is" if left_out == 1 else f"{left_out} older ones are"
            lines.insert(0, f"{text} left out; a larger limit shows more.")
        result = ListResult([*map(facts, shown)], left_out)
        self.answer(Answer("\n".join(lines), result))


class ShowCall(Call):
    """`show`."""

    _arguments: ShowArguments

    def start(self) -> None:
        """Request the task."""
        wanted = self._arguments.id
        if self._visible(wanted) is not None:
            self._session.host.ask(GetTask(wanted), self._found)

    def _found(self, reply: Reply) -> None:
        if not isinstance(reply, TaskFound):
            self.fail(refusal(reply))
            return
        task = reply.task
        known = facts(task)
        lines = [line(task), f"command: {known.command}", f"added: {known.queued_at}"]
        lines += [f"directory: {known.directory}"] if known.directory else []
        lines += [f"process: {reply.pid}"] if reply.pid else []
        lines.append(f"output: {task.output_size} bytes")
        if task.last_line:
            lines.append(marked(f"the last line of #{task.id}", task.last_line))
        result = ShowResult(
            known,
            pid=UNSET if reply.pid is None else reply.pid,
            untrusted_last_line=UNSET if task.last_line is None else task.last_line,
        )
        self.answer(Answer("\n".join(lines), result))


class OutputCall(Call):
    """`output`."""

    _arguments: OutputArguments
    _task: Task | None = None

    @property
    def note(self) -> str:
        """The current state, for people."""
        return f"searching the output of #{self._arguments.id}"

    def start(self) -> None:
        """Read the output."""
        given = self._arguments
        if given.head is not UNSET and given.tail is not UNSET:
            self.fail("head and tail exclude each other; give one of them")
            return
        if given.grep and (problem := pattern_problem(given.grep)):
            self.fail(problem)
            return
        self._task = task = self._visible(given.id)
        if task is None:
            return
        if task.output_path is None:
            self.fail(f"#{task.id} has no output: it is of the kind {task.kind}")
            return
        path = Path(task.output_path)
        head = None if given.head is UNSET else given.head
        tail = None if given.tail is UNSET else given.tail
        cursor = 0 if given.cursor is UNSET else given.cursor
        if given.grep:
            self._search = Search(self._session.loop, self._searched)
            self._search.grep(
                task.id,
                path,
                given.grep,
                cursor=cursor,
                limit=given.limit,
                head=head,
                tail=tail,
            )
            return
        try:
            if tail is not None or (given.cursor is UNSET and head is None):
                part = read_end(path, given.limit, tail)
            else:
                part = read_on(path, cursor, given.limit, head)
        except OSError as error:
            self.fail(f"the output of #{task.id} can't be read: {error.strerror}")
            return
        self._answer_part(part.text, part.cursor, part.size)

    def _searched(self, found: Found | None) -> None:
        if found is None:
            self.fail(
                "the search took too long, or failed; use a simpler expression, or"
                " begin at a cursor"
            )
        else:
            self._answer_part("\n".join(found.lines), found.cursor, found.size)

    def _answer_part(self, text: str, cursor: int, size: int) -> None:
        task, given = self._task, self._arguments
        if task is None:
            return
        more = cursor < size or not task.status.is_final
        lines = [line(task)]
        if text:
            what = f"output of #{task.id}"
            lines.append(marked(what, text))
        else:
            lines.append(
                "No line matches." if given.grep else "There is no output here."
            )
        if cursor < size:
            lines.append(f"There is more: call `output` again with cursor {cursor}.")
        elif more:
            lines.append(f"It still runs; new output begins at cursor {cursor}.")
        result = OutputResult(
            task.id, task.status.value, size, cursor, more, untrusted_output=text
        )
        self.answer(Answer("\n".join(lines), result))
