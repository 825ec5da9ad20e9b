"""Chat messages, which the actors only store and pass on."""

from __future__ import annotations

from datetime import datetime

import msgspec

from .moment import is_plausible


class ChatMessage(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A chat message.

    Attributes:
        at: The date and time (UTC).
        conversation: The name of the conversation.
        who: `you`, or the name of a partner.
        text: The text as it was typed.
        command: Whether the text is a command.
        form: The format of the text, if it isn't plain; the actors only pass it on.
        private: Whether only the subscriber that wrote it shows it; set by the queue.
    """

    at: datetime
    conversation: str
    who: str
    text: str
    command: bool = False
    form: str = ""
    private: bool = False

    def __post_init__(self) -> None:
        """Check the date.

        Raises:
            ValueError: If it can't be shown.
        """
        if not is_plausible(self.at):
            raise ValueError(f"{self.at} is not a date of a message")
