"""What becomes of a client's connection to its session's host."""

from __future__ import annotations

import msgspec


class HostLost(msgspec.Struct, frozen=True):
    """The host died, or can't be reached; it is looked for again.

    Attributes:
        text: What happened, in one line.
    """

    text: str


class HostBack(msgspec.Struct, frozen=True):
    """The session has a host again, and all subscriptions go on.

    Attributes:
        text: What happened, in one line.
    """

    text: str


class SessionEnded(msgspec.Struct, frozen=True):
    """Somebody ended the session, and its host with it.

    Attributes:
        text: Why, in one line.
    """

    text: str


HostEvent = HostLost | HostBack | SessionEnded
"""What becomes of the connection of a `RemoteSystem`."""
