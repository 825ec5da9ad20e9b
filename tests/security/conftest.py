"""Fixtures of the security tests: forked hosts, and the timeout of the long form."""

from tests.faults.conftest import pytest_collection_modifyitems
from tests.host.sessions import forked_hosts

__all__ = ["forked_hosts", "pytest_collection_modifyitems"]
