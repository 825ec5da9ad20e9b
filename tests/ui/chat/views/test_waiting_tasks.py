"""Waiting tasks in the panel: chains and countdowns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from backburner.actors import Outcome, Terms
from backburner.ui.chat.beats import COUNTING, SPIN
from chat_driver import ChatDriver, queued, running
from msgspec.structs import replace

CHAIN = (
    running(1, "Build"),
    replace(queued(2, "Other"), reason="waits"),
    replace(queued(3, "Test"), reason="waits", terms=Terms(after=(1,), group="ci")),
    replace(queued(4, "Deploy"), reason="waits", terms=Terms(after_any=(3,))),
)


def rows(chat: ChatDriver, *names: str) -> list[str]:
    """Return the rows of the panel with these names, without surrounding text."""
    found = [line for line in chat.screen().splitlines() if "Tasks" not in line]
    return [
        line[line.index("#") :].split("  waits")[0].rstrip()
        for line in found
        if any(f"{name}" in line for name in names) and "#" in line
    ]


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_the_panel_draws_chains(columns: int) -> None:
    chat = ChatDriver(columns=columns, rows=40)
    chat.news(*CHAIN)
    shown = rows(chat, "Build", "Other", "Test", "Deploy")
    panel = [row for row in shown if row.startswith(("#1", "#2", "#3", "#4"))]
    names = [row.split("  ", 1)[1].rstrip() for row in panel][-4:]
    assert [it.split("   ")[0] for it in names] == [
        "Build",
        "└ Test",
        "  └ Deploy",
        "Other",
    ]


def test_a_narrow_panel_shows_names_instead_of_chains() -> None:
    for columns, names in ((11, ("Test", "Depl…")), (15, ("└ Test", "Deploy"))):
        chat = ChatDriver(columns=columns, rows=40)
        chat.news(*CHAIN)
        panel = [
            row.split("  ", 1)[1].rstrip()
            for row in chat.screen().splitlines()
            if row.startswith(("○ #3  ", "○ #4  "))
        ]
        assert panel[-2:] == [*names]


def test_the_list_shows_chains_and_can_be_filtered_by_group() -> None:
    chat = ChatDriver()
    chat.news(*CHAIN)
    assert chat.state.board.list_ids() == [1, 3, 4, 2]
    assert chat.state.board.list_ids("ci") == [3]
    chat.news(CHAIN[0].ended(Outcome.complete(), datetime.now(UTC), 1.0))
    assert chat.state.board.list_ids() == [2, 3, 4, 1]


def test_remaining_time_counts_down_once_a_second() -> None:
    chat = ChatDriver(columns=100)
    at = datetime.now(UTC) + timedelta(seconds=252.5)
    later = replace(queued(1, "Later"), reason="starts at 9:00", terms=Terms(at=at))
    assert chat.next_beat() is None
    chat.news(later)
    chat.settle()
    assert "starts in 4m 1" in chat.screen()
    assert chat.next_beat() == COUNTING
    chat.news(running(2))
    assert chat.next_beat() == SPIN


def test_a_task_due_another_day_or_waiting_for_a_task_has_no_countdown() -> None:
    chat = ChatDriver(columns=100)
    at = datetime.now(UTC) + timedelta(days=3)
    later = replace(queued(1, "Later"), reason="starts at 9:00", terms=Terms(at=at))
    chat.news(later, replace(queued(2), terms=Terms(at=at - timedelta(days=3))))
    chat.settle()
    assert "starts at 9:00" in chat.screen()
    assert chat.next_beat() is None
