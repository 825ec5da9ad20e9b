"""A job that is stopped, by its task or with its actor."""

from __future__ import annotations

from backburner.actors import JobEnd, Outcome
from backburner.actors.messages import Stop

from tests.job.rig import CANCELED, GRACE, Rig


def test_a_stopped_job_has_the_requested_outcome(rig: Rig) -> None:
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    assert rig.end().outcome == CANCELED
    assert job.asked.of(str) == ("look", "stop", "look")
    assert rig.clock.scheduled == 0


def test_the_exit_code_of_a_stopped_job_is_kept(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    job.asked.wait_for(lambda step: step == "stop")
    job.fail("exit status 143", 143)
    assert rig.end().outcome == Outcome.canceled("canceled by you", 143)


def test_a_job_that_ended_before_its_stop_keeps_its_own_end(rig: Rig) -> None:
    job = rig.begin()
    job.end(JobEnd(Outcome.complete("built", 0)), quietly=True)
    rig.tell(Stop(CANCELED))
    assert rig.end().outcome == Outcome.complete("built", 0)
    assert "stop" not in job.asked.received


def test_a_job_that_does_not_stop_is_killed_after_the_grace_period(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    job.asked.wait_for(lambda step: step == "stop")
    rig.clock.wait_until_scheduled()
    rig.clock.advance(GRACE - 0.1)
    rig.settle()
    assert "kill" not in job.asked.received
    rig.clock.advance(0.1)
    job.asked.wait_for(lambda step: step == "kill")
    assert rig.end().outcome == CANCELED


def test_a_second_stop_can_shorten_the_grace_period(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    rig.tell(Stop(Outcome.canceled("once more")))
    rig.settle()
    assert job.asked.received.count("stop") == 1
    rig.tell(Stop(Outcome.canceled("enough"), now=True))
    assert rig.end().outcome == CANCELED
    assert "kill" in job.asked.received
    assert rig.clock.scheduled == 0


def test_a_job_may_be_killed_at_once(rig: Rig) -> None:
    job = rig.begin()
    rig.tell(Stop(CANCELED, now=True))
    assert rig.end().outcome == CANCELED
    assert "stop" not in job.asked.received


def test_processes_that_could_not_be_ended_are_reported(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    job = rig.begin()
    rig.tell(Stop(CANCELED, now=True))
    job.asked.wait_for(lambda step: step == "kill")
    job.end(JobEnd(Outcome.failed("killed"), "still alive: 12 (sleep)"))
    outcome = rig.end().outcome
    assert (outcome.status, outcome.error) == ("canceled", "still alive: 12 (sleep)")
