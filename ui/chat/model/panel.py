"""Panels: parts of the screen between the transcript and the input.

The list of tasks is a panel. A new panel is one more value in `ChatState.panels`; no
other code changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....actors.rules.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...text.rows import Row
    from .effects import Effect
    from .keymap import Keymap
    from .state import ChatState


class Panel(Record, frozen=True):
    """The functions and keys of a panel.

    Attributes:
        name: Its name, which the prompt shows while the panel has the focus.
        height: Returns how many rows it wants, up to a maximum; 0 to hide it.
        rows: Draws it with a given number of columns, in exactly the given number of
            rows.
        keys: Its keymap.
        act: Performs an action of `keys`, or `FOCUS`.
        hidden: Returns the actions that are unavailable now; the footer omits them.
        press: Handles a click on a row, from 0, of a given number of rows.
    """

    name: str
    height: Callable[[ChatState, int], int]
    rows: Callable[[ChatState, int, int], list[Row]]
    keys: Keymap
    act: Callable[[ChatState, str], list[Effect]]
    hidden: Callable[[ChatState], frozenset[str]] = lambda _: frozenset()
    press: Callable[[ChatState, int, int], list[Effect]] = lambda _, __, ___: []


FOCUS = "focus"
"""The action of a panel that gets the focus."""
