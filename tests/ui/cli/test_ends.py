"""Verbs that wait receive no queued tasks, which may be many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from backburner.actors import Subscribed, TaskChanged, TaskStatus, TaskSystem, Terms
from backburner.actors.testing import FakeKind
from backburner.ui.cli import ends
from patience import PATIENCE

if TYPE_CHECKING:
    import pytest
    from backburner.actors import Notification, Recipient
    from backburner.actors.host.remote import RemoteSystem


def test_waiting_verbs_are_not_sent_queued_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announced: set[int] = set()

    def tap(subscriber: Recipient[Notification], news: Notification) -> None:
        if isinstance(news, Subscribed):
            announced.update(it.id for it in news.tasks)
        if isinstance(news, TaskChanged):
            announced.add(news.task.id)
        tell[type(subscriber)](subscriber, news)

    # `reporting_waits` uses the second class.
    kinds: list[type[Any]] = [ends.TaskEnds, vars(ends)["_InputNews"]]
    tell = {it: it.tell for it in kinds}
    for it in kinds:
        monkeypatch.setattr(it, "tell", tap)
    kind = FakeKind()
    with TaskSystem(kinds=[kind]) as system:
        remote = cast("RemoteSystem", system)
        held = system.add("Held", "fake", terms=Terms(held=True))
        with ends.TaskEnds(remote) as first:
            task = system.add("Runs", "fake")
            kind.job(task.id)
            with ends.reporting_waits(remote, [task.id], ""):
                system.add("Held", "fake", terms=Terms(held=True))
                kind.job(task.id).complete()
                (ended,) = first.wait([task.id], PATIENCE)
        assert ended.status is TaskStatus.COMPLETE
        with ends.TaskEnds(remote) as second:
            # The task had ended before.
            assert second.wait([held.id, task.id], PATIENCE) == (ended,)
    assert announced == {task.id}
