"""The window's title and taskbar, announcements, beats, the last line, the log."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors import GetTask, TaskFound, TaskStatus, Transcript
from backburner.actors.messages import TaskChanged, TaskEvent
from backburner.actors.rules.chat_message import ChatMessage
from backburner.ui.chat.announcer import PAUSE, Announcer
from backburner.ui.chat.beats import LINGERING, SPIN
from backburner.ui.chat.model.board import LINGER
from backburner.ui.chat.model.messages import Beat
from backburner.ui.chat.model.state import Detail
from backburner.ui.chat.summary import summary_text
from backburner.ui.chat.update.absorb import LOOKS_EVERY
from backburner.ui.chat.window import taskbar, window_title
from backburner.ui.terminal.keys import Click, Wheel
from backburner.ui.terminal.quiet import Quiet
from backburner.ui.text.rows import Style
from backburner.ui.text.theme import BASIC, COLOURLESS, DARK, LIGHT, Look, theme_for
from chat_driver import (
    START,
    ChatDriver,
    ended,
    of_conversation,
    open_task,
    queued,
    requests,
    running,
)
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path


def test_the_title_counts_running_tasks_and_unread_lines() -> None:
    chat = ChatDriver()
    assert window_title(chat.state) == "backburner main"
    chat.enter("/chat --new work")
    chat.news(running(1), running(2), queued(3))
    expected = "2 running, 1 queued, 3 unread - backburner main"
    assert window_title(chat.state) == expected


def test_the_taskbar_shows_the_mean_of_the_known_progress() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    assert taskbar(chat.state) is None
    chat.news(running(2, progress=20), running(3, progress=60), ended(4))
    assert taskbar(chat.state) == 40


def test_announcements_name_one_task_and_count_many() -> None:
    announcer = Announcer()
    assert announcer.due(0.0) is None
    announcer.add(ended(1, "Build\x1b[2J", TaskStatus.FAILED), 1, 1, lambda: False)
    assert announcer.take(100.0) == "Build failed: exit status 2 (8.0s)"
    announcer.add(ended(2), 2, 1, lambda: False)
    announcer.add(ended(3), 3, 1, lambda: False)
    announcer.add(ended(4, status=TaskStatus.CANCELED), 4, 1, lambda: False)
    assert announcer.seq == 4
    assert announcer.due(100.0 + PAUSE - 0.5) == 0.5
    text = announcer.take(100.0 + PAUSE)
    assert text == "3 tasks have ended: 2 complete, 1 canceled"
    assert announcer.take(999.0) is None


def test_one_announcement_follows_the_last_of_several_tasks() -> None:
    announcer = Announcer()
    announcer.add(ended(1, "Alone"), 1, 0, lambda: True)
    assert announcer.take(10.0) == "Alone complete (8.0s)"
    announcer.add(ended(2, status=TaskStatus.FAILED), 2, 1, lambda: False)
    announcer.drop()  # the change was seen, and the focus is elsewhere now
    announcer.add(ended(3), 3, 1, lambda: False)
    announcer.add(ended(4), 4, 0, lambda: True)
    text = "all 3 tasks have ended: 1 failed, 2 complete"
    assert announcer.take(20.0) == text
    assert announcer.take(99.0) is None
    announcer.add(ended(5), 5, 1, lambda: False)
    announcer.add(ended(6), 6, 1, lambda: True)
    assert announcer.take(99.0) == "2 tasks have ended: 2 complete; 1 is held or paused"


def test_announcements_are_configurable() -> None:
    announcer = Announcer(each=False)
    announcer.add(ended(1), 1, 1, lambda: False)
    assert announcer.due(10.0) is None
    announcer.add(ended(2), 2, 0, lambda: True)
    assert announcer.take(10.0) == "all 2 tasks have ended: 2 complete"
    announcer.add(ended(3, "Alone"), 3, 0, lambda: True)
    assert announcer.take(20.0) == "Alone complete (8.0s)"
    announcer = Announcer(all_done=False)
    announcer.add(ended(1), 1, 1, lambda: False)
    announcer.add(ended(2), 2, 0, lambda: True)
    assert announcer.take(10.0) == "2 tasks have ended: 2 complete"
    assert Announcer(each=False, all_done=False).due(10.0) is None


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ((2,), "a task has ended: 1 complete; #2 waits for input"),
        ((2, 3), "a task has ended: 1 complete; #2, #3 wait for input"),
    ],
)
def test_one_notification_names_all_tasks_that_wait_for_input(
    ids: tuple[int, ...], text: str
) -> None:
    announcer = Announcer()
    announcer.add(ended(1), 1, 1, lambda: False)
    for seq, task_id in enumerate(ids, 2):
        announcer.add(running(task_id), seq, 1, lambda: False)
    assert announcer.take(10.0) == text


def test_a_change_that_was_seen_is_not_announced_later() -> None:
    announcer = Announcer()
    announcer.add(ended(1), 1, 1, lambda: False)
    announcer.drop()
    assert announcer.take(9.0) is None
    announcer.add(ended(2, "Build"), 2, 1, lambda: False)
    announcer.add(ended(3, "Tests"), 3, 1, lambda: False)
    announcer.drop(2)
    assert announcer.take(9.0) == "Tests complete (8.0s)"


def test_the_chat_wakes_up_only_while_something_on_the_screen_moves() -> None:
    chat = ChatDriver()
    assert chat.next_beat() is None
    chat.news(queued(1))
    assert chat.next_beat() is not None  # the change is to be stored soon
    chat.settle()
    assert chat.next_beat() is None
    chat.news(running(1))
    assert chat.next_beat() == SPIN
    chat.settle()
    chat.press("ctrl-t")
    assert chat.next_beat() is None
    chat.press("ctrl-t", "f1")
    assert chat.next_beat() is None
    chat.press("escape")
    chat.news(ended(1))
    assert chat.next_beat() == LINGERING
    chat.now += LINGER
    chat.tell(Beat())
    chat.frame()
    assert chat.next_beat() is None


def test_an_open_task_is_updated_while_it_runs() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    open_task(chat, Detail.of(TaskFound(running(1))))
    assert chat.next_beat() == SPIN
    chat.news(ended(1))
    chat.settle()
    assert chat.next_beat() is None


def test_a_click_selects_a_task_and_a_second_click_opens_it() -> None:
    chat = ChatDriver()
    chat.news(running(1), running(2))
    row = max(i for i, line in enumerate(chat.screen().split("\n")) if "#2 " in line)
    chat.press("tab", "up")
    assert not chat.tell(Click(5, row))
    assert chat.state.tasks.selected == 2
    assert chat.tell(Click(5, row))
    chat.tell(Click(5, chat.state.size.rows - 2))
    chat.type("x")
    assert chat.state.editor.text == "x"


def test_a_click_opens_a_task_that_moves_as_the_list_grows() -> None:
    chat = ChatDriver()
    chat.news(*(ended(task_id) for task_id in range(1, 5)))
    chat.now += LINGER
    chat.news(running(5), running(6))
    row = max(i for i, line in enumerate(chat.screen().split("\n")) if "#5 " in line)
    (look,) = requests(chat.tell(Click(5, row)), GetTask)
    assert look.task_id == 5
    assert chat.state.tasks.selected == 5


def test_the_wheel_scrolls_the_part_under_the_mouse() -> None:
    chat = ChatDriver(rows=30)
    for number in range(60):
        chat.enter(f"note {number}")
    chat.news(*(running(task_id) for task_id in range(1, 5)))
    chat.press("tab")
    row = max(i for i, line in enumerate(chat.screen().split("\n")) if "#1 " in line)
    chat.tell(Wheel(up=False, x=5, y=row), Wheel(up=False, x=5, y=row))
    assert chat.state.tasks.selected == 3
    assert chat.state.conversations.current.place is None
    chat.tell(Wheel(up=True, x=5, y=4))
    assert chat.state.tasks.selected == 3
    assert chat.state.conversations.current.place is not None
    chat = ChatDriver(rows=12)
    chat.press("?")
    before = chat.screen()
    chat.tell(Wheel(up=False, x=5, y=4))
    assert chat.screen() != before


def test_the_last_line_counts_the_remaining_tasks() -> None:
    chat = ChatDriver()
    assert summary_text(chat.state.board, "work") == (
        "backburner: left session work: no tasks"
    )
    chat.news(queued(1), running(2), ended(3), ended(4, status=TaskStatus.CANCELED))
    assert summary_text(chat.state.board, "work") == (
        "backburner: left session work: 1 still running, 1 queued, 1 complete,"
        " 1 canceled"
    )


def test_an_earlier_transcript_is_restored_as_read() -> None:
    chat = ChatDriver()
    command = ChatMessage(START, "work", "you", "!make", command=True)
    note = ChatMessage(START, "main", "you", "note")
    failed = ended(1, status=TaskStatus.FAILED)
    before, after = of_conversation("work", queued(1), failed)
    changes = (
        TaskChanged(1, TaskEvent.QUEUED, before),
        TaskChanged(2, TaskEvent.FAILED, after),
    )
    stray = TaskChanged(3, TaskEvent.QUEUED, queued(2))
    chat.tell(Transcript((command, changes[0], note, changes[1], stray)))
    counts = {c.name: len(c.transcript.items) for c in chat.state.conversations.all}
    assert counts == {"main": 2, "work": 2}
    assert chat.state.conversations.unread == ()
    assert chat.state.conversations.current.latest_failure is None


def test_the_theme_depends_on_colours_and_background() -> None:
    assert theme_for(1 << 24, light=False) is DARK
    assert theme_for(256, light=True) is LIGHT
    assert theme_for(16, light=True) is BASIC
    assert theme_for(8, light=False) is BASIC
    assert theme_for(0, light=False) is COLOURLESS


def test_without_colours_nothing_is_coloured() -> None:
    chat = ChatDriver(look=Look.of("utf-8", 0, light=False))
    chat.news(running(1, progress=5), ended(2, status=TaskStatus.FAILED))
    chat.press("tab")
    styles = {span.style for row in chat.frame().rows for span in row}
    assert {(style.fg, style.bg) for style in styles} == {(None, None)}
    assert Style(reverse=True) in styles


def test_stray_output_goes_to_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "chat.log"
    with Quiet(log):
        os.write(2, b"a library complains\n")
        sys.stdout.flush()
        subprocess.run(["echo", "a child prints"], check=True)
    os.write(1, b"back again\n")
    assert log.read_text() == "a library complains\na child prints\n"
    captured = capfd.readouterr()
    assert captured.out == "back again\n"
    assert captured.err == ""


def test_an_open_task_reports_silence_until_there_is_new_output() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    silent = (("silence", "no output for 6m 00s"), ("activity", "1 process, none"))
    open_task(chat, Detail.of(TaskFound(running(1), 4711), silent))
    assert "no output for 6m 00s" in chat.screen()
    assert "1 process, none" in chat.screen()
    chat.news(replace(running(1), output_size=11))
    assert "no output for" not in chat.screen()
    assert "1 process, none" in chat.screen()


def test_an_open_task_shows_its_current_activity() -> None:
    chat = ChatDriver()
    task = running(1)
    chat.news(task)
    with subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        (get,) = requests(chat.enter("/show 1"), GetTask)
        chat.tell(TaskFound(task, process.pid, get.correlation_id))
        assert "1 process, 0.0 s of CPU since the start" in chat.screen()
        assert not requests(chat.tell(Beat()), GetTask)
        chat.now += LOOKS_EVERY
        (get,) = requests(chat.tell(Beat()), GetTask)
        # One request is sent, and the answer may take its time.
        chat.now += LOOKS_EVERY
        assert not requests(chat.tell(Beat()), GetTask)
        chat.tell(TaskFound(task, process.pid, get.correlation_id))
        assert "none in the last" in chat.screen()
        process.communicate()
    # The task has ended and is no longer polled.
    chat.news(ended(1))
    chat.now += 60
    assert not requests(chat.tell(Beat()), GetTask)
    assert "1 process" not in chat.screen()


def test_a_late_answer_does_not_reopen_a_closed_task() -> None:
    chat = ChatDriver()
    task = running(1)
    chat.news(task)
    open_task(chat, Detail.of(TaskFound(task, os.getpid())))
    (get,) = requests(chat.tell(Beat()), GetTask)
    chat.press("escape")
    assert chat.state.detail is None
    chat.tell(TaskFound(task, os.getpid(), get.correlation_id))
    assert chat.state.detail is None
