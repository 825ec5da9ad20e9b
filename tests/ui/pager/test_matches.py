"""Counting matches, marking the current one, and showing only the lines that match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.ui.chat.model.state import Detail
from backburner.ui.pager import pager as pager_module
from backburner.ui.pager.pager import Pager
from backburner.ui.pager.search import STEP
from backburner.ui.text.rows import Style
from chat_driver import ChatDriver, open_task, running
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

MARK = Style(fg=1)


def seen(pager: Pager, height: int = 10) -> list[str]:
    rows = pager.rows(40, height)
    return ["".join(span.text for span in row) for row in rows]


def work(pager: Pager) -> None:
    while pager.step():
        pass


def place(pager: Pager) -> tuple[int, int]:
    return pager.status.match, pager.status.matches


@pytest.fixture
def output(tmp_path: Path) -> Path:
    lines = (f"line {n}{' hit' * (n % 100 == 0)}\n" for n in range(2000))
    path = tmp_path / "1.log"
    path.write_text("".join(lines))
    return path


def test_matches_are_counted_and_the_current_one_is_numbered(output: Path) -> None:
    pager = Pager(output)
    seen(pager)
    pager.home()
    pager.search("hit")
    work(pager)
    assert place(pager) == (1, 20)
    assert pager.status.counted
    for forward, number in ((True, 2), (True, 3), (False, 2), (False, 1), (False, 20)):
        pager.search_again(forward=forward)
        work(pager)
        assert place(pager) == (number, 20)
    assert pager.status.message == "search wrapped around"


def test_several_matches_in_a_line_are_visited_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_text("a hit, a hit\nnothing\nhit\n")
    pager = Pager(path)
    seen(pager)
    pager.home()
    pager.search("hit")
    work(pager)
    places = [place(pager)]
    marked: list[str] = []
    for _ in range(3):
        rows = pager.rows(40, 3, MARK)
        marked.append(
            "".join("#" if span.style == MARK else "." for row in rows for span in row)
        )
        pager.search_again(forward=True)
        work(pager)
        places.append(place(pager))
    assert places == [(1, 3), (2, 3), (3, 3), (1, 3)]
    assert all(marks.count("#") == 1 for marks in marked)
    assert len(set(marked)) == 3


def test_matches_added_later_are_counted(output: Path) -> None:
    pager = Pager(output)
    seen(pager)
    pager.search("hit", forward=False)
    work(pager)
    assert place(pager) == (20, 20)
    with output.open("a") as stream:
        stream.write("an unfinished h")
    seen(pager)
    with output.open("a") as stream:
        stream.write("it\nhit\n")
    seen(pager)
    work(pager)
    assert pager.status.matches == 22


def test_a_filter_shows_and_searches_only_matching_lines(output: Path) -> None:
    pager = Pager(output)
    seen(pager)
    pager.show_only("hit")
    work(pager)
    assert seen(pager, 3) == ["line 1700 hit", "line 1800 hit", "line 1900 hit"]
    assert pager.status.lines == 20
    pager.scroll(-2)
    assert seen(pager, 3)[0] == "line 1500 hit"
    pager.home()
    assert seen(pager, 2) == ["line 0 hit", "line 100 hit"]
    pager.search("line 1")
    work(pager)
    assert place(pager) == (1, 11)
    pager.show_only("")
    assert "line 101" in seen(pager, 10)


def test_a_filter_without_matches_shows_nothing_and_can_be_removed(
    output: Path,
) -> None:
    pager = Pager(output)
    before = seen(pager)
    pager.show_only("nowhere")
    work(pager)
    assert seen(pager) == []
    pager.scroll(-1)
    pager.show_only("")
    pager.end()
    assert seen(pager) == before


def test_a_long_search_can_be_stopped_between_steps(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_text("x hit\n" * STEP)
    for begin in (Pager.search, Pager.show_only):
        pager = Pager(path)
        seen(pager)
        begin(pager, "hit")
        assert pager.step()
        assert pager.step()
        found = pager.status.matches + pager.status.lines
        assert found > 0
        pager.cancel_search()
        assert not pager.step()
        seen(pager)
        assert pager.status.matches + pager.status.lines == found


def test_the_number_of_counted_matches_is_limited(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pager_module, "MOST_COUNTED", 5)
    pager = Pager(output)
    seen(pager)
    pager.search("hit")
    work(pager)
    assert pager.status.matches == 5
    assert not pager.status.counted


@given(st.lists(st.sampled_from(["ab", "b", "é", "\x1b[1mab", "\n", "B", "\t"])))
def test_the_count_equals_the_matches_in_all_displayed_lines(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("count") / "1.log"
    path.write_text("".join(parts))
    pager = Pager(path)
    shown = seen(pager, 1000)
    pager.search("b")
    work(pager)
    assert pager.status.matches == sum(line.lower().count("b") for line in shown)


def test_the_chat_shows_the_counter_and_recalls_the_last_term(output: Path) -> None:
    chat = ChatDriver()
    chat.news(running(1))
    pager = Pager(output)
    open_task(chat, Detail(1, None, pager))
    pager.rows(80, 10)
    chat.press("/", *"hit", "enter")
    work(pager)
    assert "hit: 20 of 20" in chat.screen()
    chat.press("N")
    work(pager)
    assert "hit: 19 of 20" in chat.screen()
    pager = Pager(output)
    open_task(chat, Detail(1, None, pager))
    pager.rows(80, 10)
    chat.press("/", "enter")
    work(pager)
    assert "hit: 20 of 20" in chat.screen()
    chat.press("&", "up", "enter")
    work(pager)
    assert "only 20 lines with hit" in chat.screen()
    chat.press("escape")
    assert "only 20" not in chat.screen()
    assert chat.state.detail is not None
