"""Keys for an open task: moving through its output, searching in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .common_keys import take_common_key
from .help_keys import show_keys
from .panel_keys import take_task_key

if TYPE_CHECKING:
    from ...pager.pager import Pager
    from ...terminal.keys import Key
    from ..model.effects import Effect
    from ..model.state import ChatState, Detail

_SIDEWAYS: Final = 8


def take_detail_key(state: ChatState, detail: Detail, key: Key) -> list[Effect]:
    """Take a key while a task is open."""
    if detail.query is not None:
        _take_query_key(detail, key)
        return []
    match key.name:
        case "escape" | "q" | "ctrl-c":
            if detail.pager is not None and detail.pager.status.searching:
                detail.pager.cancel_search()
            else:
                state.overlay = None
        case "enter":
            pass  # it is open already
        case "?" | "f1":
            show_keys(state)
        case "/" if detail.pager is not None:
            detail.query = ""
        case _:
            if detail.pager is not None and _move(detail.pager, key):
                return []
            effects = take_task_key(state, key, detail.task_id)
            return effects if effects is not None else take_common_key(state, key) or []
    return []


def _move(pager: Pager, key: Key) -> bool:
    match key.name:
        case "up" | "k":
            pager.scroll(-1)
        case "down" | "j":
            pager.scroll(1)
        case "pgup" | "b":
            pager.page(-1)
        case "pgdn" | "space":
            pager.page(1)
        case "home" | "g":
            pager.home()
        case "end" | "G":
            pager.end()
        case "left":
            pager.scroll_sideways(-_SIDEWAYS)
        case "right":
            pager.scroll_sideways(_SIDEWAYS)
        case "f":
            pager.toggle_follow()
        case "w":
            pager.toggle_wrap()
        case "n":
            pager.search_again(forward=True)
        case "N":
            pager.search_again(forward=False)
        case _:
            return False
    return True


def _take_query_key(detail: Detail, key: Key) -> None:
    query = detail.query or ""
    match key.name:
        case "enter":
            detail.query = None
            if detail.pager is not None:
                # At the end of the output there is nothing below to be found.
                down = not detail.pager.status.following
                detail.pager.search(query, forward=down)
        case "escape" | "ctrl-c":
            detail.query = None
        case "backspace":
            detail.query = query[:-1] if query else None
        case "ctrl-u":
            detail.query = ""
        case _:
            detail.query = query + key.text
