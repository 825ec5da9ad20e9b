"""What is said in a session, as it is kept: the actors only write it down."""

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
        command: Whether it was a command, and not a message.
        form: How a chat reads the text, if it is not what somebody said: a name of
            its own, which the actors only hand on.
        private: Whether it concerned only the one who showed it; set by the queue.
    """

    at: datetime
    conversation: str
    who: str
    text: str
    command: bool = False
    form: str = ""
    private: bool = False

    def __post_init__(self) -> None:
        """Refuse a date that can't be shown.

        Raises:
            ValueError: If it is one.
        """
        if not is_plausible(self.at):
            raise ValueError(f"{self.at} is not a date of a message")
