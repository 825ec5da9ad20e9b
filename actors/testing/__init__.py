"""Helpers for tests of actors.

For tests of these actors and of actors that use them. The helpers don't need pytest;
fixtures for pytest are in `backburner.actors.testing.plugin`.
"""

from .fake_kind import FakeJob, FakeKind, Step
from .leaks import no_leaks, running
from .manual_clock import ManualClock
from .manual_exits import ManualExits
from .recorder import AsyncRecorder, Recorder
from .tasks import make_task

__all__ = [
    "AsyncRecorder",
    "FakeJob",
    "FakeKind",
    "ManualClock",
    "ManualExits",
    "Recorder",
    "Step",
    "make_task",
    "no_leaks",
    "running",
]
