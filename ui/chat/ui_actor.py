"""The UIActor draws the chat: messages in, new state, frame out."""

from __future__ import annotations

import termios
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from ...actors import (
    DeadLetters,
    EndsClaimed,
    QueueRequest,
    Recipient,
    Refused,
    Subscribe,
    Subscribed,
    TaskChanged,
    Transcript,
)
from ..dialogue.effects import Leave, Send, Tell
from ..dialogue.face_actor import FaceActor
from ..dialogue.lookups import LookUp
from ..dialogue.messages import Finished, Notice
from ..dialogue.partner import ChatOpened, PartnerControl, Spoken
from ..dialogue.search_actor import StopSearch
from ..editor.history_file import HistoryError
from ..terminal import keys
from ..text.theme import theme_for
from .announcer import CALL, Caller
from .frames import Frames
from .mailbox import InputFirst
from .model.effects import (
    Announce,
    ControlPartner,
    EditText,
    Effect,
    HurryUp,
    Pausing,
    Redraw,
    Remember,
    ShowTerminal,
    Suspend,
    SwitchMouse,
    TellPartner,
    ViewFile,
)
from .model.messages import (
    Beat,
    Close,
    Ending,
    Entered,
    Hurry,
    Open,
    Opened,
    Pause,
    Resized,
    Resumed,
    Summary,
    UIMessage,
    UIReport,
)
from .pace import FRAME, Pace
from .pauses import Pauses
from .summary import summary_text
from .update.absorb import absorb
from .update.update import update
from .views.input import input_styles

if TYPE_CHECKING:
    from ...actors.runtime.clock import Alarm, Clock
    from ..dialogue.partner import Partner
    from ..editor.history_file import HistoryFile
    from ..program.config import Config
    from ..terminal.screen import Screen
    from ..terminal.terminal import Size, Terminal
    from .model.state import ChatState
    from .update.update import Message

REMEMBERED: Final = 10_000
"""Number of transcript entries that are restored when a session is reopened."""

PAST: Final = "past"
"""The correlation id of the answer with the earlier transcript."""

ASK_AGAIN: Final = 1.0
"""Seconds after which a refused request for the transcript is repeated."""

# Not `Typed`: a person doesn't look at each character of a run, and drawing a long
# input takes longer than handling the next run.
_SHOWN_AT_ONCE = keys.Key | keys.Paste | keys.Wheel | keys.Click
_RETRY: Final = 0.1
_FAILURES: Final = 5


class UIActor(FaceActor[UIMessage]):
    """Owns the state of the chat, and draws it; nothing else does.

    In: see `UIMessage`. Out: requests to the queue, messages to the partner, reports to
    the owner, frames to the terminal.

    All messages that wait in the mailbox become one frame. The actor wakes by itself
    only while something on the screen moves: with nothing running there are no beats.
    """

    def __init__(  # noqa: PLR0913 - one for each collaborator
        self,
        state: ChatState,
        *,
        terminal: Terminal,
        screen: Screen,
        config: Config,
        history: HistoryFile | None,
        partner: Partner | None,
        queue: Recipient[QueueRequest],
        owner: Recipient[UIReport],
        clock: Clock,
        dead_letters: DeadLetters,
    ) -> None:
        super().__init__(queue, owner, dead_letters)
        self._state = state
        self._terminal = terminal
        self._screen = screen
        self._config = config
        self._history = history
        self._partner = partner
        self._owner = owner
        self._clock = clock
        self._caller = Caller(
            config.notifications,
            screen,
            self.actor_ref,
            lambda message: self.post(queue, message),
        )
        self._subscribed = False
        self._watched = False  # as last sent to the queue
        self._alarm: Alarm | None = None
        self._alarm_due = 0.0
        self._frames = Frames(state, screen)
        self._pace = Pace()
        self._pauses = Pauses(terminal)
        self._opened = False
        self._failures = 0

    def handle(self, message: UIMessage) -> Summary | None:
        """Handle one message, and draw if nothing else waits."""
        now = self._clock.now().monotonic
        self._pace.note_change(now)
        match message:
            case Close():
                self._state.now = now
                self._paint()
                return self._summary(message)
            case Open():
                self._subscribe(past=REMEMBERED)
            case Ending():
                if not self._is_shown:
                    self._subscribed = False
                    self.stop_showing()
                self._update(message, now)
            case Pause():
                self._pause(Suspend())
            case Resumed(size=size):
                self._resume(size)
            case keys.BackgroundColor():
                self._set_look(message)
            case keys.KeyboardProtocol():
                self._terminal.use_keyboard_protocol()
            case keys.DeviceAttributes():
                self._terminal.note_answer()
                self._pause_if_wanted()
            case Beat():
                self._alarm = None
                self._pause_if_wanted()
                self._update(message, now)
            case Transcript() | Refused() if message.correlation_id == PAST:
                self._take_past(message, now)
            case EndsClaimed() | Refused() if message.correlation_id == CALL:
                self._caller.take(message, now, shown=self._is_shown)
            case Resized():
                # Even if the size is unchanged: a window that was small for a moment
                # has lost the part that did not fit.
                self._screen.invalidate()
                self._pace.urgent = True
                self._update(message, now)
            case TaskChanged() | Subscribed():
                self.note_seen(message)
                self._update(message, now)
            case _:
                self._pace.urgent |= isinstance(message, _SHOWN_AT_ONCE)
                self._update(message, now)
        self._settle()
        return None

    def _update(self, message: Message, now: float) -> None:
        self._perform(update(self._state, message, now))

    @property
    def _is_shown(self) -> bool:
        return not (self._pauses.is_paused or self.view_lost)

    @property
    def _is_watched(self) -> bool:
        """Whether a person looks at this chat, so that no notification is needed.

        True until the terminal reports that its window has lost the focus.
        """
        wanted = self._config.notifications.only_when_unfocused
        return wanted and self._state.window_focused and not self._pauses.is_paused

    def _subscribe(self, past: int | None = None) -> None:
        self._subscribed = True
        self._watched = self._is_watched
        subscribe = Subscribe(
            self.actor_ref,
            shows=True,
            watched=self._watched,
            past=past,
            reply_to=None if past is None else self.actor_ref,
            correlation_id=None if past is None else PAST,
        )
        self.post(self._queue, subscribe)

    def _take_past(self, answer: Transcript | Refused, now: float) -> None:
        """Show the earlier transcript; if it can't be read, say so once and retry."""
        if isinstance(answer, Transcript):
            self._update(answer, now)
        else:
            if not self._opened:
                text = f"can't load the earlier transcript, retrying: {answer.text}"
                self._update(Notice(text), now)
            self._clock.call_later(ASK_AGAIN, lambda: self.tell_self(Open()))
        if not self._opened:
            self._opened = True
            self._control_partner(ChatOpened(self.actor_ref))
            self.post(self._owner, Opened())

    def on_error(self, message: UIMessage, error: BaseException) -> None:
        """Show the error on the screen; give up if drawing fails repeatedly."""
        del message
        self._failures += 1
        if self._failures > _FAILURES:
            self.lose_view(f"internal error: {error!r}; see the log")
            return
        absorb(self._state, self._state.dialogue.take_failure(error))
        self._settle()

    def on_stop(self) -> None:
        """Cancel the next beat, and stop the lookups."""
        super().on_stop()
        if self._alarm is not None:
            self._alarm.cancel()

    @staticmethod
    def make_inbox() -> InputFirst:
        """Make a mailbox that prefers input."""
        return InputFirst()

    def _settle(self) -> None:
        """Draw, now or at the next frame's time."""
        stale = self._watched != self._is_watched
        if stale and self._subscribed and not self.view_lost:
            self._subscribe()
        if not self._is_shown:
            return
        now, inbox = self._clock.now().monotonic, self.actor_inbox
        typed = isinstance(inbox, InputFirst) and inbox.input_waits
        delay = self._pace.delay(now, more=not inbox.empty(), typed=typed)
        if delay is None:
            return
        if delay > 0:
            self._wake_in(delay, now)
            return
        self._state.now = now
        self._caller.ask(now, watched=self._is_watched)
        whole = self._paint()
        self._schedule(now, None if whole else _RETRY)

    def _paint(self) -> bool:
        """Draw a frame; return whether the terminal has taken all of it."""
        if not self._is_shown:
            return True
        self._pace.begin()
        try:
            whole, resize = self._frames.draw()
        except OSError as error:
            self.lose_view(error.strerror or str(error))
            return True
        if resize is not None:
            self.post(self._queue, resize)
        if self._terminal.lost:
            self.lose_view("the terminal is gone")
        self._pace.end(self._clock.now().monotonic)
        self.acknowledge(noticed=self._watched)
        return whole

    def _schedule(self, now: float, retry: float | None) -> None:
        delays = (self._frames.next_beat(), self._caller.due(now), retry)
        known = [delay for delay in delays if delay is not None]
        if known:
            self._wake_in(max(FRAME, min(known)), now)

    def _wake_in(self, delay: float, now: float) -> None:
        if self._alarm is not None:
            if self._alarm_due <= now + delay:
                return
            self._alarm.cancel()
        self._alarm_due = now + delay
        self._alarm = self._clock.call_later(delay, lambda: self.tell_self(Beat()))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send() | Tell() | LookUp() | StopSearch():
                    self.request(effect)
                case Leave(ends=ends):
                    self.post(self._owner, Finished(ends))
                case TellPartner():
                    self._tell_partner(effect)
                case ControlPartner(message=message):
                    self._control_partner(message)
                case Remember(text=text):
                    self._remember(text)
                case Announce(task=task, seq=seq):
                    board = self._state.board
                    self._caller.add(task, seq, board.open_count, board.are_all_held)
                case Suspend() | EditText() | ViewFile() | ShowTerminal():
                    self._pause(effect)
                case HurryUp():
                    self.post(self._owner, Hurry())
                case Redraw():
                    self._screen.invalidate()
                case SwitchMouse():
                    self._switch_mouse()
                case _:
                    assert_never(effect)

    def _summary(self, close: Close) -> Summary:
        state = self._state
        come_back = None if close.ends else state.come_back
        text = summary_text(state.board, state.session, come_back, close.ended)
        return Summary(text)

    def _tell_partner(self, said: TellPartner) -> None:
        partner = self._partner
        if partner is None or (said.elsewhere and partner.control is None):
            return
        message = Spoken(said.conversation, said.text, self.actor_ref)
        if not self.post(partner.recipient, message):
            self._state.notice = f"{partner.name} has ended and did not receive that"

    def _control_partner(self, message: PartnerControl) -> None:
        if self._partner is not None and self._partner.control is not None:
            self.post(self._partner.control, message)

    def _remember(self, text: str) -> None:
        if self._history is None:
            return
        try:
            self._history.append(text)
        except HistoryError as error:
            self._state.notice = str(error)

    def _pause(self, reason: Pausing) -> None:
        self._pauses.want(reason)
        self._pause_if_wanted()

    def _pause_if_wanted(self) -> None:
        due = self._pauses.due()
        if due is None:
            return
        if due > 0:
            self._wake_in(due, self._clock.now().monotonic)
        elif (reason := self._pauses.begin()) is not None:
            self.post(self._owner, reason)

    def _resume(self, size: Size) -> None:
        if self._state.detail is not None and self._state.detail.terminal is not None:
            # The task's terminal may have been resized to the whole window.
            self._state.detail.terminal.begin_anew()
        try:
            self._pauses.end()
        except termios.error as error:
            self.lose_view(str(error))
            return
        self.post(self._owner, Entered())
        self._frames.begin_anew()
        self._state.size = size
        self._pace.urgent = True

    def _switch_mouse(self) -> None:
        on = not self._terminal.mouse
        self._terminal.set_mouse(on=on)
        self._state.notice = (
            "the mouse scrolls and opens tasks; Shift+drag selects text"
            if on
            else "the mouse selects text; Alt+M turns it on again"
        )

    def _set_look(self, background: keys.BackgroundColor) -> None:
        if self._config.theme == "auto":
            light = not background.is_dark
            theme = theme_for(self._terminal.colors, light=light)
            self._state.look = replace(self._state.look, theme=theme)
            self._state.editor.styles = input_styles(theme)
