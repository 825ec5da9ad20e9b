"""The results of `/find`: showing, stopping, opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import GetTask, ListTasks, TaskCounts, TaskFound, TaskList
from backburner.ui.chat.model.state import Focus
from backburner.ui.chat.update.update import update
from backburner.ui.dialogue.lookups import LookedUp, LookUp
from backburner.ui.dialogue.output_search import FoundLine, LinesFound
from backburner.ui.dialogue.search_actor import StopSearch
from backburner.ui.terminal.keys import Click
from chat_driver import ChatDriver, ended, requests
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.actors import Task


@pytest.fixture
def task(tmp_path: Path) -> Task:
    output = tmp_path / "3.log"
    output.write_text("".join(f"line {it} of many\n" for it in range(500)))
    size = output.stat().st_size
    return replace(ended(3, "Tests"), output_path=str(output), output_size=size)


def _find(chat: ChatDriver, text: str, *tasks: Task) -> None:
    chat.news(*tasks)
    (listing,) = requests(chat.enter(f"/find {text}"), ListTasks)
    counts = TaskCounts(complete=len(tasks))
    chat.tell(TaskList(tasks, counts, listing.correlation_id))


def test_opening_a_found_line_opens_its_task_at_that_line(task: Task) -> None:
    chat = ChatDriver()
    _find(chat, "line 25", task)
    screen = chat.screen()
    assert "Found: line 25 · 11 lines" in screen
    assert "#3 line 25 of many" in screen
    assert "line 25: 11 lines in " in screen
    assert chat.state.focus is Focus.PANEL
    chat.press("down", "down")
    (get,) = requests(chat.press("enter"), GetTask)
    chat.tell(TaskFound(task, None, get.correlation_id))
    detail = chat.state.detail
    assert detail is not None
    assert detail.pager is not None
    rows = ["".join(span.text for span in row) for row in detail.pager.rows(60, 9)]
    assert rows[0] == "line 251 of many"
    assert detail.pager.status.query == "line 25"
    while detail.pager.step():
        pass  # the pager counts the matches
    # Back to the list, then to the input.
    chat.press("escape")
    assert chat.state.focus is Focus.PANEL
    assert "Found: line 25" in chat.screen()
    chat.press("escape")
    assert chat.state.focus is Focus.INPUT
    assert "Found: " not in chat.screen()


def test_a_search_without_hits_says_so(task: Task) -> None:
    chat = ChatDriver()
    _find(chat, "absent", task)
    assert "no line found" in chat.screen()
    chat.press("enter")
    assert chat.state.detail is None


def test_a_search_shows_its_progress_and_esc_stops_it(task: Task) -> None:
    chat = ChatDriver()
    chat.news(task)
    (listing,) = requests(chat.enter("/find line"), ListTasks)
    answer = TaskList((task,), TaskCounts(complete=1), listing.correlation_id)
    (search,) = [
        it for it in update(chat.state, answer, chat.now) if isinstance(it, LookUp)
    ]
    hit = FoundLine(3, 0, "line 0 of many", "line")
    part = LinesFound((hit,), 1 << 30, 4 << 30, ended=False)
    chat.tell(LookedUp(search.number, part))
    assert "1 line · 25% of 4 GiB searched · Esc stops" in chat.screen()
    chat.type("x")
    assert chat.state.editor.text == "x"
    assert [it for it in chat.press("escape") if isinstance(it, StopSearch)]
    last = LinesFound((), 2 << 30, 4 << 30, ended=True)
    chat.tell(LookedUp(search.number, last))
    assert "stopped before the rest of 4 GiB" in chat.screen()
    chat.tell(LookedUp(search.number, last))  # not the answer of a current search
    assert chat.state.found is not None
    assert len(chat.state.found.hits) == 1


def test_a_click_opens_a_line(task: Task) -> None:
    chat = ChatDriver()
    _find(chat, "line 7", task)
    row = next(
        index
        for index, text in enumerate(chat.screen().splitlines())
        if "#3 line 70 of many" in text
    )
    (get,) = requests(chat.tell(Click(2, row)), GetTask)
    assert get.task_id == 3
