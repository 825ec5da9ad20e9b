"""How long a test waits before it fails."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 100.0
"""Seconds to wait for an event that should come at once.

Long, because a machine may stall (virtual machines paused for half a minute
were seen) while the clock runs: only a failing test takes so long. A job that must
outlast the test runs longer (`sleep 600`), and a wait for another wait takes
twice as long, so that it can still report the cause.
"""
