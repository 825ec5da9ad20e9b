"""The actor of the drawn chat, on a pseudo-terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import pykka
import pytest
from backburner.actors import (
    ChatMessage,
    ClaimEnds,
    DeadLetters,
    EndsClaimed,
    ListTasks,
    Promise,
    Refused,
    Shown,
    Subscribe,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TaskStatus,
    Transcript,
)
from backburner.actors.runtime.clock import SystemClock
from backburner.ui.chat.announcer import CALL
from backburner.ui.chat.model.effects import Suspend
from backburner.ui.chat.model.messages import (
    Close,
    Ending,
    Open,
    Opened,
    Pause,
    Resized,
    Summary,
)
from backburner.ui.chat.ui_actor import REMEMBERED, UIActor
from backburner.ui.chat.views.input import input_styles
from backburner.ui.dialogue.entries import MAIN_CONVERSATION
from backburner.ui.dialogue.messages import ViewLost
from backburner.ui.dialogue.partner import Partner
from backburner.ui.program.config import Config, Notifications
from backburner.ui.terminal.keys import BackgroundColor, FocusChange, Key, Paste
from backburner.ui.terminal.screen import Screen
from backburner.ui.terminal.terminal import Terminal
from backburner.ui.text.theme import DARK, LIGHT
from chat_driver import START, ChatDriver, ended
from conditions import until
from msgspec.structs import replace
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backburner.ui.chat.model.state import ChatState


MessageT = TypeVar("MessageT")


class Stage:
    """A UIActor and the actors it talks to."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        os.set_blocking(self.master, False)
        self._slave = slave
        self.terminal = Terminal(input_fd=slave, output_fd=slave)
        self.terminal.colors = 256
        self.terminal.enter()
        self.queue: Promise[Any] = Promise()
        self.owner: Promise[Any] = Promise()
        self.clock = SystemClock()
        self.state: ChatState = ChatDriver().state
        self.raw = b""
        self._ref: pykka.ActorRef[UIActor] | None = None

    def start(
        self, config: Config | None = None, partner: Partner | None = None
    ) -> None:
        self.state.partner = partner.name if partner else None
        self._ref = UIActor.start(
            self.state,
            terminal=self.terminal,
            screen=Screen(self.terminal),
            config=config or Config(),
            history=None,
            partner=partner,
            queue=self.queue,
            owner=self.owner,
            clock=self.clock,
            dead_letters=DeadLetters(),
        )

    def tell(self, *messages: object) -> None:
        assert self._ref is not None
        for message in messages:
            self._ref.tell(message)

    def next_of(self, kind: type[MessageT]) -> MessageT:
        """Return the next request of this type."""
        while not isinstance(message := self.queue.get(PATIENCE), kind):
            pass
        return message

    def settle(self) -> Summary:
        """Wait until all messages have been handled and drawn."""
        assert self._ref is not None
        summary = self._ref.ask(Close(), block=True, timeout=PATIENCE)
        self.read()
        assert isinstance(summary, Summary)
        return summary

    def read(self) -> bytes:
        try:
            while data := os.read(self.master, 1 << 16):
                self.raw += data
        except OSError:
            pass  # nothing more to read, or the writer is gone
        return self.raw

    def close(self) -> None:
        if self._ref is not None:
            self._ref.stop(timeout=PATIENCE)
        self.clock.close()
        self.read()
        self.terminal.close()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def change(task_id: int, seq: int = 1) -> TaskChanged:
    return TaskChanged(seq, TaskEvent.COMPLETE, ended(task_id, "Build"))


def test_an_unreadable_past_is_reported_once_and_requested_again(stage: Stage) -> None:
    stage.start()
    stage.tell(Open())
    asked: list[Subscribe] = []
    for text in ("the disk is full", "the disk is still full"):
        asked.append(stage.next_of(Subscribe))
        refused = Refused(text, correlation_id=asked[-1].correlation_id)
        stage.tell(refused)
    asked.append(stage.next_of(Subscribe))
    assert isinstance(stage.owner.get(PATIENCE), Opened)
    message = ChatMessage(START, MAIN_CONVERSATION, "you", "said before")
    assert [it.past for it in asked] == [REMEMBERED] * 3
    stage.tell(Transcript((message,), asked[-1].correlation_id))
    stage.settle()
    raw = stage.read()
    assert b"said before" in raw
    assert b"can't load the earlier transcript, retrying: the disk is full" in raw
    assert b"still full" not in raw


def test_shown_changes_are_acknowledged_once(stage: Stage) -> None:
    stage.start()
    stage.tell(Subscribed(3, (), ()), change(1, 4), change(2, 5))
    stage.settle()
    stage.tell(Key("a", "a"))
    stage.settle()
    stage.tell(Paste("/help"), Key("enter"), Paste("/tasks"), Key("enter"))
    numbers: list[int] = []
    while not isinstance(message := stage.queue.get(PATIENCE), ListTasks):
        if isinstance(message, Shown):
            numbers.append(message.seq)
    assert numbers[-1] == 5
    assert numbers == sorted(set(numbers))


def granted(stage: Stage, seq: int = 0) -> ClaimEnds:
    """Wait until the chat claims ended tasks; grant the claim."""
    claim = stage.next_of(ClaimEnds)
    stage.tell(EndsClaimed(seq, granted=True, correlation_id=CALL))
    return claim


def test_an_unfocused_chat_notifies_when_a_task_ends(stage: Stage) -> None:
    stage.start()
    stage.tell(FocusChange(focused=False), change(1))
    assert granted(stage).seq == 1
    until(lambda: b"Build complete (8.0s)" in stage.read())
    assert b"\x07" in stage.raw.replace(b"(8.0s)\x07", b"")
    while not stage.next_of(Shown).noticed:
        pass


def test_a_notification_includes_the_result(stage: Stage) -> None:
    task = replace(ended(1, "Tests"), last_line="511 passed in 62.40s")
    stage.start()
    stage.tell(FocusChange(focused=False), TaskChanged(1, TaskEvent.COMPLETE, task))
    granted(stage)
    notification = b"backburner: Tests complete: 511 passed in 62.40s (8.0s)"
    until(lambda: notification in stage.read())


def test_a_change_announced_by_another_chat_is_not_announced_again(
    stage: Stage,
) -> None:
    stage.start()
    stage.tell(FocusChange(focused=False), change(1))
    stage.next_of(ClaimEnds)
    stage.tell(change(2, 2), EndsClaimed(2, granted=False, correlation_id=CALL))
    task = ended(3, "Tests")
    stage.tell(TaskChanged(3, TaskEvent.COMPLETE, task))
    assert granted(stage, seq=2).seq == 3
    until(lambda: b"backburner: Tests complete (8.0s)" in stage.read())
    assert b"tasks have ended" not in stage.raw
    assert b"Build complete (8.0s)" not in stage.raw


def test_a_focused_chat_does_not_notify(stage: Stage) -> None:
    stage.start()
    stage.tell(Open(), change(1))
    assert stage.next_of(Subscribe).watched
    until(lambda: b"#1 complete" in stage.read())
    assert stage.next_of(Shown).noticed
    stage.settle()
    assert b"complete (8.0s)" not in stage.raw
    assert b"]777;" not in stage.raw


def test_the_queue_knows_whether_the_chat_is_focused(stage: Stage) -> None:
    stage.start()
    stage.tell(Open(), FocusChange(focused=False), FocusChange(focused=True))
    assert [stage.next_of(Subscribe).watched for _ in range(3)] == [True, False, True]


def test_notifications_can_be_set_to_always_or_never(stage: Stage) -> None:
    always = Notifications(bell=False, desktop=True, only_when_unfocused=False)
    stage.start(Config(notifications=always))
    stage.tell(Open(), change(1))
    assert not stage.next_of(Subscribe).watched
    granted(stage)
    until(lambda: b"Build complete (8.0s)" in stage.read())


def test_the_theme_follows_the_background_unless_one_was_chosen(stage: Stage) -> None:
    stage.start()
    assert stage.state.look.theme is DARK
    stage.tell(BackgroundColor(255, 255, 255))
    stage.settle()
    assert stage.state.look.theme == LIGHT
    assert stage.state.editor.styles == input_styles(LIGHT)


def test_a_chosen_theme_stays(stage: Stage) -> None:
    stage.start(Config(theme="dark"))
    stage.tell(BackgroundColor(255, 255, 255))
    stage.settle()
    assert stage.state.look.theme is DARK


def test_the_chat_survives_the_end_of_its_partner(stage: Stage) -> None:
    class Gone:
        def tell(self, message: object, /) -> None:
            raise pykka.ActorDeadError(f"nobody takes {message}")

    stage.start(partner=Partner("butler", Gone()))
    stage.tell(Paste("hello"), Key("enter"))
    stage.settle()
    assert "butler has ended" in stage.state.notice


def test_a_handler_error_is_shown_and_the_chat_keeps_running(stage: Stage) -> None:
    stage.start()
    stage.tell("no message at all", Paste("hello"))
    stage.settle()
    assert b"internal error" in stage.raw
    assert stage.state.editor.text == "hello"


def test_a_closed_terminal_ends_the_session(stage: Stage) -> None:
    stage.start()
    os.close(stage.master)
    stage.master = os.open(os.devnull, os.O_RDONLY)
    stage.tell(Key("a", "a"))
    assert isinstance(stage.owner.get(PATIENCE), ViewLost)


@pytest.mark.parametrize("why", ["it is gone", "somebody else has it"])
def test_the_end_does_not_wait_for_a_terminal_that_shows_nothing(
    stage: Stage, why: str
) -> None:
    stage.start()
    if why == "it is gone":
        os.close(stage.master)
        stage.master = os.open(os.devnull, os.O_RDONLY)
        stage.tell(Key("a", "a"))
        assert isinstance(stage.owner.get(PATIENCE), ViewLost)
    else:
        stage.tell(Pause())
        assert isinstance(stage.owner.get(PATIENCE), Suspend)
        stage.tell(Ending())
    message = stage.queue.get(PATIENCE)
    assert isinstance(message, Subscribe)
    assert not message.shows


def test_the_summary_counts_the_remaining_tasks(stage: Stage) -> None:
    stage.start()
    failed = ended(2, status=TaskStatus.FAILED)
    stage.tell(change(1), TaskChanged(2, TaskEvent.FAILED, failed))
    assert stage.settle().text == "backburner: left session main: 1 complete, 1 failed"


def test_a_window_restored_to_its_old_size_is_redrawn(stage: Stage) -> None:
    stage.start()
    stage.settle()
    stage.raw = b""
    # The window was briefly smaller, and both signals arrived at once.
    stage.tell(Resized(stage.state.size))
    stage.settle()
    assert b"A note to yourself" in stage.raw
