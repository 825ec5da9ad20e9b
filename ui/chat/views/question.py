"""The question above the input: whether to leave, or to act on a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line
from ....actors.rules.terms import PLAIN
from ...dialogue.reports import ids_text, some_of
from ...text.cells import clip
from ...text.rows import Row, Span
from ..model.state import Leaving, Question
from .paint import titled_rule, wrap_spans

if TYPE_CHECKING:
    from ....actors import Task
    from ..model.state import ChatState

_NAMED: Final = 3
_LONGEST_NAME: Final = 60
_VERBS: Final = {
    "cancel": "Cancel",
    "kill": "Kill",
    "pause": "Pause",
    "rerun": "Run again",
}


def question_rows(
    state: ChatState, question: Question | Leaving, columns: int, height: int
) -> list[Row]:
    """Return at most `height` rows."""
    theme = state.look.theme
    asked, rest = (
        _about_leaving(state, question)
        if isinstance(question, Leaving)
        else _about_task(state, question)
    )
    spans = [Span(f"{asked}  ", theme.unread), Span(rest, theme.text)]
    rows = wrap_spans(spans, columns)
    if len(rows) < height:
        rows.insert(0, titled_rule("", state.look, columns))
    return rows[:height]


def _about_leaving(state: ChatState, question: Leaving) -> tuple[str, str]:
    """Return what happens to the tasks on leaving, and the keys that answer."""
    if state.come_back is None:
        return "Leave?", _consequence(state)
    if question.end:
        return "End the session?", _consequence(state)
    count = state.board.open_count
    tasks = "1 task keeps" if count == 1 else f"{count} tasks keep"
    fate = f"{tasks} running." if count else "Nothing is running."
    return "Leave?", f"{fate} /quit --end ends the session."


def stands_still(task: Task) -> bool:
    """Return whether a task is paused, or held before its start."""
    return task.is_paused or (task.waits_to_run and (task.terms or PLAIN).held)


def asked_about(state: ChatState, question: Question) -> str:
    """Return the question: the action, and the task."""
    seen = state.board.find(question.task_id)
    verb = _VERBS[question.action]
    if question.action == "pause" and seen is not None and stands_still(seen.task):
        verb = "Resume"
    return f"{verb} #{question.task_id}?"


def _about_task(state: ChatState, question: Question) -> tuple[str, str]:
    """Return the action on the task, and the keys that answer."""
    asked = asked_about(state, question)
    seen = state.board.find(question.task_id)
    name = "" if seen is None else safe_line(seen.task.description)
    now = ""
    if seen is not None and question.action == "rerun":
        running = seen.task.status is TaskStatus.RUNNING
        now = " It still runs." if running else ""
    named = clip(name, _LONGEST_NAME, state.look.signs.more)
    return asked, f"Enter: yes, any other key: no.{now}  {named}"


def _consequence(state: ChatState) -> str:
    ended, later, held, foreign = state.dialogue.context.open.fates
    parts: list[str] = []
    if ended:
        tasks = "1 task runs" if len(ended) == 1 else f"{len(ended)} tasks run"
        parts.append(f"{tasks} and will be ended: {_names(ended)}.")
    if not state.remembers:
        later = [*later, *held, *foreign]
    if later:
        fate = "start next time" if state.remembers else "are dropped"
        parts.append(f"Queued tasks {fate}: {_names(later)}.")
    if held and state.remembers:
        parts.append(f"Held until /enqueue: {_names(held)}.")
    if foreign and state.remembers:
        parts.append(f"Waiting for their kind: {_names(foreign)}.")
    if left := [*state.board.left_running]:
        parts.append(f"What {ids_text(left, _NAMED)} left running will be ended.")
    return " ".join(parts) or "Nothing is running."


def _names(tasks: list[Task]) -> str:
    names = (f"#{task.id} {safe_line(task.description)}" for task in tasks)
    return some_of(names, len(tasks), _NAMED)
