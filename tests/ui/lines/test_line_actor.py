from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from backburner.actors import (
    AddTask,
    BashKind,
    DeadLetters,
    JournalTrouble,
    QueueRequest,
    Subscribe,
    Subscribed,
    TaskAdded,
)
from backburner.actors.testing import Recorder, make_task, no_leaks
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.messages import (
    EndOfInput,
    Farewell,
    Finished,
    InputLine,
    LineReport,
    Notice,
    Verdict,
    ViewLost,
)
from backburner.ui.lines.line_actor import LineActor
from backburner.ui.text.theme import UNICODE_ICONS
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka
    from backburner.ui.dialogue.entries import Entry

import pytest


class View:
    """Records the shown entries, or fails."""

    def __init__(self, *, repeats: bool = True) -> None:
        self.repeats = repeats
        self.shown: list[Entry] = []
        self.flushed: list[int] = []
        self.is_lost = False

    def show(self, entry: Entry) -> None:
        if self.is_lost:
            raise OSError(errno.EPIPE, "Broken pipe")
        self.shown.append(entry)

    def flush(self) -> None:
        if self.is_lost:
            raise OSError(errno.EPIPE, "Broken pipe")
        self.flushed.append(len(self.shown))


class Stage:
    """A LineActor and the actors it talks to."""

    def __init__(self, *, repeats: bool = True) -> None:
        self.view = View(repeats=repeats)
        self.queue: Recorder[QueueRequest] = Recorder("the queue")
        self.owner: Recorder[LineReport] = Recorder("the owner")
        self.ui: pykka.ActorRef[LineActor] = LineActor.start(
            Dialogue((BashKind(),), UNICODE_ICONS, grace=5.0),
            self.view,
            self.queue,
            self.owner,
            DeadLetters(),
        )


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with no_leaks():
        stage = Stage(repeats=getattr(request, "param", True))
        yield stage
        stage.ui.stop(timeout=PATIENCE)


@pytest.mark.parametrize("subscribed_late", [False, True])
def test_the_end_does_not_wait_for_a_view_that_shows_nothing(
    stage: Stage, *, subscribed_late: bool
) -> None:
    stage.view.is_lost = True
    stage.ui.tell(InputLine("hello"))
    stage.owner.wait_for(ViewLost)
    assert not stage.queue.wait_for(Subscribe).shows
    if subscribed_late:
        stage.ui.tell(Subscribed(0, ()))
        assert not stage.queue.wait_for(Subscribe).shows


def test_a_task_that_was_never_stored_makes_the_session_unsuccessful(
    stage: Stage,
) -> None:
    stage.ui.tell(InputLine("!make"))
    stage.ui.tell(EndOfInput())
    stage.ui.tell(JournalTrouble("database is locked"))
    stage.owner.wait_for(Finished)
    verdict = stage.ui.ask(Farewell(), timeout=PATIENCE)
    assert verdict == Verdict(misunderstood=False, unsuccessful=True)
    assert "make: could not be stored" in repr(stage.view.shown[-1])


def test_output_is_flushed_before_it_is_acknowledged(stage: Stage) -> None:
    for text in ("a", "b", "c"):
        stage.ui.tell(Notice(text))
    stage.ui.tell(EndOfInput())
    stage.owner.wait_for(Finished)
    assert stage.view.flushed[-1] == len(stage.view.shown) == 3


@pytest.mark.parametrize("stage", [False], indirect=True)
def test_without_echo_tasks_are_added_without_waiting_for_each(stage: Stage) -> None:
    for line in ("!one", "!two", "!", "!three"):
        stage.ui.tell(InputLine(line))
    first, second = (stage.queue.wait_for(AddTask) for _ in range(2))
    assert [first.request.args, second.request.args] == [("one",), ("two",)]
    for number, add in enumerate((first, second), 1):
        # The invalid line is answered only in its turn.
        assert "missing command" not in repr(stage.view.shown)
        task = make_task(id=number, kind="bash", args=add.request.args)
        stage.ui.tell(TaskAdded(task, add.correlation_id))
    assert stage.queue.wait_for(AddTask).request.args == ("three",)
    assert "missing command" in repr(stage.view.shown)


def test_with_echo_each_task_is_answered_below_its_command(stage: Stage) -> None:
    stage.ui.tell(InputLine("!one"))
    stage.ui.tell(InputLine("!two"))
    first = stage.queue.wait_for(AddTask)
    stage.ui.ask(Notice("both lines were taken"), timeout=PATIENCE)
    assert stage.queue.of(AddTask) == (first,)
    stage.ui.tell(TaskAdded(make_task(id=1), first.correlation_id))
    assert stage.queue.wait_for(AddTask).request.args == ("two",)
