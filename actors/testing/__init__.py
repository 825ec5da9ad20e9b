"""Helpers for tests of actors.

Of these actors, or of others that work with them.

Nothing in here needs pytest; its fixtures are in `backburner.actors.testing.plugin`.
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
