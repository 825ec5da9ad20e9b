"""The task added last, which a line can name as `last`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    AddTask,
    CancelTask,
    GetTask,
    Refused,
    Subscribed,
    TaskAdded,
    Terms,
)
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.effects import Send
from msgspec.structs import replace

from tests.ui.dialogue.talk import (
    Samples,
    ask,
    requests_in,
    tell,
    texts_of,
    the_request,
)

if TYPE_CHECKING:
    from backburner.ui.dialogue.dialogue import Dialogue


@pytest.mark.parametrize(
    "line",
    ["/show last", "/output last", "/cancel last", "/task --after last Run bash ls"],
)
def test_without_tasks_there_is_no_last_task(dialogue: Dialogue, line: str) -> None:
    effects = dialogue.take_line(line)
    assert requests_in(effects) == []
    assert texts_of(effects)[1].startswith("! there is no task yet; /help /task")
    assert not dialogue.busy


def _adding(dialogue: Dialogue, line: str) -> int | str | None:
    request = the_request(dialogue.take_line(line))
    assert isinstance(request, AddTask)
    return request.correlation_id


def test_the_last_task_may_still_be_pending(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    first, second = _adding(dialogue, "!a"), _adding(dialogue, "!b")
    assert requests_in(dialogue.take_line("/cancel last", "tests")) == []
    task = replace(samples[Status.QUEUED], id=6)
    assert dialogue.take_reply(TaskAdded(task, first)) == []
    effects = dialogue.take_reply(TaskAdded(replace(task, id=7), second))
    cancel = the_request(effects)
    assert isinstance(cancel, CancelTask)
    assert cancel.task_id == 7
    assert [it.where for it in effects if isinstance(it, Send)] == ["tests"]


def test_the_last_task_is_never_one_typed_later(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    first = _adding(dialogue, "!a")
    assert requests_in(dialogue.take_line("/cancel last")) == []
    second = _adding(dialogue, "!b")
    task = replace(samples[Status.QUEUED], id=6)
    cancel = the_request(dialogue.take_reply(TaskAdded(task, first)))
    assert isinstance(cancel, CancelTask)
    assert cancel.task_id == 6
    assert dialogue.take_reply(TaskAdded(replace(task, id=7), second)) == []


def test_the_last_task_is_not_an_earlier_one_if_adding_failed(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    adding = _adding(dialogue, "!a")
    assert requests_in(dialogue.take_line("/cancel last")) == []
    effects = dialogue.take_reply(Refused("no room", correlation_id=adding))
    assert requests_in(effects) == []
    assert texts_of(effects)[-1] == "! no task was added; give a number"
    assert not dialogue.busy


def test_a_chain_can_be_typed_ahead(dialogue: Dialogue, samples: Samples) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    number = _adding(dialogue, "/task Build bash make")
    for option in ("--after last", "--after 2,last", "--after-any=last"):
        assert requests_in(dialogue.take_line(f"/task {option} Next bash make")) == []
    assert requests_in(dialogue.take_line("/cancel last")) == []
    task = replace(samples[Status.QUEUED], id=6)
    for expected in (Terms(after=(6,)), Terms(after=(2, 7)), Terms(after_any=(8,))):
        request = the_request(dialogue.take_reply(TaskAdded(task, number)))
        assert isinstance(request, AddTask)
        assert request.request.terms == expected
        number, task = request.correlation_id, replace(task, id=task.id + 1)
    cancel = the_request(dialogue.take_reply(TaskAdded(task, number)))
    assert isinstance(cancel, CancelTask)
    assert cancel.task_id == 9


def test_a_refused_task_ends_the_chain(dialogue: Dialogue, samples: Samples) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    number = _adding(dialogue, "/task Build bash make")
    for _ in range(2):
        dialogue.take_line("/task --after last Next bash make")
    dialogue.take_line("/cancel last")
    effects = dialogue.take_reply(Refused("no room", correlation_id=number))
    assert requests_in(effects) == []
    assert texts_of(effects) == [
        "! no room",
        *["! no task was added; give a number"] * 3,
    ]
    assert dialogue.unsuccessful
    assert not dialogue.busy


def test_the_last_task_is_the_one_added_last(
    dialogue: Dialogue, samples: Samples
) -> None:
    def last() -> int:
        request = the_request(dialogue.take_line("/show last"))
        assert isinstance(request, GetTask)
        dialogue.take_reply(Refused("", correlation_id=request.correlation_id))
        return request.task_id

    queued = samples[Status.QUEUED]
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    assert last() == 5
    ask(dialogue, "!ls", TaskAdded(replace(queued, id=6)))
    assert last() == 6
    tell(dialogue, replace(queued, id=7))
    assert last() == 7
    tell(dialogue, samples[Status.RUNNING])
    assert last() == 7
    tell(dialogue, replace(samples[Status.COMPLETE], id=7))
    assert last() == 7
