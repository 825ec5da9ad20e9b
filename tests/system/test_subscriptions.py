"""Notifications of subscribers, from the first change to the last message."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    CancelTask,
    Notification,
    RefusedError,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TaskFilter,
    TasksForgotten,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
)
from backburner.actors.runtime.promise import Promise
from backburner.actors.session import reading
from backburner.actors.testing import FakeKind, Recorder, running
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kind() -> FakeKind:
    return FakeKind()


@pytest.fixture
def news() -> Recorder[Notification]:
    return Recorder("the subscriber")


def _run(system: TaskSystem, kind: FakeKind, description: str = "Build") -> int:
    task = system.add(description, "fake", origin="ci")
    kind.job(task.id).complete()
    system.wait(task.id, timeout=PATIENCE)
    return task.id


def test_a_wait_for_one_task_is_sent_no_other(
    kind: FakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Notification] = []

    class Heard(Promise[Notification]):
        def tell(self, message: Notification, /) -> None:
            sent.append(message)
            super().tell(message)

    monkeypatch.setattr(reading, "Promise", Heard)
    with running(TaskSystem(kinds=[kind])) as system:
        for _ in range(2):
            system.add("Build", "fake")
        kind.job(1).complete()
        system.wait(1, timeout=PATIENCE)
        kind.job(2).complete()
        system.wait(timeout=PATIENCE)
    (first, *_) = (it for it in sent if isinstance(it, Subscribed))
    assert [it.id for it in first.tasks] == [1]


def test_the_last_message_says_that_the_system_has_stopped(
    kind: FakeKind, news: Recorder[Notification]
) -> None:
    with running(TaskSystem(kinds=[kind])) as system:
        system.subscribe(news)
        system.add("Build", "fake")
        system.stop("enough")
    *_, canceled, last = news.received
    assert isinstance(canceled, TaskChanged)
    assert canceled.task.status is TaskStatus.CANCELED
    assert last == SystemStopped("enough")


def test_the_last_message_arrives_if_the_actors_are_stopped(
    kind: FakeKind, news: Recorder[Notification]
) -> None:
    with running(TaskSystem(kinds=[kind]), dead_letters=True) as system:
        system.subscribe(news)
        system.queue.stop(timeout=PATIENCE)
    assert news.received[-1] == SystemStopped("its actors were stopped")


def test_an_ended_subscriber_causes_no_dead_letter(
    kind: FakeKind, news: Recorder[Notification]
) -> None:
    with running(TaskSystem(kinds=[kind])) as system:
        system.subscribe(news)
        news.die()
    assert system.dead_letters.count == 0


def test_a_wait_for_a_queued_task_raises_when_the_system_stops(
    kind: FakeKind, tmp_path: Path
) -> None:
    with running(TaskSystem(directory=tmp_path, kinds=[kind], slots=1)) as system:
        runs, waits = system.add("Runs", "fake"), system.add("Waits", "fake")
        kind.job(runs.id)
        stopping = threading.Timer(0.05, system.stop, ("enough",))
        stopping.start()
        with pytest.raises(TaskSystemError) as error:
            system.wait(runs.id, waits.id, timeout=PATIENCE)
        stopping.join()
    assert str(error.value) == (
        "task 2 has not ended, and the task system has stopped: enough"
    )


def test_initial_subscribers_receive_the_changes_of_the_start(
    kind: FakeKind, news: Recorder[Notification], tmp_path: Path
) -> None:
    with running(TaskSystem(directory=tmp_path / "one", kinds=[kind])) as system:
        task = system.add("Build", "fake")
        kind.job(task.id)
        # The state that a kill at this moment leaves.
        shutil.copytree(tmp_path / "one", tmp_path / "killed")
    again = TaskSystem(directory=tmp_path / "killed", kinds=[kind])
    shown: Recorder[Notification] = Recorder("the screen")
    again.start(subscribers=[news, Subscribe(shown, shows=True)])
    again.stop()
    first, lost, last = news.received
    assert isinstance(first, Subscribed)
    assert [it.status for it in first.tasks] == ["running"]
    assert isinstance(lost, TaskChanged)
    assert lost.task.reason == "the session ended while it ran"
    assert isinstance(last, SystemStopped)
    (subscribed,) = shown.of(Subscribed)
    assert [it.event for it in subscribed.unshown] == ["queued", "running"]


def test_a_failed_start_sends_a_last_message(news: Recorder[Notification]) -> None:
    system = TaskSystem()
    deaf = FakeKind()  # has no `tell`
    with pytest.raises(TaskSystemError, match="must have a method tell"):
        system.start(subscribers=[news, deaf])  # pyright: ignore[reportArgumentType]
    assert isinstance(news.received[-1], SystemStopped)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"origin": "ci"}, {"queued", "running", "complete", "canceled"}),
        ({"origin": "me"}, set[str]()),
        ({"which": TaskFilter.FINISHED}, {"complete", "canceled"}),
        ({"description": "Two"}, {"queued", "canceled"}),
        ({"description": "Two", "which": TaskFilter.COMPLETE}, set[str]()),
    ],
)
def test_a_subscriber_receives_only_the_tasks_it_selects(
    wanted: dict[str, str], expected: set[str], kind: FakeKind
) -> None:
    news: Recorder[Notification] = Recorder("the subscriber")
    everything: Recorder[Notification] = Recorder("the other")
    with running(TaskSystem(kinds=[kind], slots=1)) as system:
        system.subscribe(news, **wanted)  # pyright: ignore[reportArgumentType]
        system.subscribe(everything)
        one = system.add("One", "fake", origin="ci")
        two = system.add("Two", "fake", origin="ci")
        system.cancel(two.id)
        kind.job(one.id).complete()
        system.wait(one.id, timeout=PATIENCE)
        assert {it.event for it in news.of(TaskChanged)} == expected
        system.forget_finished()
        assert news.of(TasksForgotten)
        # A later subscriber gets the tasks of its filter as well.
        late: Recorder[Notification] = Recorder("the late one")
        _run(system, kind, "Two")
        system.subscribe(late, **wanted)  # pyright: ignore[reportArgumentType]
        (first,) = late.of(Subscribed)
        fits = wanted.get("origin") != "me"
        assert [it.description for it in first.tasks] == (["Two"] if fits else [])
    assert len(everything.of(TaskChanged)) == 8


def test_subscribing_again_changes_the_selection(
    kind: FakeKind, news: Recorder[Notification]
) -> None:
    with running(TaskSystem(kinds=[kind])) as system:
        system.subscribe(news, origin="me")
        _run(system, kind)
        assert not news.of(TaskChanged)
        system.subscribe(news, origin="ci")
        _run(system, kind)
        assert len(news.of(Subscribed)) == 1
        assert [it.task.id for it in news.of(TaskChanged)] == [2, 2, 2]


@pytest.mark.parametrize(
    "wanted", [{"origin": 5}, {"which": "done"}, {"since": "1"}, {"description": 1}]
)
def test_an_invalid_selection_is_named(
    wanted: dict[str, str], news: Recorder[Notification]
) -> None:
    (name,) = wanted
    with running(TaskSystem()) as system, pytest.raises(RefusedError, match=name):
        system.subscribe(news, **wanted)  # pyright: ignore[reportArgumentType]


def _seq_of_last_status(news: Recorder[Notification]) -> int:
    return max(it.seq for it in news.of(TaskChanged) if it.event != "progress")


def test_a_returning_program_receives_missed_changes(
    kind: FakeKind, news: Recorder[Notification], tmp_path: Path
) -> None:
    directory = tmp_path / "session"
    with running(TaskSystem(directory=directory, kinds=[kind])) as system:
        system.subscribe(news)
        _run(system, kind, "Seen")
        seen = _seq_of_last_status(news)
        system.unsubscribe(news)
        _run(system, kind, "Missed")
        runs = system.add("Runs", "fake")
        kind.job(runs.id).advance_to(50)

        back: Recorder[Notification] = Recorder("who comes back")
        system.subscribe(back, since=seen)
        (first,) = back.of(Subscribed)
        assert [it.task.description for it in first.missed] == ["Missed", "Runs"]
        assert [it.event for it in first.missed] == ["complete", "running"]
        assert [it.description for it in first.tasks] == ["Seen", "Missed", "Runs"]
        assert [it.seq for it in first.missed] == sorted(it.seq for it in first.missed)
    # The same holds after a reopening, also for the task that ended with the session.
    with running(TaskSystem(directory=directory, kinds=[kind])) as system:
        again: Recorder[Notification] = Recorder("who comes back again")
        system.subscribe(again, since=seen, which=TaskFilter.FINISHED)
        (first,) = again.of(Subscribed)
        assert [it.task.status for it in first.missed] == ["complete", "canceled"]
        caught_up: Recorder[Notification] = Recorder("who has seen all")
        system.subscribe(caught_up, since=first.missed[-1].seq)
        assert caught_up.of(Subscribed)[0].missed == ()
        without: Recorder[Notification] = Recorder("who does not ask")
        system.subscribe(without)
        assert without.of(Subscribed)[0].missed == ()


def test_missed_changes_survive_a_damaged_journal(
    kind: FakeKind, news: Recorder[Notification], tmp_path: Path
) -> None:
    directory = tmp_path / "session"
    with running(TaskSystem(directory=directory, kinds=[kind])) as system:
        system.subscribe(news)
        for _ in range(3):
            _run(system, kind)
        seen = [it.seq for it in news.of(TaskChanged) if it.event == "complete"]
        (directory / "session.db").write_bytes(b"damaged" * 1000)
        _run(system, kind)
    with running(TaskSystem(directory=directory, kinds=[kind])) as system:
        back: Recorder[Notification] = Recorder("who comes back")
        system.subscribe(back, since=seen[1])
        (first,) = back.of(Subscribed)
        assert [it.task.id for it in first.missed] == [3, 4]


def test_a_canceled_task_is_announced_once(
    kind: FakeKind, news: Recorder[Notification]
) -> None:
    with running(TaskSystem(kinds=[kind])) as system:
        system.subscribe(news, which=TaskFilter.CANCELED)
        task = system.add("Build", "fake")
        kind.job(task.id)
        system.queue.tell(CancelTask(task.id))
        news.wait_for(TaskChanged)
    assert len(news.of(TaskChanged)) == 1
