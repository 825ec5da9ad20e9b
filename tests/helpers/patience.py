"""How long a test waits before it fails."""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 100.0
"""Seconds to wait for an event that should come at once.

Long, as a machine may stand still (virtual machines that were paused for half a minute
were seen) while the clock goes on: only a test that fails takes so long. A job that is
to last must last longer (`sleep 600`), and who waits for something that waits itself,
twice as long, so that it can still say what was missing.
"""
