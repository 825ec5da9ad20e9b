"""The partner's answers, thoughts and activity on the screen."""

from __future__ import annotations

import pytest
from backburner.actors import ChatMessage, MessageSaid, Transcript
from backburner.actors.rules.terms import Terms
from backburner.ui.chat.model.effects import ControlPartner, TellPartner
from backburner.ui.chat.model.transcript import LIMIT
from backburner.ui.chat.update.absorb import NO_PARTNER
from backburner.ui.dialogue.partner import (
    AllowCommands,
    PartnerDoes,
    PartnerFailed,
    PartnerSays,
    PartnerThought,
    StopAnswer,
)
from backburner.ui.terminal.terminal import Size
from chat_driver import START, ChatDriver, of_conversation, queued
from msgspec.structs import replace


@pytest.fixture
def chat() -> ChatDriver:
    return ChatDriver(partner="helper")


def says(text: str, *, done: bool = False, where: str = "main") -> PartnerSays:
    return PartnerSays(where, text, done, form="markdown")


def test_an_answer_grows_and_is_stored_unchanged(chat: ChatDriver) -> None:
    chat.tell(says("Some **bo"))
    assert "helper  Some **bo" in chat.screen()
    chat.tell(says("ld** text"))
    assert "helper  Some bold text" in chat.screen()
    chat.tell(says("", done=True))
    kept = chat.kept[-1]
    assert (kept.who, kept.text, kept.form) == (
        "helper",
        "Some **bold** text",
        "markdown",
    )


def test_an_answer_is_restored_unchanged(chat: ChatDriver) -> None:
    message = ChatMessage(START, "main", "helper", "# Some *text*", form="markdown")
    chat.tell(Transcript((message,)))
    assert "helper  Some text" in chat.screen()


def test_an_answer_is_not_appended_to_a_restored_one(chat: ChatDriver) -> None:
    chat.tell(Transcript((ChatMessage(START, "main", "helper", "Before."),)))
    chat.tell(says("Now."))
    assert "Before.Now." not in chat.screen()
    assert "helper  Now." in chat.screen()


def test_an_answer_in_another_chat_appears_in_this_chat(chat: ChatDriver) -> None:
    message = ChatMessage(START, "main", "helper", "# Some *text*", form="markdown")
    assert not chat.tell(MessageSaid(message))
    assert "helper  Some text" in chat.screen()


def test_a_message_of_another_chat_goes_to_the_partner(chat: ChatDriver) -> None:
    message = ChatMessage(START, "main", "you", "hello")
    assert chat.tell(MessageSaid(message)) == [
        TellPartner("main", "hello", elsewhere=True)
    ]
    command = replace(message, text="/tasks", command=True)
    assert not chat.tell(MessageSaid(command))


def test_the_chat_shows_the_partner_s_activity_and_its_duration(
    chat: ChatDriver,
) -> None:
    chat.tell(PartnerDoes("main", "waits for an answer"))
    chat.now += 3
    chat.tell(PartnerDoes("main", "answers"))
    assert "helper answers, 3 s; Esc stops it" in chat.screen()
    assert "answers 3 s" in chat.screen().split("\n")[0]
    assert chat.next_beat() is not None
    assert chat.press("escape") == [ControlPartner(StopAnswer("main"))]
    chat.tell(PartnerDoes("main", ""))
    assert "Esc stops" not in chat.screen()
    assert chat.next_beat() is None
    assert not chat.press("escape")


def test_a_failure_is_shown_as_a_line(chat: ChatDriver) -> None:
    chat.tell(PartnerFailed("main", "nothing listens\x1b[2J there"))
    assert "error  helper: nothing listens there" in chat.screen()


def test_thoughts_are_folded_until_they_are_opened(chat: ChatDriver) -> None:
    chat.tell(PartnerThought("main", "first this\nthen that", 4.2))
    assert "thought for 4.2s" in chat.screen()
    assert "then that" not in chat.screen()
    chat.press("alt-t")
    assert "then that" in chat.screen()
    chat.press("alt-t")
    assert "then that" not in chat.screen()


def test_hostile_text_in_an_answer_is_not_drawn(chat: ChatDriver) -> None:
    chat.tell(
        says("a\x1b]0;title\x07b `\x9b31m` \u202e"),
        PartnerThought("main", "\x1b[2J", 1),
    )
    chat.press("alt-t")
    assert all(it.isprintable() for it in chat.screen().replace("\n", ""))


@pytest.mark.parametrize("columns", [1, 5, 23, 24, 40, 200])
def test_an_answer_fits_any_window(chat: ChatDriver, columns: int) -> None:
    text = "# Title\n\n- a long item\n\n| a | b |\n|-|-|\n| 1 | 2 |\n\n```\ncode\n```\n"
    chat.tell(says(text * 30))
    chat.state.size = Size(columns, 20)
    chat.frame()


def test_a_long_answer_keeps_all_its_rows(chat: ChatDriver) -> None:
    chat.state.size = Size(80, 300)
    text = "".join(f"- point *{number}*\n" for number in range(200))
    for at in range(0, len(text), 11):
        chat.tell(says(text[at : at + 11]))
    chat.tell(says("", done=True))
    for number in range(200):
        assert f"• point {number}\n" in chat.screen().replace(" \n", "\n") + "\n"
    assert len(chat.state.conversations.current.transcript.items) < LIMIT


def test_without_a_partner_the_chat_says_once_that_no_one_answers() -> None:
    chat = ChatDriver(120)
    chat.enter("hello")
    chat.enter("anybody?")
    assert chat.screen().count("no partner is set up") == 1
    assert [it.text for it in chat.kept].count(NO_PARTNER) == 1
    again = ChatDriver(120)
    again.tell(Transcript(tuple(chat.kept)))
    again.enter("and now?")
    assert again.screen().count("no partner is set up") == 1


def held(task_id: int, command: str) -> object:
    task = replace(queued(task_id), args=(command,), terms=Terms(held=True))
    return of_conversation("partner:main", task)[0]


def test_a_request_of_the_partner_offers_allow_in_the_input(chat: ChatDriver) -> None:
    task = held(7, "make test")
    chat.news(task)  # type: ignore[arg-type]
    assert "/allow 7" in chat.screen()
    chat.press("tab")
    assert chat.state.editor.text == "/allow 7"
    chat.press("ctrl-c")
    chat.news(replace(task, terms=None))  # type: ignore[type-var]
    assert "/allow 7" not in chat.screen()


def test_a_command_can_be_allowed_permanently(chat: ChatDriver) -> None:
    chat.news(held(7, "make test"), held(8, "make a && rm b"))  # type: ignore[arg-type]
    effects = chat.enter("/allow 7 --always make *")
    assert ControlPartner(AllowCommands(pattern="make *")) in effects
    effects = chat.enter("/allow 8 --always")
    assert ControlPartner(AllowCommands(command="make a && rm b")) in effects
    effects = chat.enter("/allow 8 --always make *")
    assert not effects[1:]
    assert "does not cover that command" in chat.screen()
    message = ChatMessage(
        START, "main", "you", "/allow 7 --always make *", command=True
    )
    assert chat.tell(MessageSaid(message)) == [
        ControlPartner(AllowCommands(pattern="make *"))
    ]


def test_news_of_the_partner_s_tasks_appear_in_its_conversation(
    chat: ChatDriver,
) -> None:
    (task,) = of_conversation("partner:other", queued(1))
    chat.news(task)
    assert [it.name for it in chat.state.conversations.all] == ["main", "other"]
