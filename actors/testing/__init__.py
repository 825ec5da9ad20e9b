"""Helpers for those who test actors: these, or their own that work with these.

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
