"""What the other chats on a session are told of the lines that are typed in one."""

from __future__ import annotations

import pytest
from backburner.actors import BashKind, MessageSaid, RefusalCode, Refused, SleepKind
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import Effect, Send, Show, Tell
from backburner.ui.dialogue.entries import Problem
from backburner.ui.text.theme import UNICODE_ICONS


def _dialogue(*, drawn: bool) -> Dialogue:
    return Dialogue((BashKind(), SleepKind()), UNICODE_ICONS, 5.0, drawn=drawn)


def _told(effects: list[Effect]) -> list[str]:
    """Return what the other chats show, in order."""
    told = [e.message for e in effects if isinstance(e, Tell) and not e.message.private]
    return [it.message.text for it in told]


def _kept(effects: list[Effect]) -> list[str]:
    return [e.message.message.text for e in effects if isinstance(e, Tell)]


def _number(effects: list[Effect]) -> int:
    (request,) = (effect.request for effect in effects if isinstance(effect, Send))
    number: object = getattr(request, "correlation_id", None)
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize("drawn", [True, False], ids=["drawn", "lines"])
@pytest.mark.parametrize(
    "line",
    [
        *("/tsaks", "/cancel what", '/task "x', '/task "x" bsh "make"'),
        *("/help", "/tasks --all", "/quit", "exit", "/wait"),
    ],
)
def test_what_a_chat_does_with_itself_is_told_to_no_other(
    line: str, *, drawn: bool
) -> None:
    effects = _dialogue(drawn=drawn).take_line(line)
    assert _told(effects) == []
    # A chat on a screen keeps the line, since it keeps the answer as well.
    assert _kept(effects) == ([line] if drawn else [])


@pytest.mark.parametrize("drawn", [True, False], ids=["drawn", "lines"])
def test_a_command_that_is_refused_stands_in_the_others_with_its_answer(
    *, drawn: bool
) -> None:
    dialogue, other = _dialogue(drawn=drawn), _dialogue(drawn=not drawn)
    effects = dialogue.take_line("/cancel 7")
    assert _told(effects) == ["/cancel 7"]
    refused = Refused("there is no task 7", RefusalCode.UNKNOWN, _number(effects))
    effects = dialogue.take_reply(refused)
    (shown,) = (e.entry for e in effects if isinstance(e, Show))
    assert isinstance(shown, Problem)
    assert _told(effects) == [shown.text]
    (told,) = (e.message.message for e in effects if isinstance(e, Tell))
    (there,) = other.take_notification(MessageSaid(told))
    assert there == Show(Problem(told.at, shown.text, told=True), "main")


def test_a_refusal_of_what_no_other_has_seen_is_told_to_no_other() -> None:
    dialogue = _dialogue(drawn=True)
    effects = dialogue.take_line("/show 7")
    refused = Refused("there is no task 7", RefusalCode.UNKNOWN, _number(effects))
    assert _told(dialogue.take_reply(refused)) == []


def test_a_command_that_finds_no_task_stands_in_the_others_with_its_answer() -> None:
    effects = _dialogue(drawn=False).take_line("/rerun last")
    assert _told(effects)[0] == "/rerun last"
    assert "there is no task yet" in _told(effects)[1]
