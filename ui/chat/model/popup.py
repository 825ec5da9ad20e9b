"""The popup over the input, as it is seen."""

from __future__ import annotations

from ...dialogue.completers import Completion


class Popup(Completion, frozen=True):
    """What can stand where the cursor is, as a list over the input shows it.

    Attributes:
        start: Where in the text the word begins that a proposal replaces; it ends at
            the cursor.
        form: How the command is written, and what it does.
    """

    start: int = 0
    form: str = ""
