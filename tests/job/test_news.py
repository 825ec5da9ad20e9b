"""Output and progress of a running job."""

from __future__ import annotations

from pathlib import Path

from backburner.actors import TaskStatus
from backburner.actors.job.news import QUIET_AFTER
from backburner.actors.messages import JobQuiet, Look, Stop, TaskProgressed
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.testing import FakeKind

from tests.job.rig import CANCELED, LIMIT, Rig, StartActor


def test_output_and_progress_are_reported_when_they_change(rig: Rig) -> None:
    job = rig.begin()
    job.write(b"[1/4] cc a.c\n")
    progress = rig.queue.wait_for(TaskProgressed)
    assert (progress.news.size, progress.news.last_line) == (13, "[1/4] cc a.c")
    assert progress.news.progress == 25
    rig.settle()
    rig.settle()
    assert len(rig.queue.of(TaskProgressed)) == 1
    job.write(b"[2/4] cc b.c\n")
    assert rig.queue.wait_for(TaskProgressed).news.progress == 50


def test_progress_from_the_job_takes_precedence(rig: Rig) -> None:
    job = rig.begin()
    job.advance_to(10)
    assert rig.queue.wait_for(TaskProgressed).news.progress == 10
    job.write(b"99%\n")
    news = rig.queue.wait_for(TaskProgressed).news
    assert (news.progress, news.last_line) == (10, "99%")


def test_a_job_without_output_can_have_progress(start_actor: StartActor) -> None:
    rig = start_actor(FakeKind())
    job = rig.begin()
    job.advance_to(40)
    assert rig.queue.wait_for(TaskProgressed).news.progress == 40
    job.complete()
    news = rig.end().news
    assert news is not None
    assert (news.progress, news.size) == (40, 0)


def test_the_end_of_a_job_carries_its_last_news(rig: Rig) -> None:
    job = rig.begin()
    assert job.context.output is not None
    job.context.output.write_bytes(b"the last words\n")
    job.complete()
    news = rig.end().news
    assert news is not None
    assert (news.size, news.last_line) == (15, "the last words")


def test_truncated_output_is_named_at_the_end(rig: Rig) -> None:
    job = rig.begin()
    output = Path(rig.task.output_path or "")
    output.write_bytes(b"a" * 1000)
    rig.tell(Look())
    rig.queue.wait_for(TaskProgressed)
    output.write_bytes(b"b\n")
    job.complete("exit status 0", 0)
    ended = rig.end()
    assert ended.outcome.reason == (
        "exit status 0; its command truncated its output file; 998 B of output were"
        " lost"
    )
    assert ended.news == OutputNews(2, "b", None)


def test_a_job_is_quiet_when_it_has_had_no_news_for_a_while(rig: Rig) -> None:
    job = rig.begin()
    job.advance_to(10)
    rig.queue.wait_for(TaskProgressed)
    # Each change of the size is a look.
    for _ in range(QUIET_AFTER - 1):
        rig.settle()
    assert rig.runner.received == ()
    rig.settle()
    assert rig.runner.received == (JobQuiet(1, quiet=True),)
    rig.settle()
    job.advance_to(20)
    rig.queue.wait_for(TaskProgressed)
    rig.settle()
    assert rig.runner.received[1:] == (JobQuiet(1, quiet=False),)


def test_too_much_output_ends_the_job_as_failed(rig: Rig) -> None:
    job = rig.begin()
    job.write(b"x" * LIMIT)
    rig.queue.wait_for(TaskProgressed)
    job.write(b"x")
    ended = rig.end()
    assert ended.outcome.status is TaskStatus.FAILED
    assert ended.outcome.reason == "its output went beyond the limit of 2 KiB"
    assert ended.news is not None
    assert ended.news.size == LIMIT + 1
    assert job.asked.received.count("kill") == 1


def test_too_much_output_kills_the_job_only_once(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"kill"})
    job = rig.begin()
    job.write(b"x" * (LIMIT + 1))
    job.asked.wait_for(lambda step: step == "kill")
    for _ in range(5):
        rig.settle()
    # Killing takes rounds; each further kill would restart them.
    assert job.asked.received.count("kill") == 1
    job.fail("killed")
    assert rig.end().outcome.reason == "its output went beyond the limit of 2 KiB"


def test_too_much_output_of_a_job_that_is_stopping_ends_the_grace_period(
    rig: Rig,
) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    job.asked.wait_for(lambda step: step == "stop")
    job.write(b"x" * (LIMIT + 1))
    assert rig.end().outcome == CANCELED
    assert job.asked.received.count("kill") == 1


def test_invalid_progress_fails_the_task(rig: Rig) -> None:
    rig.begin().advance_to(150)
    outcome = rig.end().outcome
    assert outcome.status is TaskStatus.FAILED
    assert "a whole number from 0 to 100" in outcome.reason
