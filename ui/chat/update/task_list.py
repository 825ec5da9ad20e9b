"""The task panel, and the actions of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ...dialogue import commands
from ..model import keymap
from ..model.panel import Panel
from ..model.state import Focus, Purpose
from ..views.task_panel import panel_height, panel_rows, shown_tasks
from .focus import focus_panel
from .help_keys import show_keys
from .prompt_keys import filter_tasks, open_prompt
from .questions import ASKS, ask, carry_out
from .selection import select

if TYPE_CHECKING:
    from ..model.effects import Effect
    from ..model.state import ChatState

_TITLE: Final = 1  # rows above the first task
_FRAME: Final = 2


def _act(state: ChatState, action: str) -> list[Effect]:
    count = len(state.board.list_ids(state.tasks.words))
    steps = {"focus": 0, **keymap.selecting_steps(count)}
    match action:
        case _ if action in steps:
            select(state, steps[action])
        case "open" if state.tasks.selected is not None:
            return carry_out(state, commands.ShowTask(state.tasks.selected))
        case _ if action in ASKS:
            return ask(state, keymap.TASKS, action, state.tasks.selected)
        case "help":
            show_keys(state)
        case "filter":
            open_prompt(state, Purpose.TASKS)
        case "back" if state.tasks.words:
            filter_tasks(state, "")
        case "back":
            state.focus = Focus.INPUT
        case _:
            pass
    return []


def _press(state: ChatState, row: int, height: int) -> list[Effect]:
    """Select the clicked task, or open it.

    In the focused list a click selects, and a second click opens. Without focus one
    click opens: on focus the list grows, and the task moves away from the mouse.
    """
    shown, _, _ = shown_tasks(state, max(0, height - _FRAME))
    index = row - _TITLE
    if not 0 <= index < len(shown):
        return []
    task_id = shown[index].task.id
    opens = not state.has_keys("tasks") or state.tasks.selected == task_id
    state.tasks = replace(state.tasks, selected=task_id)
    effects = focus_panel(state)
    if opens:
        effects += carry_out(state, commands.ShowTask(task_id))
    return effects


TASK_PANEL: Final = Panel(
    "tasks", panel_height, panel_rows, keymap.TASKS, _act, press=_press
)
