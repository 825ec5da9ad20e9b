"""The events of a client's connection to its host."""

from __future__ import annotations

import msgspec


class HostLost(msgspec.Struct, frozen=True):
    """The host died, or can't be reached; the client reconnects.

    Attributes:
        text: The reason, in one line.
    """

    text: str


class HostBack(msgspec.Struct, frozen=True):
    """The session has a host again, and all subscriptions continue.

    Attributes:
        text: What happened, in one line.
    """

    text: str


class SessionEnded(msgspec.Struct, frozen=True):
    """The session was ended, and its host with it.

    Attributes:
        text: The reason, in one line.
    """

    text: str


HostEvent = HostLost | HostBack | SessionEnded
"""An event of the connection of a `RemoteSystem`."""
