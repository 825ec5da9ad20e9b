"""The effect of a job's limits on its end, without control groups."""

from __future__ import annotations

import os
import signal
import subprocess

from backburner.actors import Outcome, TaskStatus, Terms
from backburner.actors.processes.bounds import Bounds


def test_a_job_killed_for_its_limit_has_failed_with_any_exit() -> None:
    # A waiting shell exits with 0 even if its child was killed.
    bounds = Bounds(Terms(pids=1), None)
    command = "sleep 600 & sleep 600 & echo set; wait"
    with subprocess.Popen(
        ["bash", "-c", command], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"set\n"
            exceeded = bounds.exceeded(child.pid)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
    assert exceeded == "killed: had 3 of 1 process"
    outcome = bounds.judged(Outcome.complete("done", 0))
    assert (outcome.status, outcome.reason) == (TaskStatus.FAILED, exceeded)
    assert outcome.error == exceeded
