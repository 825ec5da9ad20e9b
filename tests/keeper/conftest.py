"""What the tests of the keeper share: hosts, and sessions in them."""

from tests.host.sessions import care, events, session, settings

__all__ = ["care", "events", "session", "settings"]
