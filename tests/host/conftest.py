"""Fixtures of the host tests: hosts, and sessions in them."""

from tests.host.sessions import care, events, forked_hosts, session, settings, shell

__all__ = ["care", "events", "forked_hosts", "session", "settings", "shell"]
