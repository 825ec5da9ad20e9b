"""What the partner says, thinks and does, on the screen."""

from __future__ import annotations

import pytest
from backburner.actors import ChatMessage, MessageSaid, Transcript
from backburner.actors.rules.terms import Terms
from backburner.ui.chat.model.effects import ControlPartner, TellPartner
from backburner.ui.chat.model.transcript import LIMIT
from backburner.ui.chat.update.absorb import NOBODY
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


def test_an_answer_grows_and_is_kept_as_it_was_written(chat: ChatDriver) -> None:
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


def test_an_answer_is_read_again_as_it_was(chat: ChatDriver) -> None:
    said = ChatMessage(START, "main", "helper", "# Some *text*", form="markdown")
    chat.tell(Transcript((said,)))
    assert "helper  Some text" in chat.screen()


def test_an_answer_is_no_part_of_what_was_said_in_an_earlier_life(
    chat: ChatDriver,
) -> None:
    chat.tell(Transcript((ChatMessage(START, "main", "helper", "Before."),)))
    chat.tell(says("Now."))
    assert "Before.Now." not in chat.screen()
    assert "helper  Now." in chat.screen()


def test_an_answer_in_another_chat_is_drawn_here_too(chat: ChatDriver) -> None:
    said = ChatMessage(START, "main", "helper", "# Some *text*", form="markdown")
    assert not chat.tell(MessageSaid(said))
    assert "helper  Some text" in chat.screen()


def test_what_is_said_in_another_chat_goes_to_the_partner(chat: ChatDriver) -> None:
    said = ChatMessage(START, "main", "you", "hello")
    assert chat.tell(MessageSaid(said)) == [
        TellPartner("main", "hello", elsewhere=True)
    ]
    command = replace(said, text="/tasks", command=True)
    assert not chat.tell(MessageSaid(command))


def test_it_is_shown_what_the_partner_does_and_for_how_long(chat: ChatDriver) -> None:
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


def test_a_failure_is_a_line(chat: ChatDriver) -> None:
    chat.tell(PartnerFailed("main", "nothing listens\x1b[2J there"))
    assert "error  helper: nothing listens there" in chat.screen()


def test_thoughts_are_folded_until_somebody_wants_them(chat: ChatDriver) -> None:
    chat.tell(PartnerThought("main", "first this\nthen that", 4.2))
    assert "thought for 4.2s" in chat.screen()
    assert "then that" not in chat.screen()
    chat.press("alt-t")
    assert "then that" in chat.screen()
    chat.press("alt-t")
    assert "then that" not in chat.screen()


def test_nothing_hostile_of_an_answer_is_drawn(chat: ChatDriver) -> None:
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


def test_a_long_answer_has_all_its_rows(chat: ChatDriver) -> None:
    chat.state.size = Size(80, 300)
    text = "".join(f"- point *{number}*\n" for number in range(200))
    for at in range(0, len(text), 11):
        chat.tell(says(text[at : at + 11]))
    chat.tell(says("", done=True))
    for number in range(200):
        assert f"• point {number}\n" in chat.screen().replace(" \n", "\n") + "\n"
    assert len(chat.state.conversations.current.transcript.items) < LIMIT


def test_without_a_partner_it_is_said_once_that_nobody_answers() -> None:
    chat = ChatDriver(120)
    chat.enter("hello")
    chat.enter("anybody?")
    assert chat.screen().count("no partner is set up") == 1
    assert [it.text for it in chat.kept].count(NOBODY) == 1
    again = ChatDriver(120)
    again.tell(Transcript(tuple(chat.kept)))
    again.enter("and now?")
    assert again.screen().count("no partner is set up") == 1


def held(task_id: int, command: str) -> object:
    task = replace(queued(task_id), args=(command,), terms=Terms(held=True))
    return of_conversation("partner:main", task)[0]


def test_what_the_partner_asks_for_is_offered_to_be_allowed(chat: ChatDriver) -> None:
    task = held(7, "make test")
    chat.news(task)  # type: ignore[arg-type]
    assert "/allow 7" in chat.screen()
    chat.press("tab")
    assert chat.state.editor.text == "/allow 7"
    chat.press("ctrl-c")
    chat.news(replace(task, terms=None))  # type: ignore[type-var]
    assert "/allow 7" not in chat.screen()


def test_a_command_may_be_allowed_for_good(chat: ChatDriver) -> None:
    chat.news(held(7, "make test"), held(8, "make a && rm b"))  # type: ignore[arg-type]
    effects = chat.enter("/allow 7 --always make *")
    assert ControlPartner(AllowCommands(pattern="make *")) in effects
    effects = chat.enter("/allow 8 --always")
    assert ControlPartner(AllowCommands(command="make a && rm b")) in effects
    effects = chat.enter("/allow 8 --always make *")
    assert not effects[1:]
    assert "does not cover that command" in chat.screen()
    said = ChatMessage(START, "main", "you", "/allow 7 --always make *", command=True)
    assert chat.tell(MessageSaid(said)) == [
        ControlPartner(AllowCommands(pattern="make *"))
    ]


def test_the_news_of_its_tasks_are_in_the_conversation(chat: ChatDriver) -> None:
    (task,) = of_conversation("partner:other", queued(1))
    chat.news(task)
    assert [it.name for it in chat.state.conversations.all] == ["main", "other"]
