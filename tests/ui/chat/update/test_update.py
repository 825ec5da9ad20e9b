from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    AddTask,
    CancelAccepted,
    CancelTask,
    ForgetFinished,
    GetTask,
    ListTasks,
    Refused,
    TaskAdded,
    TaskFound,
    TasksForgotten,
    TaskStatus,
)
from backburner.ui.chat.model.effects import (
    Announce,
    HurryUp,
    Redraw,
    Remember,
    Suspend,
    TellPartner,
)
from backburner.ui.chat.model.messages import Beat, Ending, Resized
from backburner.ui.chat.model.state import Detail, Focus, HelpKeys, Leaving
from backburner.ui.chat.update.input_keys import submit
from backburner.ui.dialogue.effects import Leave
from backburner.ui.dialogue.entries import Problem, Reply, Said, TaskNews
from backburner.ui.dialogue.lookups import LookedUp, LookUp, look_up
from backburner.ui.dialogue.partner import PartnerSays
from backburner.ui.pager.pager import Pager
from backburner.ui.terminal.keys import FocusChange, Key, Paste, Wheel
from backburner.ui.terminal.terminal import Size
from chat_driver import (
    READING,
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


def shown(chat: ChatDriver, name: str | None = None) -> list[object]:
    conversations = chat.state.conversations
    found = [c for c in conversations.all if c.name == (name or "main")]
    return [item.shown for item in found[0].transcript.items]


def test_a_sent_line_is_shown_and_remembered_and_the_input_is_cleared() -> None:
    chat = ChatDriver()
    assert Remember("tag the release") in chat.enter("tag the release")
    message, _ = shown(chat)  # and the note that no one answers
    assert isinstance(message, Said)
    assert message.text == "tag the release"
    assert chat.state.editor.text == ""


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("/send 3 hunter2", "/send 3 …"),
        (" /stdin last hunter2", "/stdin last …"),
        ("/send hunter2", "/send …"),
        ("/send hunter2 is it", "/send …"),
        ("/send 3 hunter2\n!true", "/send 3 …"),
    ],
)
def test_input_for_a_task_is_shown_but_not_stored(line: str, stored: str) -> None:
    chat = ChatDriver()
    effects = chat.enter(line)
    assert not [effect for effect in effects if isinstance(effect, Remember)]
    assert chat.kept[0].text == stored
    assert not any("hunter2" in it.text for it in chat.kept)
    assert "hunter2" in chat.screen()


def test_a_command_becomes_a_request() -> None:
    chat = ChatDriver()
    (request,) = requests(chat.enter('/task "Run tests" bash make test'), AddTask)
    assert request.request.description == "Run tests"


def test_a_command_without_its_slash_is_a_note_and_the_footer_says_so() -> None:
    for word, command in (("help", "/help"), ("Tasks ", "/tasks"), ("bye", "/quit")):
        chat = ChatDriver()
        chat.enter(word)
        assert isinstance(shown(chat)[0], Said)
        assert f"the command is {command}" in chat.screen().splitlines()[-1]
    chat.type("t")
    assert "the command is" not in chat.screen()
    for line in ("help me", "/help", "milk"):
        chat = ChatDriver()
        chat.enter(line)
        assert "the command is" not in chat.screen()
    chat = ChatDriver(partner="butler")
    chat.enter("help")
    assert "the command is" not in chat.screen()


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("ls -la", "kept as a note; to run it: !ls -la"),
        ("!cd /tmp", "each has its own shell"),
        ("! export A=1", "each has its own shell"),
        ("!cd /tmp && ls", ""),
        ("milk and bread", ""),
        ("!ls", ""),
        ("/tasks", ""),
    ],
)
def test_the_footer_says_how_to_run_a_note_that_names_a_program(
    line: str, hint: str
) -> None:
    chat = ChatDriver()
    chat.enter(line)
    assert hint in chat.screen().splitlines()[-1]
    assert hint or not chat.state.notice


def test_a_wait_names_its_tasks_and_reports_its_end() -> None:
    chat = ChatDriver()
    chat.news(running(1), running(2))
    chat.enter("/wait")
    assert "will report when #1 and 1 more have finished" in chat.screen()
    chat.news(ended(1), ended(2))
    assert "all tasks have finished" in chat.screen()


def test_the_list_of_conversations_lines_up_with_names_of_any_width() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new 日本")
    chat.enter("/chats")
    line, other = chat.screen().splitlines()[3:5]
    assert line.rstrip().endswith("  main  1 line")
    assert other.rstrip().endswith("> 日本  1 line")


def test_a_bad_command_is_explained_and_nothing_is_sent() -> None:
    chat = ChatDriver()
    assert not requests(chat.enter("/taks"), object)
    assert isinstance(shown(chat)[-1], Problem)


def test_an_empty_line_does_nothing() -> None:
    assert not ChatDriver().press("enter")


def test_ctrl_c_clears_the_input_and_then_asks() -> None:
    chat = ChatDriver()
    chat.type("draft")
    chat.press("ctrl-c")
    assert chat.state.editor.text == ""
    assert chat.state.overlay is None
    chat.press("ctrl-c")
    assert chat.state.overlay == Leaving()
    assert Leave() in chat.press("enter")


def test_typing_closes_the_question_whether_to_leave() -> None:
    chat = ChatDriver()
    chat.press("ctrl-c")
    chat.type("tag the release")
    assert chat.state.overlay is None
    assert chat.state.editor.text == "tag the release"
    assert Leave() not in chat.press("enter")
    chat.press("tab", "ctrl-c")
    chat.type("x?")
    assert chat.state.editor.text == "x?"


def test_escape_closes_the_question_whether_to_leave() -> None:
    chat = ChatDriver()
    chat.press("ctrl-c", "escape")
    assert chat.state.overlay is None
    assert not chat.state.leaving


def test_ctrl_d_leaves_at_once_if_nothing_runs_and_asks_otherwise() -> None:
    assert Leave() in ChatDriver().press("ctrl-d")
    chat = ChatDriver()
    chat.news(queued(1), running(1))
    assert Leave() not in chat.press("ctrl-d")
    assert chat.state.overlay == Leaving()


def test_ctrl_d_in_a_draft_deletes_a_character() -> None:
    chat = ChatDriver()
    chat.type("ab")
    assert not chat.press("home", "ctrl-d")
    assert chat.state.editor.text == "b"


def test_quit_names_the_tasks_it_ends() -> None:
    chat = ChatDriver()
    chat.news(queued(1, "Deploy"), running(1, "Deploy"))
    assert Leave() not in chat.enter("/quit")
    assert Leave() in chat.press("enter")
    last = shown(chat)[-1]
    assert isinstance(last, Reply)
    assert "#1 Deploy" in last.lines[0]


def test_the_question_whether_to_leave_explains_its_keys() -> None:
    chat = ChatDriver()
    chat.state.come_back = "backburner"
    chat.news(queued(1), running(1))
    chat.press("ctrl-c")
    assert chat.screen().splitlines()[-1].startswith("Enter Ctrl+C leave · Esc stay")
    chat.press("escape")
    chat.enter("/quit --end")
    footer = chat.screen().splitlines()[-1]
    assert footer.startswith("Enter Ctrl+C end the session · Esc cancel")
    chat.press("y")
    assert chat.screen().splitlines()[-1].startswith("Enter ends the session")
    assert Leave(ends=True) in chat.press("ctrl-c")


def test_ctrl_c_while_leaving_hurries_the_end() -> None:
    chat = ChatDriver()
    chat.tell(Ending())
    assert chat.press("ctrl-c") == [HurryUp()]


def test_ctrl_z_suspends_and_ctrl_l_redraws() -> None:
    assert ChatDriver().press("ctrl-z") == [Suspend()]
    assert ChatDriver().press("ctrl-l") == [Redraw()]


@pytest.mark.parametrize(
    "before",
    [["a"], ["ctrl-r", "a"], ["?"], ["ctrl-c"], ["tab", "/"]],
    ids=["draft", "history", "keys", "question", "filter"],
)
def test_ctrl_z_and_ctrl_l_work_in_every_mode(before: list[str]) -> None:
    chat = ChatDriver(history=("make",))
    chat.press(*before)
    screen = chat.screen()
    assert chat.press("ctrl-z") == [Suspend()]
    assert chat.press("ctrl-l") == [Redraw()]
    assert chat.screen() == screen


def test_ctrl_z_works_while_a_search_is_typed(tmp_path: Path) -> None:
    chat = ChatDriver()
    chat.news(running(1))
    open_task(chat, Detail(1, None, Pager(tmp_path / "1.log")))
    chat.press("/", "a")
    assert chat.press("ctrl-z") == [Suspend()]
    assert chat.state.prompt is not None
    assert chat.state.prompt.editor.text == "a"


def test_a_question_mark_shows_the_keys_only_in_an_empty_input() -> None:
    chat = ChatDriver()
    chat.press("?")
    assert chat.state.overlay == HelpKeys()
    chat.now += READING
    chat.type("a?")
    assert chat.state.overlay is None
    assert chat.state.editor.text == "a?"


def test_a_question_mark_in_the_tasks_shows_their_keys_first() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    chat.press("tab", "?")
    lines = chat.screen().splitlines()
    assert lines[2] == "Tasks"
    # A key listed in the help must not act on a task.
    chat.now += READING
    assert not chat.press("x")
    assert chat.state.overlay is None
    assert chat.state.focus is Focus.PANEL


def test_a_question_mark_in_an_open_task_shows_its_keys_and_comes_back() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    chat.press("tab")
    (request,) = requests(chat.press("enter"), GetTask)
    chat.tell(TaskFound(running(1), 4711, request.correlation_id))
    detail = chat.state.detail
    chat.press("?")
    assert "An opened task" in chat.screen()
    chat.now += READING
    assert not chat.press("X")
    assert chat.state.overlay is None
    assert chat.state.detail is detail


def test_an_open_task_shows_the_outcome_of_a_key() -> None:
    chat = ChatDriver()
    chat.news(running(1, "Deploy"))
    open_task(chat, Detail(1, None, None))
    (cancel,) = requests(chat.press_and_confirm("x"), CancelTask)
    chat.tell(CancelAccepted((running(1, "Deploy"),), cancel.correlation_id))
    assert "stopping #1" in chat.screen().splitlines()[-1]
    (add,) = requests(chat.press_and_confirm("r"), AddTask)
    assert "stopping" not in chat.screen()
    chat.news(queued(2, "Other"))
    assert "again" not in chat.screen()
    chat.news(queued(3, "Deploy"))
    chat.tell(TaskAdded(queued(3, "Deploy"), add.correlation_id))
    assert "runs again as #3" in chat.screen().splitlines()[-1]
    (cancel,) = requests(chat.press_and_confirm("x"), CancelTask)
    chat.tell(
        Refused("task 1 has already finished", correlation_id=cancel.correlation_id)
    )
    assert "already finished" in chat.screen().splitlines()[-1]


def test_staying_returns_to_the_open_task() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    detail = Detail(1, None, None)
    open_task(chat, detail)
    chat.press("ctrl-d")
    assert "Leave?" in chat.screen()
    chat.press("escape")
    assert chat.state.overlay is None
    assert chat.state.detail is detail


def test_the_list_of_keys_can_be_scrolled_on_a_small_screen() -> None:
    chat = ChatDriver(40, 12)
    chat.press("?")
    seen = chat.screen()
    assert "more rows" in seen
    for _ in range(60):
        chat.press("down")
        seen += chat.screen()
    assert "more rows" not in chat.screen()
    for chapter in ("Input", "Screen", "Tasks", "An opened task"):
        assert chapter in seen
    chat.press("pgup")
    assert "more rows" in chat.screen()
    assert isinstance(chat.state.overlay, HelpKeys)


def test_tasks_report_to_the_conversation_of_their_line_even_if_another_is_shown() -> (
    None
):
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.start_task(1)
    chat.enter("/chat main")
    chat.news(*of_conversation("work", running(1), ended(1)))
    assert any(isinstance(entry, TaskNews) for entry in shown(chat, "work"))
    assert not any(isinstance(entry, TaskNews) for entry in shown(chat))
    assert dict(chat.state.conversations.unread)["work"] >= 1


def test_a_new_task_carries_its_conversation() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    (request,) = requests(chat.enter("!make"), AddTask)
    assert request.request.origin == "work"


def test_tasks_of_other_programs_report_to_the_main_conversation() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.news(queued(7))
    assert not any(isinstance(entry, TaskNews) for entry in shown(chat, "work"))
    assert any(isinstance(entry, TaskNews) for entry in shown(chat, "main"))


def test_unread_news_are_counted_in_displayed_lines() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.enter("/chat main")
    tasks = of_conversation("work", *(queued(number) for number in range(1, 51)))
    chat.news(*tasks)
    assert dict(chat.state.conversations.unread) == {"work": 1}
    chat.news(*of_conversation("work", *(ended(number) for number in range(1, 51))))
    assert dict(chat.state.conversations.unread) == {"work": 1}
    chat.tell(PartnerSays("work", "well ", done=False), PartnerSays("work", "done"))
    assert dict(chat.state.conversations.unread) == {"work": 2}


def test_a_line_that_changes_after_it_was_read_is_unread() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.news(*of_conversation("work", queued(1), running(1)))
    chat.state.conversations.open("main")
    assert not chat.state.conversations.unread
    chat.news(*of_conversation("work", ended(1)))
    assert dict(chat.state.conversations.unread) == {"work": 1}


def test_opening_a_conversation_clears_its_unread_count() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.news(queued(1))
    assert chat.state.conversations.unread == (("main", 1),)
    chat.enter("/chat main")
    assert chat.state.conversations.unread == ()


def test_chats_lists_the_conversations_in_the_current_one() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    chat.enter("/chats")
    last = shown(chat, "work")[-1]
    assert isinstance(last, Reply)
    assert [line.split()[:2] for line in last.lines] == [["main", "1"], [">", "work"]]


def test_a_message_goes_to_the_partner_and_its_answer_grows() -> None:
    chat = ChatDriver(partner="butler")
    assert TellPartner("main", "hello") in chat.enter("hello")
    chat.tell(PartnerSays("main", "Good ", done=False), PartnerSays("main", "morning"))
    message = shown(chat)[-1]
    assert isinstance(message, Said)
    assert (message.who, message.text) == ("butler", "Good morning")
    chat.tell(PartnerSays("main", "Anything else?"))
    assert len(shown(chat)) == 3


def test_commands_never_reach_the_partner() -> None:
    chat = ChatDriver(partner="butler")
    effects = chat.enter("/help")
    assert not any(isinstance(effect, TellPartner) for effect in effects)


def test_without_a_partner_text_is_a_note() -> None:
    effects = ChatDriver().enter("a note")
    assert not any(isinstance(effect, TellPartner) for effect in effects)


def test_a_task_of_the_partner_reports_to_the_conversation_it_names() -> None:
    chat = ChatDriver(partner="butler")
    chat.enter("/chat --new work")
    chat.enter("/chat main")
    chat.news(*of_conversation("work", queued(5)))
    assert any(isinstance(entry, TaskNews) for entry in shown(chat, "work"))


def test_tab_focuses_the_panel_and_the_selection_stays_on_its_task() -> None:
    chat = ChatDriver()
    chat.news(*(queued(i) for i in (1, 2, 3)))
    chat.press("tab", "down")
    assert chat.state.tasks.selected == 2
    chat.news(running(3), ended(1))
    assert chat.state.tasks.selected == 2
    assert chat.state.board.list_ids() == [3, 2, 1]


def test_keys_act_on_the_selected_task() -> None:
    chat = ChatDriver()
    chat.news(queued(4), running(4))
    chat.press("tab")
    (soft,) = requests(chat.press_and_confirm("x"), CancelTask)
    (hard,) = requests(chat.press_and_confirm("X"), CancelTask)
    assert (soft.task_id, soft.now, hard.now) == (4, False, True)
    (again,) = requests(chat.press_and_confirm("r"), AddTask)
    assert again.request.args == ("make",)
    (look,) = requests(chat.press("enter"), GetTask)
    assert look.task_id == 4


def test_letters_are_typed_into_the_input_again_after_escape() -> None:
    chat = ChatDriver()
    chat.news(queued(1))
    chat.press("tab", "escape", "x")
    assert chat.state.focus is Focus.INPUT
    assert chat.state.editor.text == "x"


def test_a_draft_survives_the_panel_the_help_and_another_conversation() -> None:
    chat = ChatDriver()
    chat.news(queued(1))
    chat.type("draft")
    chat.press("tab", "down", "escape", "f1", "escape")
    chat.tell(FocusChange(focused=False))
    assert chat.state.editor.text == "draft"


def test_the_filter_lists_matching_tasks() -> None:
    chat = ChatDriver()
    chat.news(queued(1, "Run tests"), queued(2, "Deploy"), running(3, "Deploy docs"))
    chat.press("tab", "/", *"dep", "enter")
    assert chat.state.board.list_ids(chat.state.tasks.words) == [3, 2]
    assert chat.state.tasks.selected == 3
    chat.press("escape")
    assert chat.state.tasks.words == ""


def test_show_opens_the_task_and_escape_closes_it() -> None:
    chat = ChatDriver()
    task = ended(1, status=TaskStatus.FAILED)
    chat.news(task)
    (look,) = requests(chat.enter("/show 1"), GetTask)
    chat.tell(TaskFound(task, None, look.correlation_id))
    assert chat.state.detail is not None
    chat.press("escape")
    assert chat.state.detail is None


def test_enter_in_an_empty_input_opens_the_failed_task_once() -> None:
    chat = ChatDriver()
    task = ended(2, status=TaskStatus.FAILED)
    chat.news(task)
    (look,) = requests(chat.press("enter"), GetTask)
    assert look.task_id == 2
    chat.tell(TaskFound(task, None, look.correlation_id))
    chat.press("escape")
    assert not chat.press("enter")


def test_a_paste_never_sends_and_goes_into_the_input_from_anywhere() -> None:
    chat = ChatDriver()
    chat.news(queued(1))
    chat.press("tab")
    assert not chat.tell(Paste("one\ntwo\n"))
    assert chat.state.editor.text == "one\ntwo\n"
    assert chat.state.focus is Focus.INPUT
    assert shown(chat)[:-1] == []


def test_leaving_names_processes_left_running_and_asks_before_ending_them() -> None:
    chat = ChatDriver()
    chat.news(ended(1))
    chat.press("ctrl-c")
    assert "Nothing is running." in chat.screen()
    chat.press("escape")
    reason = "exit status 0; still running: 31029 (vite)"
    chat.news(replace(ended(2), reason=reason))
    assert "8.0s · still running: 31029 (vite)" in chat.screen()
    chat.tell(TasksForgotten(2, (2,)))
    assert not chat.press("ctrl-d")
    assert "What #2 left running will be ended." in chat.screen()
    chat.news(*(replace(ended(number), reason=reason) for number in range(3, 9)))
    assert "What #2, #3, #4 and 4 more left running will be ended." in chat.screen()
    assert Leave() in chat.press("enter")


def test_pasted_commands_are_carried_out_in_order() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    lines = ("!make test", "/cancel last", "/chat --new work", "!make docs", "/tasks")
    text = "".join(f"    {line}\n" for line in lines)
    chat.tell(Paste(text))
    effects = chat.press("enter")
    (remembered,) = [it for it in effects if isinstance(it, Remember)]
    assert remembered.text.strip() == text.strip()
    (add,) = requests(effects, AddTask)
    assert not requests(effects, CancelTask)
    effects = chat.tell(TaskAdded(queued(7), add.correlation_id))
    (cancel,) = requests(effects, CancelTask)
    assert cancel.task_id == 7
    effects = chat.tell(CancelAccepted((running(7),), cancel.correlation_id))
    (docs,) = requests(effects, AddTask)
    assert docs.request.origin == "work"
    refused = Refused("no", correlation_id=docs.correlation_id)
    assert requests(chat.tell(refused), ListTasks)


def test_quit_waits_for_a_command_about_a_task_that_is_being_added() -> None:
    chat = ChatDriver()
    (add,) = requests(chat.enter("!make test"), AddTask)
    assert not requests(chat.enter("/cancel last"), CancelTask)
    assert Leave() not in chat.enter("/quit")
    effects = chat.tell(TaskAdded(queued(7), add.correlation_id))
    (cancel,) = requests(effects, CancelTask)
    assert cancel.task_id == 7
    assert Leave() not in effects
    effects = chat.tell(CancelAccepted((running(7),), cancel.correlation_id))
    assert effects == [Leave(ends=True)]


def test_ctrl_c_drops_pending_pasted_commands() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    chat.tell(Paste("/wait\n/clear\n/quit"))
    chat.press("enter")
    assert "2 commands wait for the one before; Ctrl+C drops" in chat.screen()
    assert not chat.press("ctrl-c")
    assert "not sent: 2 waiting commands" in chat.screen().splitlines()[-1]
    assert not requests(chat.news(ended(1)), ForgetFinished)
    assert not chat.state.leaving
    chat.press("ctrl-c")
    assert isinstance(chat.state.overlay, Leaving)


def test_each_pasted_here_document_is_one_command() -> None:
    chat = ChatDriver()
    chat.tell(Paste("!cat <<EOF\ntext\nEOF\n!make test\n"))
    (first,) = requests(chat.press("enter"), AddTask)
    assert first.request.args == ("cat <<EOF\ntext\nEOF",)
    (second,) = requests(chat.tell(TaskAdded(queued(7), first.correlation_id)), AddTask)
    assert second.request.args == ("make test",)


def test_lines_sent_during_the_bash_check_are_carried_out_after_it() -> None:
    chat = ChatDriver()
    state = chat.state
    state.editor.insert("!cat <<EOF\ntext\nEOF\n!make")
    (asked,) = [it for it in submit(state) if isinstance(it, LookUp)]
    state.editor.insert("note")
    assert not [it for it in submit(state) if isinstance(it, LookUp)]
    assert state.to_split
    (add,) = requests(chat.tell(LookedUp(asked.number, look_up(asked.wanted))), AddTask)
    assert add.request.args == ("cat <<EOF\ntext\nEOF",)
    (add,) = requests(chat.tell(TaskAdded(queued(7), add.correlation_id)), AddTask)
    assert not [it for it in chat.kept if it.text == "note"]
    chat.tell(TaskAdded(queued(8), add.correlation_id))
    assert [it for it in chat.kept if it.text == "note"]


def test_an_unfinished_bash_command_continues_in_the_input() -> None:
    chat = ChatDriver()
    for line in ("!cat <<EOF", "", "text"):
        chat.state.editor.insert(line)
        assert not requests(chat.press("enter"), AddTask)
        assert "bash waits for the line EOF" in chat.screen()
    assert chat.state.editor.text == "!cat <<EOF\n\ntext\n"
    chat.state.editor.insert("EOF")
    effects = chat.press("enter")
    (add,) = requests(effects, AddTask)
    assert add.request.args == ("cat <<EOF\n\ntext\nEOF",)
    assert [it.text for it in effects if isinstance(it, Remember)] == [
        "!cat <<EOF\n\ntext\nEOF"
    ]
    chat.press("up")
    assert chat.state.editor.text == "!cat <<EOF\n\ntext\nEOF"


def test_lines_sent_during_the_bash_check_can_complete_the_command() -> None:
    chat = ChatDriver()
    state = chat.state
    state.editor.insert("!for i in 1 2")
    (asked,) = [it for it in submit(state) if isinstance(it, LookUp)]
    state.editor.insert("do echo; done")
    assert not submit(state)
    (add,) = requests(chat.tell(LookedUp(asked.number, look_up(asked.wanted))), AddTask)
    assert add.request.args == ("for i in 1 2\ndo echo; done",)


def test_the_bash_check_of_a_dropped_input_sends_nothing() -> None:
    chat = ChatDriver()
    state = chat.state
    state.editor.insert("!make\n!make test")
    (asked,) = [it for it in submit(state) if isinstance(it, LookUp)]
    chat.press("ctrl-c")
    state.editor.insert("!cat <<EOF\nEOF\n!true")
    submit(state)
    answer = LookedUp(asked.number, look_up(asked.wanted))
    assert not requests(chat.tell(answer), AddTask)
    assert state.to_split


def test_no_line_is_carried_out_after_quit() -> None:
    chat = ChatDriver()
    chat.tell(Paste("/quit\n!make test"))
    assert not requests(chat.press("enter"), AddTask)


def test_a_script_of_several_lines_is_one_command() -> None:
    chat = ChatDriver()
    chat.tell(Paste("!make\n/usr/bin/true\n"))
    (request,) = requests(chat.press("enter"), AddTask)
    assert request.request.args == ("make\n/usr/bin/true",)


def test_only_the_end_of_a_task_is_announced() -> None:
    chat = ChatDriver()
    assert not chat.news(queued(1), running(1), running(1, progress=3))
    assert chat.news(ended(1)) == [Announce(ended(1), 4)]


def test_scrolling_up_holds_the_position_and_sending_returns_to_the_end() -> None:
    chat = ChatDriver(rows=12)
    for number in range(30):
        chat.enter(f"note {number}")
    chat.press("pgup")
    held = chat.screen().split("\n")[2]
    chat.news(queued(1))
    chat.news(queued(1), ended(1))
    assert chat.screen().split("\n")[2] == held
    assert "↓ 1 new" in chat.screen()
    chat.press("pgup")
    assert "↓ 1 new" in chat.screen()
    chat.enter("back")
    assert chat.state.conversations.current.place is None


def test_the_wheel_and_the_end_key_scroll() -> None:
    chat = ChatDriver(rows=12)
    for number in range(30):
        chat.enter(f"note {number}")
    chat.tell(Wheel(up=True, x=0, y=0))
    assert chat.state.conversations.current.place is not None
    chat.press("end")
    assert chat.state.conversations.current.place is None
    chat.tell(Wheel(up=True, x=0, y=0), Wheel(up=False, x=0, y=0))
    assert chat.state.conversations.current.place is None


def test_end_scrolls_to_the_end_at_the_end_of_a_draft() -> None:
    chat = ChatDriver(rows=12)
    for number in range(30):
        chat.enter(f"note {number}")
    chat.type("a draft")
    chat.press("pgup", "left", "end")
    assert chat.state.conversations.current.place is not None
    chat.press("end")
    assert chat.state.conversations.current.place is None
    assert chat.state.editor.text == "a draft"


def test_end_accepts_a_suggestion_before_it_scrolls() -> None:
    chat = ChatDriver(rows=12)
    for number in range(30):
        chat.enter(f"note {number}")
    chat.type("note 1")
    chat.press("pgup", "end")
    assert chat.state.editor.text == "note 19"
    assert chat.state.conversations.current.place is not None


def test_shift_tab_leaves_a_draft_and_tab_does_not() -> None:
    for draft in ("hello", '/task "Build', "/show 1"):
        chat = ChatDriver()
        chat.news(running(1))
        chat.type(draft)
        chat.press("escape", "tab")
        chat.type("x")
        assert chat.state.focus is Focus.INPUT
        assert chat.state.editor.text == f"{draft}x"
        chat.press("escape", "shift-tab")
        assert chat.state.focus is Focus.PANEL
        assert requests(chat.press_and_confirm("x"), CancelTask)
        chat.press("shift-tab")
        assert chat.state.editor.text == f"{draft}x"


def test_tab_accepts_the_suggestion() -> None:
    chat = ChatDriver(history=("!make test",))
    chat.type("!ma")
    chat.press("tab")
    assert chat.state.editor.text == "!make test"
    assert chat.state.focus is Focus.INPUT


def test_keys_do_not_act_on_tasks_that_do_not_fit_on_the_screen() -> None:
    chat = ChatDriver(80, 8)
    chat.news(running(1))
    chat.press("tab")
    assert chat.state.focus is Focus.INPUT
    assert "/tasks" in chat.screen()
    chat = ChatDriver(80, 24)
    chat.news(running(1))
    chat.press("tab", "/")
    assert chat.state.focus is Focus.PANEL
    chat.tell(Resized(Size(80, 7)))
    chat.type("x")
    assert chat.state.editor.text == "x"


def test_a_burst_names_the_task_that_enter_opens_until_it_is_opened() -> None:
    chat = ChatDriver(120)
    chat.news(*(queued(number) for number in range(1, 31)))
    for number in range(1, 31):
        failed = number % 7 == 0
        status = TaskStatus.FAILED if failed else TaskStatus.COMPLETE
        chat.news(ended(number, status=status))
    assert "(failed: #7 #14 #21 …; Enter opens #28)" in chat.screen()
    (look,) = requests(chat.press("enter"), GetTask)
    assert look.task_id == 28
    task = ended(28, status=TaskStatus.FAILED)
    chat.tell(TaskFound(task, None, look.correlation_id))
    chat.press("escape")
    assert "(failed: #7 #14 #21 …)" in chat.screen()


def test_tasks_removed_from_the_history_leave_the_panel() -> None:
    chat = ChatDriver()
    chat.news(ended(1), ended(2))
    chat.tell(TasksForgotten(2, (1,)))
    assert chat.state.board.list_ids() == [2]


@pytest.mark.parametrize("grows", ["window", "transcript"])
def test_a_scrolled_chat_is_at_its_end_once_all_below_fits(grows: str) -> None:
    chat = ChatDriver()
    chat.news(queued(1))
    for number in range(30):
        chat.enter(f"note {number}")
    chat.tell(Wheel(up=True, x=0, y=5), Beat())
    assert "↓ End" in chat.screen()
    if grows == "window":
        chat.tell(Resized(Size(80, 30)))
    else:
        chat.press("ctrl-t")  # hides the panel
        chat.tell(Beat())
    assert "note 29" in chat.screen()
    assert "↓ End" not in chat.screen()


def test_both_rows_of_the_question_about_a_paused_task_say_resume() -> None:
    chat = ChatDriver()
    chat.news(queued(1), replace(running(1), paused_at=START))
    chat.press("tab", "p")
    assert "Resume #1?" in chat.screen()
    assert "resume #1? " in chat.screen()


def test_ctrl_t_hides_the_panel() -> None:
    chat = ChatDriver()
    chat.news(queued(1), running(1))
    assert "── Tasks" in chat.screen()
    chat.press("ctrl-t")
    assert "── Tasks" not in chat.screen()


def test_unknown_keys_do_nothing_anywhere() -> None:
    chat = ChatDriver()
    chat.news(queued(1))
    for focus in ((), ("tab",), ("escape", "f1")):
        chat.press(*focus)
        assert not chat.tell(Key("f9"))


def test_text_cleared_by_ctrl_c_is_recalled_but_not_stored() -> None:
    chat = ChatDriver(history=("/tasks",))
    chat.type("half a note")
    assert not chat.press("ctrl-c")
    assert "Up brings it back" in chat.screen()
    assert not chat.press("up")
    assert chat.state.editor.text == "half a note"
    assert Remember("half a note") in chat.press("enter")


def test_an_open_task_shows_its_result_once_it_is_complete() -> None:
    chat = ChatDriver()
    chat.news(running(1, "Tests", last_line="511 passed in 62.40s"))
    open_task(chat, Detail(1, None, None))
    assert "result" not in chat.screen()
    chat.news(replace(ended(1, "Tests"), last_line="511 passed in 62.40s"))
    assert "  result    511 passed in 62.40s" in chat.screen()
    chat.news(ended(2, "Lint", TaskStatus.FAILED))
    open_task(chat, Detail(2, None, None))
    assert "result" not in chat.screen()
    assert "exit status 2" in chat.screen()
