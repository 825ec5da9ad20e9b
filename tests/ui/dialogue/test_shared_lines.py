"""Lines typed in one chat that appear in the other chats on the session."""

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
    """Return the lines shown in the other chats, in order."""
    messages = [
        e.message for e in effects if isinstance(e, Tell) and not e.message.private
    ]
    return [it.message.text for it in messages]


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
def test_commands_about_the_chat_itself_are_not_shared(
    line: str, *, drawn: bool
) -> None:
    effects = _dialogue(drawn=drawn).take_line(line)
    assert _told(effects) == []
    # A drawn chat stores the line because it stores the answer as well.
    assert _kept(effects) == ([line] if drawn else [])


@pytest.mark.parametrize("drawn", [True, False], ids=["drawn", "lines"])
def test_a_refused_command_appears_in_the_other_chats_with_its_answer(
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
    (message,) = (e.message.message for e in effects if isinstance(e, Tell))
    (shown_there,) = other.take_notification(MessageSaid(message))
    assert shown_there == Show(Problem(message.at, shown.text, told=True), "main")


def test_the_refusal_of_an_unshared_command_is_not_shared() -> None:
    dialogue = _dialogue(drawn=True)
    effects = dialogue.take_line("/show 7")
    refused = Refused("there is no task 7", RefusalCode.UNKNOWN, _number(effects))
    assert _told(dialogue.take_reply(refused)) == []


def test_a_command_without_a_matching_task_appears_in_the_other_chats() -> None:
    effects = _dialogue(drawn=False).take_line("/rerun last")
    assert _told(effects)[0] == "/rerun last"
    assert "there is no task yet" in _told(effects)[1]
