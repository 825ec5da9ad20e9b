"""Cancels that race with starts and ends, and a thousand simultaneous ends."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import TYPE_CHECKING

from backburner.actors import (
    BashKind,
    CancelAccepted,
    CancelTask,
    QueueReply,
    Refused,
    SleepKind,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TaskSystem,
)
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.testing import FakeKind, Recorder, running
from patience import PATIENCE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors import Notification, Task

_FINAL = {TaskEvent.COMPLETE, TaskEvent.FAILED, TaskEvent.CANCELED}
_ROUND = 100


def _stories(changes: tuple[TaskChanged, ...], first: int) -> dict[int, list[Task]]:
    """Check that no change is missing or repeated; return each task's changes."""
    assert [it.seq for it in changes] == [*range(first, first + len(changes))]
    stories: dict[int, list[Task]] = {}
    for change in changes:
        story = stories.setdefault(change.task.id, [])
        assert change.event is TaskEvent.PROGRESS or change.event == change.task.status
        if change.event is not TaskEvent.PROGRESS:
            story.append(change.task)
    for story in stories.values():
        events = [task.status.value for task in story]
        assert events[0] == TaskEvent.QUEUED
        assert events[1:-1] in ([], [TaskEvent.RUNNING])
        assert events[-1] in _FINAL
        for before, after in itertools.pairwise(story):
            assert before.queued_at == after.queued_at
    return stories


def _race(system: TaskSystem, chance: random.Random) -> Counter[str]:
    """Race a hundred cancels, and count the ends by kind."""
    news: Recorder[Notification] = Recorder()
    replies: Recorder[QueueReply] = Recorder()
    system.subscribe(news)
    first = news.wait_for(Subscribed).seq + 1
    ids: list[int] = []
    for _ in range(_ROUND):
        if chance.random() < 0.2:
            task = system.add("Real", "bash", "true")
        else:
            task = system.add("Nap", "sleep", f"{chance.randrange(4)}ms")
        ids.append(task.id)
        if chance.random() < 0.7:
            time.sleep(chance.uniform(0, 0.004))
        cancel = CancelTask(task.id, "raced", chance.random() < 0.5, replies, task.id)
        system.queue.tell(cancel)
    system.wait(timeout=PATIENCE)
    replies.wait_for_count(object, _ROUND)
    system.unsubscribe(news)
    stories = _stories(news.of(TaskChanged), first)
    assert sorted(stories) == ids
    for reply in replies.received:
        assert isinstance(reply.correlation_id, int)
        last = stories[reply.correlation_id][-1]
        match reply:
            case CancelAccepted(tasks=(accepted,)) if accepted.status.is_final:
                assert last == accepted
                assert last.started_at is None
            case CancelAccepted():
                assert last.status in _FINAL
            case Refused():
                assert last.reason != "raced"
            case _:
                raise AssertionError(reply)
    return Counter(story[-1].status.value for story in stories.values())


def test_a_cancel_meets_a_start_or_an_end_at_any_moment(
    state: Path, chance: random.Random, report: Callable[[str], None], *, soak: bool
) -> None:
    outcomes: Counter[str] = Counter()
    count = 10_000 if soak else 500
    system = TaskSystem(directory=state, slots=4, kinds=[BashKind(), SleepKind()])
    with running(system, dead_letters=True):
        for _ in range(count // _ROUND):
            outcomes += _race(system, chance)
    assert outcomes.total() == count
    report(f"{count} cancels: {dict(outcomes)}")


def test_a_thousand_tasks_may_end_at_once(state: Path) -> None:
    count = 1000
    kind = FakeKind()
    news: Recorder[Notification] = Recorder()
    shows: Recorder[Notification] = Recorder()
    system = TaskSystem(directory=state, slots=count, kinds=[kind])
    with running(system):
        system.subscribe(news)
        system.subscribe(shows, shows=True)
        for number in range(count):
            system.add(f"Task {number}", "fake")
        news.wait_for(lambda it: isinstance(it, TaskChanged) and it.task.id == count)
        # Tasks don't start in the order of their ids.
        jobs = [kind.job(number, timeout=PATIENCE) for number in range(1, count + 1)]
        for job in jobs:
            job.complete()
        ended = system.wait(*range(1, count + 1), timeout=PATIENCE)
        assert len(ended) == count
    assert news.of(TaskChanged) == shows.of(TaskChanged)
    stories = _stories(news.of(TaskChanged), 1)
    assert len(stories) == count
    # No subscriber acknowledged them, so all are shown after a restart.
    journal = SqliteJournal(state / "session.db")
    unshown = [it for it in journal.load().unshown if it.event in _FINAL]
    journal.release()
    assert unshown == [it for it in news.of(TaskChanged) if it.event in _FINAL]
