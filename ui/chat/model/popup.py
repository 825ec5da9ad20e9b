"""The popup above the input."""

from __future__ import annotations

from ...dialogue.completers import Completion


class Popup(Completion, frozen=True):
    """The proposals for the word at the cursor, as the popup lists them.

    The word begins at `start`; `form` is the usage and summary of the command.
    """

    start: int = 0
    form: str = ""
