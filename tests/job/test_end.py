"""The end of a job, and the report of its actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.actors import JobEnd, Outcome, TaskStatus
from backburner.actors.messages import Look, TaskProcess

if TYPE_CHECKING:
    from tests.job.rig import Rig


def test_a_job_begins_and_completes(rig: Rig) -> None:
    job = rig.begin()
    assert job.context.task == rig.task
    job.complete("built", 0)
    assert rig.end().outcome == Outcome.complete("built", 0)
    assert job.asked.of(str) == ("look",)


def test_a_job_fails_with_its_own_reason(rig: Rig) -> None:
    rig.begin().fail("exit status 2", 2)
    assert rig.end().outcome == Outcome.failed("exit status 2", 2)


def test_an_unannounced_end_is_found_at_the_next_look(rig: Rig) -> None:
    job = rig.begin()
    job.end(JobEnd(Outcome.complete()), quietly=True)
    rig.tell(Look())
    assert rig.end().outcome.status is TaskStatus.COMPLETE


def test_a_job_without_a_process_records_none(rig: Rig) -> None:
    rig.begin()
    rig.settle()
    assert rig.queue.of(TaskProcess) == ()
