"""Keys of an opened task: move through its output, and search it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...program.terminals import takes_keys
from ..model import keymap
from ..model.effects import ShowTerminal, ViewFile
from ..model.state import Focus, Purpose
from . import output
from .focus import close_detail
from .help_keys import show_keys
from .prompt_keys import open_prompt
from .questions import ASKS, ask

if TYPE_CHECKING:
    from ...pager.pager import Pager
    from ..model.effects import Effect
    from ..model.state import ChatState, Detail


def keys_of(state: ChatState, detail: Detail) -> keymap.Keymap:
    """Return the keymap of an opened task."""
    seen = state.board.find(detail.task_id)
    takes = seen is not None and takes_keys(seen.task)
    return keymap.TERMINAL if takes else keymap.TASK


def act_on_detail(state: ChatState, detail: Detail, action: str) -> list[Effect]:
    """Perform an action of `keymap.TASK`."""
    if action in ASKS:
        return ask(state, keymap.TASK, action, detail.task_id)
    match action:
        case "back":
            _back(state, detail)
        case "to-input":
            state.focus = Focus.INPUT
        case "help":
            show_keys(state)
        case "keys":
            seen = state.board.find(detail.task_id)
            return [] if seen is None else [ShowTerminal(seen.task)]
        case "pager" if detail.pager is not None:
            seen = state.board.find(detail.task_id)
            path = None if seen is None else seen.task.output_path
            return [] if path is None else [ViewFile(path)]
        case _ if detail.pager is not None:
            return _act_on_output(state, detail, detail.pager, action)
        case _:
            pass
    return []


def _back(state: ChatState, detail: Detail) -> None:
    """Close the search, else the filter, else the task."""
    pager = detail.pager
    if pager is not None and pager.status.searching:
        pager.cancel_search()
    elif pager is not None and pager.status.only:
        pager.show_only("")
    else:
        close_detail(state)


def _act_on_output(
    state: ChatState, detail: Detail, pager: Pager, action: str
) -> list[Effect]:
    match action:
        case "find":
            open_prompt(state, Purpose.FIND)
        case "lines":
            open_prompt(state, Purpose.LINES)
        case "find-next" | "find-previous":
            if not pager.status.query and state.searches:
                pager.search(state.searches[-1], forward=action == "find-next")
            else:
                pager.search_again(forward=action == "find-next")
        case _:
            output.move(detail, action)
    return []
