"""Messages of any length are shown completely, at the cost of the visible part."""

from __future__ import annotations

import tracemalloc

import pytest
from backburner.actors import TaskStatus
from backburner.ui.dialogue.entries import Reply
from backburner.ui.dialogue.messages import Notice
from backburner.ui.dialogue.partner import PartnerSays
from chat_driver import START, ChatDriver, ended
from msgspec.structs import replace

PIECES = 200


def all_of(chat: ChatDriver) -> str:
    """Read the transcript from its end to its start, page by page."""
    pages = [chat.screen()]
    while True:
        chat.press("pgup")
        page = chat.screen()
        if page == pages[-1]:
            return "\n".join(reversed(pages))
        pages.append(page)


def test_a_message_of_many_lines_is_shown_completely() -> None:
    chat = ChatDriver(60, 60)
    chat.enter("\n".join(f"line {number}" for number in range(2500)))
    assert "line 2499" in chat.screen()
    seen = all_of(chat)
    assert all(f"line {number}\n" in f"{seen}\n" for number in range(0, 2500, 7))


@pytest.mark.parametrize("length", [2506, 50_000])
def test_a_long_line_is_shown_completely(length: int) -> None:
    chat = ChatDriver(80, 50)
    chat.enter("x" * length + "END")
    assert "END" in chat.screen()
    assert len(set(all_of(chat).splitlines())) > 1


def test_a_long_answer_is_shown_completely() -> None:
    chat = ChatDriver(80, 50)
    lines = tuple(f"row {number}" for number in range(3000))
    chat.state.conversations.show(Reply(START, lines), "main")
    assert "row 2999" in chat.screen()
    assert "row 0" in all_of(chat)


def test_a_long_message_stays_one_message() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new other")
    text = "\n".join("line" for _ in range(1000))
    chat.tell(PartnerSays("main", text))
    assert chat.state.conversations.unread == (("main", 1),)


def test_a_growing_answer_keeps_no_copies_of_its_prefixes() -> None:
    chat = ChatDriver(partner="butler")
    chat.screen()
    tracemalloc.start()
    try:
        for number in range(PIECES):
            piece = f"piece number {number} of it{'. ' if number % 9 else chr(10)}"
            chat.tell(PartnerSays("main", piece, done=number == PIECES - 1))
            chat.frame()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    text = chat.kept[-1].text
    assert text.count("piece number") == PIECES
    assert kept < PIECES / 2 * len(text) / 2  # all prefixes would take twice as much
    assert f"piece number {PIECES - 1}" in chat.screen()


def test_the_result_of_a_task_is_shown_wherever_the_task_is() -> None:
    chat = ChatDriver(100)
    done = replace(ended(1, "Run tests"), last_line="511 passed in 62.40s")
    chat.news(done)
    news = [line for line in chat.screen().splitlines() if "#1 complete" in line]
    assert "511 passed in 62.40s" in news[0]
    assert chat.screen().count("511 passed in 62.40s") == 2
    assert "Canceled: 0" in chat.screen()


def test_a_long_command_is_shown_once_in_full() -> None:
    chat = ChatDriver(80, 40)
    command = " ".join(f"word{number}" for number in range(60))
    chat.enter(f"!{command}")
    chat.news(ended(1, command), ended(2, command, TaskStatus.FAILED))
    chat.state.panels = ()
    assert "".join(chat.screen().split()).count("word59") == 1


@pytest.mark.parametrize("columns", [24, 40, 41, 60])
def test_a_notice_wraps_between_words_and_a_table_within_its_columns(
    columns: int,
) -> None:
    text = "process 4711 serves session 'main' now; tasks keep running"
    chat = ChatDriver(columns, 30)
    chat.tell(Notice(text, good=True))
    rows = [row.strip() for row in chat.screen().splitlines()]
    words = {word for row in rows for word in row.split()}
    assert words >= set(text.split())
    table = Reply(START, ("ID  Description" + "x" * columns,), laid_out=True)
    chat.state.conversations.show(table, "main")
    assert "ID  Descriptionx" in chat.screen()
