"""A reopened session shows its earlier transcript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.actors import ChatMessage, TaskStatus, Transcript
from backburner.actors.messages import Subscribed, TaskChanged, TaskEvent
from backburner.ui.chat.model.records import CHARACTERS_KEPT, LINES_KEPT
from backburner.ui.chat.model.transcript import Started
from backburner.ui.dialogue.entries import Reply
from chat_driver import START, ChatDriver, ended, queued, running
from msgspec.structs import replace

if TYPE_CHECKING:
    from backburner.actors import Task


class Journaled(ChatDriver):
    """A chat whose changes are stored, as in the journal."""

    def __init__(self) -> None:
        super().__init__(100, 40)
        self.entries: list[ChatMessage | TaskChanged] = []

    def happen(self, *tasks: Task) -> None:
        """Deliver changes of tasks, and store them."""
        for task in tasks:
            self.news(task)
            self.keep()
            event = TaskEvent.of(task.status)
            self.entries.append(TaskChanged(self._seq, event, task))

    def say(self, line: str) -> None:
        """Type a line, and store its effects."""
        self.enter(line)
        self.keep()

    def reopened(self) -> ChatDriver:
        """Leave, and open the session again."""
        self.settle()
        self.keep()
        again = ChatDriver(100, 40)
        again.tell(Transcript(tuple(self.entries)))
        return again

    def keep(self) -> None:
        """Store the entries written since the last call."""
        self.entries += self.kept
        self.kept = []


def transcript(chat: ChatDriver) -> list[str]:
    """Return the lines of the transcript, without the panel below it."""
    chat.state.panels = ()
    return chat.screen().splitlines()[2:]


def test_a_restored_burst_is_one_line_with_the_same_counts() -> None:
    chat = Journaled()
    chat.say("go")
    tasks = range(1, 31)
    waits = "waiting for a slot (8 of 8 busy)"
    chat.happen(*(replace(queued(i), reason=waits) for i in tasks))
    chat.happen(*(running(i) for i in range(1, 9)))
    chat.settle()
    chat.happen(*(ended(i, status=TaskStatus.FAILED) for i in range(1, 8)))
    chat.say("half done")
    chat.settle()
    chat.happen(*(ended(i) for i in range(8, 31)))
    again = chat.reopened()
    shown = transcript(again)
    assert shown == [line.replace("; Enter opens #7", "") for line in transcript(chat)]
    assert any("23 tasks complete" in line for line in shown)


def test_answers_to_commands_are_restored() -> None:
    chat = Journaled()
    chat.say("/help /tasks")
    chat.say("/nonsense")
    chat.say("a note")
    again = chat.reopened()
    assert transcript(again) == transcript(chat)
    assert any("unknown command" in line for line in transcript(again))


def test_lines_of_tasks_are_restored_unchanged() -> None:
    chat = Journaled()
    chat.happen(queued(1), running(1))
    chat.say("meanwhile")
    chat.settle()
    chat.happen(ended(1), queued(2), running(2))
    chat.settle()
    chat.happen(ended(2, status=TaskStatus.CANCELED))
    again = chat.reopened()
    assert transcript(again) == transcript(chat)
    items = again.state.conversations.current.transcript.items
    assert isinstance(items[0].shown, Started)


def test_changes_stored_by_two_chats_are_restored_once() -> None:
    chat, other = Journaled(), Journaled()
    for driver in (chat, other):
        driver.happen(queued(1), running(1))
    other.settle()
    other.keep()
    for driver in (chat, other):
        driver.happen(ended(1), queued(2), running(2))
    chat.reopened()
    other.reopened()
    shown = transcript(chat)
    chat.entries += [
        entry
        for entry in other.entries
        if isinstance(entry, ChatMessage) and entry.form
    ]
    assert transcript(chat.reopened()) == shown


def test_news_of_forgotten_tasks_are_restored() -> None:
    chat = Journaled()
    chat.happen(*(ended(i) for i in range(1, 21)))
    left = transcript(chat)
    chat.settle()
    chat.keep()
    chat.entries = [it for it in chat.entries if isinstance(it, ChatMessage)]
    assert transcript(chat.reopened()) == left


def test_a_forgotten_task_is_not_restored_as_running() -> None:
    """Another chat was told of its end, which was removed together with the task."""
    chat = Journaled()
    chat.happen(running(1), running(2))
    again = chat.reopened()
    again.tell(Subscribed(9, (running(2),)))
    shown = "\n".join(transcript(again))
    assert "#1 started" in shown
    assert "#2 running" in shown


def test_the_end_of_a_forgotten_task_is_shown_if_it_was_not_yet() -> None:
    chat = Journaled()
    chat.happen(*(running(i) for i in range(1, 9)))
    again = chat.reopened()
    end = TaskChanged(9, TaskEvent.FAILED, ended(1, status=TaskStatus.FAILED))
    again.tell(Subscribed(9, tuple(running(i) for i in range(2, 9)), (end,)))
    shown = "\n".join(transcript(again))
    assert "#1 failed" in shown
    assert "forgotten" not in shown


def test_changes_after_a_crash_are_shown_without_a_stored_group() -> None:
    chat = Journaled()
    chat.happen(ended(1))
    chat.settle()
    chat.happen(ended(2))
    again = ChatDriver(100, 40)
    chat.keep()
    again.tell(Transcript(tuple(chat.entries)))
    for number in (1, 2):
        ends = [line for line in transcript(again) if f"✓ #{number} complete" in line]
        assert len(ends) == 1


def test_restored_news_are_not_shown_twice() -> None:
    chat = Journaled()
    chat.happen(ended(1))
    again = chat.reopened()
    before = transcript(again)
    again.tell(TaskChanged(1, TaskEvent.COMPLETE, ended(1)))
    assert transcript(again) == before


def test_text_typed_before_the_past_is_loaded_appears_once_below_it() -> None:
    chat = Journaled()
    chat.say("long ago")
    again = ChatDriver(100, 40)
    again.enter("just now")
    again.enter("/send 3 y")  # stored without the y
    again.tell(Transcript((*chat.entries, *again.kept)))
    lines = [line for line in transcript(again) if "  you  " in line]
    assert [line.split()[-1] for line in lines] == ["ago", "now", "y"]


def test_an_endless_answer_is_stored_in_part() -> None:
    chat = Journaled()
    for number in range(1, 10 * LINES_KEPT):
        chat.happen(queued(number))
    chat.state.conversations.show(_long_reply(), "main")
    chat.settle()
    (kept,) = [it for it in chat.kept if it.form == "prose"]
    assert len(kept.text) <= CHARACTERS_KEPT + 100
    assert kept.text.splitlines()[-1] == "(300 more lines are not kept)"


def _long_reply() -> Reply:
    return Reply(START, tuple(f"row {n}" for n in range(LINES_KEPT + 300)))
