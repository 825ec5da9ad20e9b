"""Fixtures of the keeper tests: hosts, and sessions in them."""

from tests.faults.conftest import pytest_collection_modifyitems, small_disk
from tests.host.sessions import care, events, forked_hosts, session, settings

__all__ = [
    "care",
    "events",
    "forked_hosts",
    "pytest_collection_modifyitems",
    "session",
    "settings",
    "small_disk",
]
