"""A panel: a part of the screen between the transcript and the input, as one value.

The tasks are one. Another one is another value in `ChatState.panels`: nothing else has
to know of it.
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
    """What there is to know of a panel.

    Attributes:
        name: Shown in the prompt while it has the keys.
        height: Tells how many rows it wants, at most so many; 0 for none.
        rows: Draws it, so many columns wide, in exactly so many rows.
        keys: What its keys do, and how they are explained.
        act: Carries out an action that `keys` names, or `FOCUS`.
        hidden: Tells which actions make no sense now: the footer leaves them out.
        press: Takes a click on one of its rows, from 0, of so many.
    """

    name: str
    height: Callable[[ChatState, int], int]
    rows: Callable[[ChatState, int, int], list[Row]]
    keys: Keymap
    act: Callable[[ChatState, str], list[Effect]]
    hidden: Callable[[ChatState], frozenset[str]] = lambda _: frozenset()
    press: Callable[[ChatState, int, int], list[Effect]] = lambda _, __, ___: []


FOCUS = "focus"
"""The action of a panel that gets the keys."""
