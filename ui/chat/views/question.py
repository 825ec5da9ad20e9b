"""The question that lies over the input: whether to leave, or to touch a task."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line
from ...text.cells import clip
from ...text.rows import Row, Span
from ..model.state import Leaving, Question
from .paint import titled_rule, wrap_spans

if TYPE_CHECKING:
    from ..model.state import ChatState

_NAMED: Final = 3
_LONGEST_NAME: Final = 60
_VERBS: Final = {"cancel": "Cancel", "kill": "Kill", "rerun": "Run again"}


def question_rows(
    state: ChatState, question: Question | Leaving, columns: int, height: int
) -> list[Row]:
    """Return at most `height` rows."""
    theme = state.look.theme
    asked, rest = (
        ("Leave?", _consequence(state))
        if isinstance(question, Leaving)
        else _about_task(state, question)
    )
    spans = [Span(f"{asked}  ", theme.unread), Span(rest, theme.text)]
    rows = wrap_spans(spans, columns)
    if len(rows) < height:
        rows.insert(0, titled_rule("", state.look, columns))
    return rows[:height]


def _about_task(state: ChatState, question: Question) -> tuple[str, str]:
    """Name what a key would do to a task, and how to answer."""
    seen = state.board.find(question.task_id)
    name = "" if seen is None else safe_line(seen.task.description)
    asked = f"{_VERBS[question.action]} #{question.task_id}?"
    now = ""
    if seen is not None and question.action == "rerun":
        running = seen.task.status is TaskStatus.RUNNING
        now = " It still runs." if running else ""
    named = clip(name, _LONGEST_NAME, state.look.signs.more)
    return asked, f"{question.key} again: yes, any other key: no.{now}  {named}"


def _consequence(state: ChatState) -> str:
    counts = state.board.counts
    parts: list[str] = []
    if counts.running:
        tasks = "1 task runs" if counts.running == 1 else f"{counts.running} tasks run"
        names = [
            f"#{seen.task.id} {safe_line(seen.task.description)}"
            for seen in islice(state.board.running, _NAMED)
        ]
        rest = counts.running - len(names)
        more = f" and {rest} more" if rest else ""
        parts.append(f"{tasks} and will be ended: {', '.join(names)}{more}.")
    if counts.queued:
        fate = "stay for the next time" if state.remembers else "will be dropped"
        parts.append(f"Queued tasks {fate}: {counts.queued}.")
    if left := [f"#{task_id}" for task_id in state.board.left_running]:
        rest = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        parts.append(f"What {', '.join(left[:_NAMED])}{rest} left running is ended.")
    return " ".join(parts) or "Nothing is running."
