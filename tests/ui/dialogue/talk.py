"""The entries and requests of a dialogue, in short form."""

from __future__ import annotations

from collections.abc import Mapping

from backburner.actors import (
    BashKind,
    Outcome,
    QueueReply,
    QueueRequest,
    SleepKind,
    Task,
    TaskChanged,
    TaskEvent,
)
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import Effect, Leave, Send, Show
from backburner.ui.dialogue.entries import Entry, Problem, Reply, Said, TaskNews
from backburner.ui.text.theme import UNICODE_ICONS
from lookups import with_lookups
from msgspec.structs import replace

Samples = Mapping[Status, Task]


def new_dialogue() -> Dialogue:
    return Dialogue((BashKind(), SleepKind()), UNICODE_ICONS, grace=5.0)


def entries_of(effects: list[Effect]) -> list[Entry]:
    return [effect.entry for effect in effects if isinstance(effect, Show)]


def requests_in(effects: list[Effect]) -> list[QueueRequest]:
    """Return the requests that need an answer."""
    sent = [effect.request for effect in effects if isinstance(effect, Send)]
    return [request for request in sent if hasattr(request, "correlation_id")]


def the_request(effects: list[Effect]) -> QueueRequest:
    (request,) = requests_in(effects)
    return request


def number_of(request: QueueRequest) -> int:
    number: object = getattr(request, "correlation_id", None)
    assert isinstance(number, int)
    return number


def texts_of(effects: list[Effect]) -> list[str]:
    """Return the shown entries: `> typed`, `reply`, `! problem`, `#3 event`."""
    texts: list[str] = []
    for effect in effects:
        match effect:
            case Show(entry=Said(text=text)):
                texts.append(f"> {text}")
            case Show(entry=Reply(lines=lines)):
                texts.extend(lines)
            case Show(entry=Problem(text=text)):
                texts.append(f"! {text}")
            case Show(entry=TaskNews(change=change)):
                texts.append(f"#{change.task.id} {change.event}")
            case Leave():
                texts.append("(leaves)")
            case _:
                pass
    return texts


def ask(dialogue: Dialogue, line: str, answer: QueueReply) -> list[str]:
    """Type a line that makes one request, answer it, and return the shown entries."""
    number = number_of(the_request(dialogue.take_line(line)))
    effects = dialogue.take_reply(replace(answer, correlation_id=number))
    return texts_of(with_lookups(dialogue, effects))


def tell(dialogue: Dialogue, task: Task, event: TaskEvent | None = None) -> list[str]:
    change = TaskChanged(1, event or TaskEvent.of(task.status), task)
    return texts_of(dialogue.take_notification(change))


def ended_with(task: Task, outcome: Outcome) -> Task:
    return task.ended(outcome, task.queued_at, 1.0)
