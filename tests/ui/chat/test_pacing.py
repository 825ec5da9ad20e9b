"""When the chat draws: the frame rate, and delayed frames."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from backburner.actors import DeadLetters, Promise, TaskChanged, TaskEvent
from backburner.actors.testing import ManualClock
from backburner.ui.chat.model.messages import Beat
from backburner.ui.chat.pace import FRAME, PATIENCE, PATIENCE_WITH_INPUT, Pace
from backburner.ui.chat.ui_actor import UIActor
from backburner.ui.editor.editor import Editor, Rendered
from backburner.ui.program.config import Config
from backburner.ui.terminal.keys import Key, Typed
from backburner.ui.terminal.screen import Screen
from backburner.ui.terminal.terminal import Terminal
from chat_driver import ChatDriver, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backburner.ui.terminal.terminal import Size
    from backburner.ui.text.rows import Frame

A_MOMENT = 0.001


class CountingEditor(Editor):
    """Counts its layouts."""

    rendered = 0

    def render(
        self, columns: int, max_rows: int, prompt: str = "", placeholder: str = ""
    ) -> Rendered:
        self.rendered += 1
        return super().render(columns, max_rows, prompt, placeholder)


class CountingScreen(Screen):
    """Counts the frames."""

    frames = 0

    def paint(self, frame: Frame, size: Size) -> bool:
        self.frames += 1
        return super().paint(frame, size)


class Stage:
    """A UIActor whose messages and clock the test controls."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self._terminal = Terminal(input_fd=self._slave, output_fd=self._slave)
        self._terminal.colors = 256
        self._terminal.enter()
        self.clock = ManualClock()
        self.clock.advance(100.0)
        self.screen = CountingScreen(self._terminal)
        self.editor = CountingEditor()
        state = ChatDriver().state
        state.editor = self.editor
        # Never started, so that no thread takes messages from its mailbox.
        self.actor = UIActor(
            state,
            terminal=self._terminal,
            screen=self.screen,
            config=Config(),
            history=None,
            partner=None,
            queue=Promise[Any](),
            owner=Promise[Any](),
            clock=self.clock,
            dead_letters=DeadLetters(),
        )
        self._seq = 0

    def news(self) -> None:
        """Deliver news of a task."""
        self._seq += 1
        task = running(1, progress=self._seq % 100)
        self.actor.handle(TaskChanged(self._seq, TaskEvent.PROGRESS, task))

    def key(self) -> None:
        """Deliver a key."""
        self.actor.handle(Key("a", "a"))

    def typed(self) -> None:
        """Deliver a run of characters."""
        self.actor.handle(Typed((Key("a", "a"),) * 100))

    def beats(self) -> int:
        """Deliver the beats in the mailbox; return their number."""
        count = 0
        while not self.actor.actor_inbox.empty():
            message = self.actor.actor_inbox.get().message
            assert isinstance(message, Beat)
            self.actor.handle(message)
            count += 1
        return count

    def more_waits(self) -> None:
        """Add a message to the mailbox."""
        self.actor.actor_ref.tell(Beat())

    def close(self) -> None:
        """Leave the terminal."""
        self._terminal.close()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def test_news_during_a_frame_wait_for_the_next_frame(stage: Stage) -> None:
    stage.news()
    assert stage.screen.frames == 1
    for _ in range(10):
        stage.clock.advance(A_MOMENT)
        stage.news()
    assert stage.screen.frames == 1
    stage.clock.advance(FRAME - 10 * A_MOMENT - A_MOMENT)
    assert stage.beats() == 0
    stage.clock.advance(2 * A_MOMENT)
    assert stage.beats() == 1
    assert stage.screen.frames == 2


def test_a_key_is_shown_at_once(stage: Stage) -> None:
    stage.news()
    stage.clock.advance(A_MOMENT)
    stage.key()
    stage.key()
    assert stage.screen.frames == 3


def test_queued_keys_share_a_frame(stage: Stage) -> None:
    stage.key()
    stage.actor.actor_ref.tell(Key("a", "a"))
    for _ in range(5):
        stage.clock.advance(PATIENCE_WITH_INPUT)
        stage.key()
    assert stage.screen.frames == 1
    stage.clock.advance(FRAME)
    stage.key()
    assert stage.screen.frames == 2
    stage.actor.actor_inbox.get()
    stage.key()
    assert stage.screen.frames == 3


def test_a_run_of_characters_waits_for_its_frame(stage: Stage) -> None:
    stage.typed()
    assert stage.screen.frames == 1
    for _ in range(10):
        stage.clock.advance(A_MOMENT)
        stage.typed()
    assert stage.screen.frames == 1
    stage.clock.advance(FRAME)
    assert stage.beats() == 1
    assert stage.screen.frames == 2


def test_one_alarm_is_set_and_replaced_by_an_earlier_one(stage: Stage) -> None:
    stage.news()  # a task runs, so the next frame of its spinner is due
    assert stage.clock.scheduled == 1
    stage.clock.advance(A_MOMENT)
    stage.news()
    stage.news()
    assert stage.clock.scheduled == 1
    stage.clock.advance(FRAME)
    assert stage.beats() == 1
    assert stage.screen.frames == 2


@pytest.mark.parametrize(
    ("urgent", "patience"), [(False, PATIENCE), (True, PATIENCE_WITH_INPUT)]
)
def test_a_mailbox_that_never_empties_delays_a_frame_only_briefly(
    stage: Stage, *, urgent: bool, patience: float
) -> None:
    hand = stage.key if urgent else stage.news
    stage.more_waits()
    hand()
    stage.clock.advance(patience - A_MOMENT)
    hand()
    assert stage.screen.frames == 0
    stage.clock.advance(2 * A_MOMENT)
    hand()
    assert stage.screen.frames == 1


def test_the_input_is_laid_out_once_per_frame(stage: Stage) -> None:
    stage.news()
    before = stage.editor.rendered
    stage.key()
    assert stage.screen.frames == 2
    assert stage.editor.rendered == before + 1


@pytest.mark.parametrize(
    ("drawn", "changed", "now", "more", "typed", "delay"),
    [
        (-1.0, 0.0, 0.0, False, False, 0.0),
        (-0.01, 0.0, 0.0, False, False, FRAME - 0.01),
        (-1.0, 0.0, 0.0, True, False, None),
        (-1.0, 0.0, PATIENCE, True, False, 0.0),
        (-1.0, 0.0, PATIENCE, True, True, None),
        (-1.0, 0.0, FRAME, True, True, 0.0),
        (-0.01, 0.0, PATIENCE, True, False, None),
    ],
)
def test_a_frame_follows_a_change_soon_but_not_another_frame(  # noqa: PLR0913 - a table
    *,
    drawn: float,
    changed: float,
    now: float,
    more: bool,
    typed: bool,
    delay: float | None,
) -> None:
    pace = Pace()
    assert pace.delay(now, more=more, typed=typed) is None
    pace.begin()
    pace.end(drawn)
    pace.note_change(changed)
    pace.note_change(now)
    assert pace.delay(now, more=more, typed=typed) == delay


def test_an_urgent_frame_is_not_delayed() -> None:
    pace = Pace()
    pace.end(0.0)
    pace.note_change(0.0)
    pace.urgent = True
    assert pace.delay(0.0, more=False, typed=False) == 0
    assert pace.delay(0.0, more=True, typed=False) is None
    assert pace.delay(PATIENCE_WITH_INPUT, more=True, typed=False) == 0
    pace.begin()
    pace.note_change(0.01)
    assert pace.delay(0.01, more=False, typed=False) == FRAME - 0.01
