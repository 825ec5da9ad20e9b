"""What the tests of security share: their hosts are forks, the long form takes longer."""

from tests.faults.conftest import pytest_collection_modifyitems
from tests.host.sessions import forked_hosts

__all__ = ["forked_hosts", "pytest_collection_modifyitems"]
