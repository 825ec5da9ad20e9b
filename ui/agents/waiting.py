"""The call that waits: `wait`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from .call import Answer, Call, gone
from .facts import facts, line
from .output import marked
from .results import MatchedLine, WaitResult
from .search import Found, Search, pattern_problem

if TYPE_CHECKING:
    from ...actors.rules.task import Task
    from .tools import WaitArguments

_LAST_SEARCH: Final = 5.0  # seconds for a search of the last output of an ended task
_NAMED: Final = 10


class WaitCall(Call):
    """`wait`."""

    _arguments: WaitArguments
    _tasks: dict[int, Task] = {}  # noqa: RUF012 - replaced before it is changed
    _searches_last = False

    @property
    def note(self) -> str:
        """The current state, for people."""
        open_ids = [it.id for it in self._tasks.values() if not it.status.is_final]
        named = ", ".join(f"#{it}" for it in open_ids[:_NAMED])
        return f"waiting for {named}{'…' * (len(open_ids) > _NAMED)}"

    @property
    def _awaiting(self) -> list[int]:
        """The tasks that wait for input, maybe forever."""
        return [it.id for it in self._tasks.values() if it.awaits_input]

    def start(self) -> None:
        """Start waiting."""
        given = self._arguments
        if given.pattern and (problem := pattern_problem(given.pattern)):
            self.fail(problem)
            return
        for task_id in given.ids:
            if self._visible(task_id) is None:
                return
        tasks = self._session.tasks
        ids = given.ids or [it.id for it in tasks.values() if not it.status.is_final]
        self._tasks = {it: tasks[it] for it in ids}
        self._call_later(given.wait, self.hurry)
        if self._has_ended():
            self._end()
        elif self._awaiting:
            self.hurry()
        elif given.pattern:
            self._look_for(once=False)

    def task_changed(self, task: Task) -> None:
        """Handle a change of a task."""
        if task.id not in self._tasks:
            return
        self._tasks[task.id] = task
        if self._has_ended():
            self._end()
        elif task.awaits_input:
            self.hurry()

    def tasks_forgotten(self) -> None:
        """Stop waiting for tasks that were removed."""
        if self._has_ended():
            self._end()

    def hurry(self) -> None:
        """Answer with the current state."""
        self._answer_now(None)

    def _has_ended(self) -> bool:
        ends = [it.status.is_final or self._is_gone(it) for it in self._tasks.values()]
        return any(ends) or not ends if self._arguments.any else all(ends)

    def _end(self) -> None:
        if not self._arguments.pattern:
            self._answer_now(None)
        elif not self._searches_last:
            # Its last output may match.
            self._searches_last = True
            self._look_for(once=True)
            if self._timer is not None:
                self._timer.cancel()
            self._call_later(_LAST_SEARCH, self.hurry)

    def _look_for(self, *, once: bool) -> None:
        if self._search is not None:
            self._search.stop()
        paths = {
            it.id: Path(it.output_path)
            for it in self._tasks.values()
            if it.output_path is not None
        }
        self._search = Search(self._session.loop, self._answer_now)
        given = self._arguments
        self._search.follow(paths, given.pattern, given.cursor, once=once)

    def _answer_now(self, found: Found | None) -> None:
        given = self._arguments
        known, tasks = self._session.tasks, self._tasks.values()
        ended = [it for it in tasks if it.status.is_final]
        still = [it for it in tasks if not it.status.is_final and it.id in known]
        lost = [it.id for it in tasks if self._is_gone(it)]
        lines = [line(it) for it in (*ended, *still)]
        lines += [f"{gone(it)}." for it in lost]
        matched = UNSET
        if found is not None and found.lines:
            matched = MatchedLine(found.task_id, found.cursor, found.lines[0])
            what = f"a line of #{found.task_id} that matches"
            lines.append(marked(what, found.lines[0]))
        elif given.pattern and found is None and not still:
            lines.append(
                "The search did not reach the end of the output in time; use `output`"
                " with grep and a cursor."
            )
        elif given.pattern:
            lines.append("No line matches the pattern so far.")
        if not self._tasks:
            lines = ["Nothing is open: all tasks have ended."]
        elif still and matched is UNSET and not (given.any and (ended or lost)):
            ids = [it.id for it in still]
            lines.append(f"Not ended yet. Call `wait` again with ids {ids}.")
        if awaiting := self._awaiting:
            lines.append(
                f"Tasks {awaiting} wait for input: use `send`, or ask the person to"
                " send it."
            )
        result = WaitResult([*map(facts, ended)], [*map(facts, still)], matched, lost)
        self.answer(Answer("\n".join(lines), result))
