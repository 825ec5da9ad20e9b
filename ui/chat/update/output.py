"""Move through the output of an opened task: its terminal's screen, or lines.

A screen scrolls back to its oldest known row; older output is shown as lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...pager.pager import Pager
    from ...pager.terminal_view import TerminalView
    from ..model.state import Detail

_SIDEWAYS: Final = 8


def scroll(detail: Detail, rows: int) -> None:
    """Scroll down by rows, or up if negative."""
    if detail.pager is None:
        return
    screen = detail.screen
    if screen is None:
        detail.pager.scroll(rows)
    elif not screen.scroll(rows) and not screen.is_whole:
        detail.pager.scroll_from(screen.begin, rows)


def page(detail: Detail, pages: int) -> None:
    """Scroll down by pages, or up if negative; one row of a page stays visible."""
    if detail.pager is None:
        return
    screen = detail.screen
    if screen is None:
        detail.pager.page(pages)
    elif not screen.page(pages) and not screen.is_whole:
        detail.pager.scroll_from(screen.begin, 0)
        detail.pager.page(pages)


def move(detail: Detail, action: str) -> None:
    """Perform a scroll action of `keymap.TASK`."""
    pager, screen = detail.pager, detail.screen
    if pager is None:
        return
    match action:
        case "up":
            scroll(detail, -1)
        case "down":
            scroll(detail, 1)
        case "page-up":
            page(detail, -1)
        case "page-down":
            page(detail, 1)
        case _ if screen is not None:
            _move_screen(screen, pager, action)
        case _:
            _move_lines(pager, detail.terminal, action)


def _move_screen(screen: TerminalView, pager: Pager, action: str) -> None:
    match action:
        case "first" if screen.is_whole:
            screen.home()
        case "first":
            pager.home()
        case "last":
            screen.end()
        case "left":
            screen.scroll_sideways(-_SIDEWAYS)
        case "right":
            screen.scroll_sideways(_SIDEWAYS)
        case "follow" if screen.up:
            screen.end()
        case "follow":
            pager.toggle_follow()
        case _:
            pass


def _move_lines(pager: Pager, screen: TerminalView | None, action: str) -> None:
    match action:
        case "first":
            pager.home()
        case "last" | "follow":
            if screen is not None:
                screen.end()
            pager.end() if action == "last" else pager.toggle_follow()
        case "left":
            pager.scroll_sideways(-_SIDEWAYS)
        case "right":
            pager.scroll_sideways(_SIDEWAYS)
        case "wrap":
            pager.toggle_wrap()
        case _:
            pass
