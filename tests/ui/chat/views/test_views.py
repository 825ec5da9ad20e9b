"""Every view at every size: no row too wide, no control character in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskStatus
from backburner.actors.messages import TaskFound, TasksForgotten
from backburner.ui.chat.model.messages import Resized
from backburner.ui.chat.model.state import Detail
from backburner.ui.chat.views.layout import measured
from backburner.ui.chat.views.popup import HEIGHT
from backburner.ui.dialogue.commands import REGISTRY
from backburner.ui.dialogue.partner import PartnerSays
from backburner.ui.pager.pager import Pager
from backburner.ui.pager.search import STEP
from backburner.ui.terminal.keys import Click, Paste
from backburner.ui.terminal.terminal import Size
from backburner.ui.text.cells import row_width
from backburner.ui.text.theme import Look
from chat_driver import START, ChatDriver, ended, open_task, queued, row_text, running
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOSTILE = (
    "\x1b[2J\x1b]52;c;aGk=\x07 \u202eevil\x9b31m \r hidden\ttab \x00 \ud800"
    " 漢字 e\u0301 \U0001f469\u200d\U0001f469\u200d\U0001f467"
)


def plain(chat: ChatDriver) -> None:
    chat.enter("hello")


def empty(chat: ChatDriver) -> None:
    del chat


def busy(chat: ChatDriver) -> None:
    chat.enter('/task "x" bash true')
    for number in range(1, 30):
        line = "collected 812 items"
        chat.news(running(number, "Run tests", progress=number * 3, last_line=line))
    chat.news(*(queued(number, "漢字" * 30) for number in range(30, 60)))
    chat.now += 2
    chat.news(ended(3, status=TaskStatus.FAILED), ended(4, status=TaskStatus.CANCELED))


def hostile(chat: ChatDriver) -> None:
    chat.tell(
        Paste(HOSTILE), PartnerSays(HOSTILE, HOSTILE), PartnerSays("main", HOSTILE)
    )
    chat.press("enter")
    chat.enter(f"/task {HOSTILE}")
    chat.news(running(1, HOSTILE), ended(2, HOSTILE, TaskStatus.FAILED))
    chat.tell(Paste(HOSTILE))


def popup(chat: ChatDriver) -> None:
    busy(chat)
    chat.type("/")


def arguments(chat: ChatDriver) -> None:
    hostile(chat)
    chat.press("ctrl-c")
    chat.type("/cancel ")


def panel(chat: ChatDriver) -> None:
    busy(chat)
    chat.press("tab", "down", "down", "/", "r")


def keys(chat: ChatDriver) -> None:
    chat.press("?")


def confirm(chat: ChatDriver) -> None:
    hostile(chat)
    chat.press("ctrl-c", "ctrl-c")


def detail(chat: ChatDriver) -> None:
    hostile(chat)
    found = chat.state.board.find(2)
    assert found is not None
    open_task(chat, Detail.of(TaskFound(found.task, 4711)))
    chat.press("/", "x")


def scrolled(chat: ChatDriver) -> None:
    hostile(chat)
    for number in range(60):
        chat.enter(f"{number} {HOSTILE}")
    chat.press("pgup", "pgup")
    chat.enter("/chat --new other")
    chat.enter("/chat main")


def searching(chat: ChatDriver) -> None:
    plain(chat)
    chat.press("ctrl-r", "h")


SCENES = (
    empty,
    plain,
    busy,
    hostile,
    popup,
    arguments,
    panel,
    keys,
    confirm,
    detail,
    scrolled,
    searching,
)
sizes = st.tuples(st.integers(1, 200), st.integers(1, 60))
SMALL = [(columns, rows) for columns in (1, 2, 3, 7, 20) for rows in (1, 2, 3, 5, 9)]


def check(chat: ChatDriver, columns: int, rows: int) -> None:
    chat.tell(Resized(Size(columns, rows)))
    frame = chat.frame()
    assert len(frame.rows) <= rows
    for row in frame.rows:
        assert row_width(row) <= columns
        text = row_text(row)
        assert text.isascii() or not any(
            char < " " or "\x7f" <= char < "\xa0" or char in "\u202e\u2028\ud800"
            for char in text
        )
        assert text.isprintable() or not text.isascii()
    if frame.cursor is not None:
        row_index, column = frame.cursor
        assert 0 <= row_index < rows
        assert 0 <= column < columns


@pytest.mark.parametrize("scene", SCENES)
@given(size=sizes)
def test_every_scene_is_drawn_at_any_size(
    scene: Callable[[ChatDriver], None], size: tuple[int, int]
) -> None:
    chat = ChatDriver()
    scene(chat)
    check(chat, *size)


@pytest.mark.parametrize("scene", SCENES)
def test_a_chat_can_be_resized_between_small_and_large(
    scene: Callable[[ChatDriver], None],
) -> None:
    chat = ChatDriver()
    scene(chat)
    for columns, rows in (*SMALL, (200, 60)):
        check(chat, columns, rows)
        chat.press("pgup")
        check(chat, columns, rows)


@pytest.mark.parametrize("scene", SCENES)
def test_an_ascii_screen_contains_only_ascii(
    scene: Callable[[ChatDriver], None],
) -> None:
    if scene in {busy, hostile, popup, arguments, panel, confirm, detail, scrolled}:
        return  # text from users and programs stays unchanged
    chat = ChatDriver(look=Look.of("ascii", 0, light=False))
    scene(chat)
    assert chat.screen().isascii()


def test_the_input_stays_where_it_is_while_everything_else_changes() -> None:
    chat = ChatDriver()
    cursor = chat.frame().cursor
    busy(chat)
    assert chat.frame().cursor == cursor
    chat.press("ctrl-t")
    assert chat.frame().cursor == cursor


def test_the_panel_takes_at_most_a_third_and_counts_the_rest() -> None:
    chat = ChatDriver(rows=24)
    busy(chat)
    lines = chat.screen().split("\n")
    top = next(i for i, line in enumerate(lines) if line.startswith("── Tasks"))
    bottom = next(i for i, line in enumerate(lines) if line.startswith("Running:"))
    assert bottom - top + 1 == 24 // 3
    assert lines[bottom].endswith("+53 more")


def test_the_panel_leaves_a_row_to_the_transcript() -> None:
    chat = ChatDriver()
    chat.news(*(running(number, f"Job {number}") for number in range(1, 20)))
    chat.tell(Paste("a\n" * 9))
    for rows in range(1, 40):
        chat.tell(Resized(Size(80, rows)))
        parts, _ = measured(chat.state)
        assert not parts.panel or parts.transcript


def test_a_running_task_shows_its_last_line_bar_percentage_and_time() -> None:
    chat = ChatDriver(columns=100)
    chat.news(running(4, "Run tests", progress=62, last_line="collected 812 items"))
    chat.now += 40.2
    (line,) = (x for x in chat.screen().split("\n") if "#4" in x and "━" in x)
    assert "Run tests" in line
    assert "collected 812 items" in line
    assert "━━━━━━━·····" in line
    assert line.endswith("62%   41.2s")


def test_a_burst_is_one_line() -> None:
    chat = ChatDriver(rows=40)
    for number in range(1, 60):
        status = TaskStatus.FAILED if number in {7, 9} else TaskStatus.COMPLETE
        chat.news(queued(number), ended(number, status=status))
    lines = [line for line in chat.screen().split("\n") if "complete" in line]
    assert len(lines) == 1
    assert (
        "✓ 57 tasks complete · ✗ 2 failed  (failed: #7 #9; Enter opens #9)" in lines[0]
    )


def test_a_quick_task_has_one_line_for_its_end() -> None:
    chat = ChatDriver(rows=40)
    chat.press("ctrl-t")
    chat.news(queued(1), running(1), ended(1))
    lines = [line for line in chat.screen().split("\n") if "#1" in line]
    assert len(lines) == 1
    assert "✓ #1 complete  Job  8.0s" in lines[0]


def test_the_failed_task_that_enter_opens_says_so() -> None:
    chat = ChatDriver()
    chat.news(ended(2, status=TaskStatus.FAILED))
    assert (
        "✗ #2 failed    Job  exit status 2 · 8.0s  (Enter or /show 2)" in chat.screen()
    )


def test_the_header_counts_and_marks_unread_conversations() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.news(queued(1), running(2))
    header = chat.screen().split("\n")[0]
    assert header.startswith("backburner · work  ● main 2")
    assert header.endswith("1 running · 1 queued")


def test_wrapped_text_hangs_under_its_beginning() -> None:
    chat = ChatDriver(columns=30)
    chat.enter("one two three four five six seven eight")
    lines = [line for line in chat.screen().split("\n") if "five" in line]
    assert lines[0].startswith(" " * 12)


def test_the_placeholder_explains_the_input() -> None:
    assert "A note to yourself" in ChatDriver().screen()
    assert "Say something to butler" in ChatDriver(partner="butler").screen()


def test_the_placeholder_is_cut_off_in_ascii() -> None:
    chat = ChatDriver(columns=30, look=Look.of("ascii", 0, light=False))
    assert chat.screen().isascii()


def test_text_is_truncated_in_ascii() -> None:
    chat = ChatDriver(columns=30, look=Look.of("ascii", 0, light=False))
    chat.news(running(1, "a description that is longer than a row"))
    chat.press("tab", "enter")
    chat.tell(Paste("one\ntwo\nthree\nfour\n"))
    assert "~" in chat.screen()
    assert chat.screen().isascii()


def test_an_open_ended_task_can_be_rerun_and_not_canceled() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    open_task(chat, Detail.of(TaskFound(running(1), 4711)))
    assert "x cancel" in chat.screen().splitlines()[-1]
    chat.news(ended(1))
    footer = chat.screen().splitlines()[-1]
    assert "r run again" in footer
    assert "x cancel" not in footer
    chat.tell(TasksForgotten(2, (1,)))
    footer = chat.screen().splitlines()[-1]
    assert "r run again" not in footer
    assert "x cancel" not in footer


def test_news_of_a_long_command_take_a_few_rows_and_a_failure_has_its_reason() -> None:
    chat = ChatDriver(columns=100, rows=24)
    failed = ended(1, "x" * 5000, TaskStatus.FAILED)
    chat.news(replace(failed, last_line="fatal: no such branch"))
    assert chat.screen().count("x" * 50) <= 4
    words = " ".join(chat.screen().split())
    assert "exit status 2 · 8.0s (Enter or /show 1) fatal: no such branch" in words


def test_the_footer_follows_the_focus() -> None:
    chat = ChatDriver(columns=120)
    assert "Tab tasks" in chat.screen().split("\n")[-1]
    chat.news(queued(1))
    chat.press("tab")
    assert "x cancel" in chat.screen().split("\n")[-1]
    chat.press("/")
    assert "to filter" in chat.screen().split("\n")[-1]


@pytest.mark.parametrize("keys", [["/"], ["ctrl-c"]], ids=["popup", "question"])
def test_the_tasks_stay_visible_while_one_is_selected(keys: list[str]) -> None:
    chat = ChatDriver(100, 30)
    chat.enter("hello")
    chat.news(*(running(number, f"Job {number}") for number in range(1, 5)))
    chat.press(*keys)
    screen = chat.screen()
    assert all(f"#{number}  Job {number}" in screen for number in range(1, 5))
    assert "Running: 4" in screen


def test_a_click_above_the_popup_selects_the_task_shown_there() -> None:
    chat = ChatDriver(100, 30)
    chat.news(*(running(number, f"Job {number}") for number in range(1, 5)))
    chat.type("/")
    lines = chat.screen().splitlines()
    row = next(y for y, line in enumerate(lines) if "#3" in line and "s" in line[-2:])
    chat.tell(Click(5, row))
    assert chat.state.tasks.selected == 3


def test_the_popup_counts_the_hidden_proposals() -> None:
    chat = ChatDriver()
    chat.type("/")
    hidden = sum(spec.name.startswith("/") for spec in REGISTRY) - HEIGHT
    assert f"+{hidden} more" in chat.screen()
    chat.type("ta")
    assert "more" not in chat.screen()


def test_a_long_search_says_that_it_is_running(tmp_path: Path) -> None:
    output = tmp_path / "1.log"
    output.write_text("x\n" * STEP)
    chat = ChatDriver(100)
    chat.news(running(1))
    pager = Pager(output)
    pager.rows(100, 10)
    open_task(chat, Detail(1, None, pager))
    chat.press("/", "x", "y", "enter")
    assert "searching for xy" in chat.screen()
    while pager.step():
        pass
    assert "searching" not in chat.screen()
    assert "not found: xy" in chat.screen()


def test_the_rule_above_an_output_spans_the_full_width(tmp_path: Path) -> None:
    for pager in (None, Pager(tmp_path / "1.log")):
        chat = ChatDriver(80)
        chat.news(running(1))
        open_task(chat, Detail(1, None, pager))
        (rule,) = (x for x in chat.screen().splitlines() if x.startswith("── "))
        assert rule.endswith("──")
        assert len(rule) == 80


def test_a_description_may_take_half_of_the_width() -> None:
    chat = ChatDriver(80)
    chat.news(running(1, "Run the integration", last_line="test 20%", progress=20))
    assert "Run the integration  test 20%" in chat.screen()


def test_times_are_exact_and_include_the_day_when_it_changes() -> None:
    task = ended(1)
    queued_at, ended_at = task.queued_at.astimezone(), (START + timedelta(days=2))
    chat = ChatDriver(120)
    chat.news(replace(task, ended_at=ended_at))
    open_task(chat, Detail(1, None, None))
    (line,) = (x for x in chat.screen().splitlines() if x.startswith("  times"))
    started_at = queued_at + timedelta(seconds=1)
    assert f"queued {queued_at:%-d %b %H:%M:%S}" in line
    assert f"started {started_at:%H:%M:%S}" in line
    assert f"ended {ended_at.astimezone():%-d %b %H:%M:%S}" in line


def test_a_paste_into_a_search_is_made_safe(tmp_path: Path) -> None:
    chat = ChatDriver(80)
    chat.news(running(1))
    open_task(chat, Detail(1, None, Pager(tmp_path / "1.log")))
    chat.press("/")
    chat.tell(Paste(f"{HOSTILE} after\nnot this"))
    typed = chat.screen().splitlines()[-2]
    assert typed.startswith("search #1 /")
    assert "after" in typed
    assert "not this" not in typed
    assert not any(char in typed for char in "\x1b\x07\u202e\x9b\r\t\x00\ud800")


def test_a_notice_and_the_name_of_a_partner_are_made_safe() -> None:
    chat = ChatDriver(120, partner=f"{HOSTILE} butler")
    chat.state.notice = f"can't read {HOSTILE} history"
    lines = chat.screen().splitlines()
    assert lines[-1].endswith("history")
    assert "butler" in lines[-2]
    for line in lines:
        assert not any(char in line for char in "\x1b\x07\u202e\x9b\x00\ud800")


def test_a_command_of_several_lines_is_shown_in_lines_and_visibly_truncated() -> None:
    for lines, end in ((3, "echo 2"), (9, "echo 3 …")):
        chat = ChatDriver(80)
        command = "\n".join(f"echo {number}" for number in range(lines))
        chat.news(replace(running(1), args=(command,)))
        open_task(chat, Detail(1, None, None))
        rows = [row.split("  ")[-1].strip() for row in chat.screen().splitlines()]
        start = rows.index("bash echo 0")
        assert rows[start + 1] == "echo 1"
        assert rows[start + min(lines, 4) - 1] == end


def test_a_long_command_line_is_visibly_truncated() -> None:
    chat = ChatDriver(60)
    chat.news(replace(running(1), args=("word " * 100,)))
    open_task(chat, Detail(1, None, None))
    rows = chat.screen().splitlines()
    assert rows[rows.index(next(r for r in rows if "command" in r)) + 3].endswith(" …")
