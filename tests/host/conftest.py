"""What the tests of the host share: hosts, and sessions in them."""

from tests.host.sessions import care, events, session, settings, shell

__all__ = ["care", "events", "session", "settings", "shell"]
