"""What the tests of security share: their hosts are forks."""

from tests.host.sessions import forked_hosts

__all__ = ["forked_hosts"]
