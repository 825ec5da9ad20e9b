"""The popup above the input."""

from __future__ import annotations

from ...dialogue.completers import Completion


class Popup(Completion, frozen=True):
    """The proposals for the word at the cursor, as the popup lists them.

    Attributes:
        start: The start of the word that a proposal replaces; it ends at the cursor.
        form: The usage and summary of the command.
    """

    start: int = 0
    form: str = ""
