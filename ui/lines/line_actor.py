"""The LineActor: runs lines, and shows notifications and answers in a view."""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, assert_never

from ...actors import (
    CancelTask,
    DeadLetters,
    Notification,
    QueueReply,
    QueueRequest,
    Recipient,
    Subscribed,
    TaskStatus,
)
from ...actors.rules.safe_text import safe_line
from ..dialogue.effects import (
    AskToLeave,
    Attach,
    CloseChat,
    Inspect,
    Leave,
    ListChats,
    OfferLine,
    OpenChat,
    Send,
    Show,
    ShowFound,
    Speak,
    Tell,
)
from ..dialogue.face_actor import FaceActor
from ..dialogue.lookups import LookedUp, LookUp
from ..dialogue.messages import (
    BadInput,
    EndOfInput,
    Farewell,
    Finished,
    InputLine,
    Interrupted,
    Keystrokes,
    LineKeys,
    LineMessage,
    LineReport,
    LinesTyped,
    Notice,
    Prompt,
    Reopened,
    TypingEnds,
    Verdict,
    WantsInput,
)
from ..dialogue.parse import line_hint
from ..dialogue.partner import AllowCommands
from .own_news import OwnNews

if TYPE_CHECKING:
    from ..dialogue.dialogue import Dialogue
    from ..dialogue.effects import Effect
    from ..dialogue.open_tasks import OpenTasks
    from .typed_line import TypedLine
    from .views import View


class Manner(enum.Enum):
    """How line mode shares its session with other programs."""

    ALONE = enum.auto()
    """The session and all its tasks end with this program."""

    CHAT = enum.auto()
    """It shows everything, and the session keeps running after it, as with a chat."""

    SCRIPT = enum.auto()
    """It shows, awaits and ends only the tasks that it added."""


class LineActor(FaceActor[LineMessage]):
    """Runs lines in order, and shows their results.

    In: see `LineMessage`. Out: requests to the queue, reports to the owner.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one for each collaborator
        self,
        dialogue: Dialogue,
        view: View,
        queue: Recipient[QueueRequest],
        owner: Recipient[LineReport],
        dead_letters: DeadLetters,
        manner: Manner = Manner.ALONE,
        typed: TypedLine | None = None,
    ) -> None:
        super().__init__(queue, owner, dead_letters)
        self._dialogue = dialogue
        self._view = view
        self._typed = typed
        self._owner = owner
        self._lines: deque[InputLine | BadInput] = deque()
        self._input_owed = False
        self._input_ended = False
        self._leaving = False
        self._manner = manner
        # A script with a session of its own may add tasks before earlier additions are
        # answered. In a shared session it may not: an interrupt cancels the tasks that
        # it has added.
        self._ahead = manner is Manner.ALONE and not view.repeats
        self._own = OwnNews() if manner is Manner.SCRIPT else None

    def handle(self, message: LineMessage) -> Verdict | None:
        """Handle one message."""
        match message:
            case InputLine() | BadInput():
                self._lines.append(message)
                self._input_owed = True
                self._run_lines()
            case EndOfInput():
                self._input_ended = True
                self._run_lines()
            case LineKeys() | Keystrokes() | Prompt() | TypingEnds():
                self._take_typing(message)
            case Reopened(tasks=tasks):
                self._perform(self._dialogue.take_resumed(tasks))
            case Notice(text=text, good=good):
                self._perform(self._dialogue.take_notice(text, good=good))
            case Interrupted(now=now):
                self._cancel_all(now=now)
                self._run_lines()
            case LookedUp():
                self._perform(self._dialogue.take_lookup(message))
                self._run_lines()
            case Farewell():
                return self._farewell()
            case _:
                self._receive(message)
                self._run_lines()
        if self.actor_inbox.empty():
            self._flush()
            # Acknowledge once for all waiting notifications.
            self.acknowledge()
        return None

    def on_error(self, message: LineMessage, error: BaseException) -> None:
        """Show the error, and continue with the next line."""
        del message
        self._perform(self._dialogue.take_failure(error))
        self._run_lines()
        self._flush()

    def _receive(self, message: Notification | QueueReply) -> None:
        if isinstance(message, Notification):
            told = (message,) if self._own is None else self._own.take(message)
        else:
            told = () if self._own is None else self._own.take_reply(message)
        for news in told:
            self._take(news)
        if not isinstance(message, Notification):
            self._perform(self._dialogue.take_reply(message))

    def _take(self, news: Notification) -> None:
        self._perform(self._dialogue.take_notification(news))
        if self._own is None:
            self.note_seen(news)
        if isinstance(news, Subscribed) and self.view_lost:
            self.stop_showing()

    def _take_typing(
        self, message: LineKeys | Keystrokes | Prompt | TypingEnds
    ) -> None:
        if self._typed is None or self.view_lost:
            return
        try:
            match message:
                case LineKeys():
                    self._typed.set_keys(message)
                case Keystrokes(data=data):
                    typed = self._typed.feed(data)
                    if typed.lines or typed.ended:
                        self.post(self._owner, LinesTyped(typed.lines, typed.ended))
                case Prompt(text=text):
                    self._typed.set_prompt(text)
                case TypingEnds():
                    self._typed.discard()
        except OSError as error:
            self.lose_view(error.strerror or str(error))

    @property
    def _open(self) -> OpenTasks:
        return self._dialogue.context.open

    def _cancel_all(self, *, now: bool) -> None:
        """Cancel the tasks added here, and drop the remaining lines."""
        self._lines.clear()
        self._input_ended = True
        reason = "canceled: its script was interrupted"
        for task in self._open.awaited:
            self.post(self._queue, CancelTask(task.id, reason, now, self.actor_ref))

    def _farewell(self) -> Verdict:
        self._perform(self._dialogue.take_end())
        self._flush()
        dialogue = self._dialogue
        owed = self._open.is_any_awaited and self._manner is not Manner.CHAT
        running = tuple(
            f"#{task.id} {safe_line(task.description)}"
            for task in self._open.awaited
            if task.status is TaskStatus.RUNNING
        )
        return Verdict(dialogue.misunderstood, dialogue.unsuccessful or owed, running)

    def _run_lines(self) -> None:
        while self._lines and not self._leaving and self._takes(self._lines[0]):
            match self._lines.popleft():
                case InputLine(text=text):
                    self._perform(self._dialogue.take_line(text))
                    hint = line_hint(text, notes=True) if self._typed else ""
                    if hint:
                        self._perform(self._dialogue.take_notice(hint, good=True))
                case BadInput(problem=problem):
                    self._perform(self._dialogue.take_bad_line(problem))
                case _ as never:
                    assert_never(never)
        if self._leaving or self._lines or self._dialogue.busy:
            return
        if not self._input_ended:
            if self._input_owed:
                self._input_owed = False
                self.post(self._owner, WantsInput())
        elif self._manner is Manner.CHAT or not self._open.is_any_awaited:
            self._leave()

    def _takes(self, line: InputLine | BadInput) -> bool:
        """Return whether the next line can run now."""
        if self._ahead and isinstance(line, InputLine):
            return self._dialogue.takes(line.text)
        return not self._dialogue.busy

    def _flush(self) -> None:
        if self.view_lost:
            return
        try:
            self._view.flush()
        except OSError as error:
            self.lose_view(error.strerror or str(error))

    def _leave(self, *, ends: bool = False) -> None:
        if not self._leaving:
            self._leaving = True
            self._flush()
            self.acknowledge()
            self.post(self._owner, Finished(ends))

    def _quit(self, *, ends: bool) -> None:
        if self._manner is Manner.SCRIPT:
            self._cancel_all(now=False)
        else:
            self._leave(ends=ends)

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Show(entry=entry):
                    if self.view_lost:
                        continue
                    try:
                        self._view.show(entry)
                    except OSError as error:
                        self.lose_view(error.strerror or str(error))
                case Send() | Tell() | LookUp():
                    if self._own is not None and isinstance(effect, Send):
                        self._own.note_request(effect.request)
                    self.request(effect)
                case Leave(ends=ends):
                    self._quit(ends=ends)
                case (
                    Speak()
                    | AllowCommands()
                    | Inspect()
                    | Attach()
                    | OpenChat()
                    | CloseChat()
                    | ListChats()
                    | AskToLeave()
                    | OfferLine()
                    | ShowFound()
                ):
                    pass  # only a dialogue with a screen returns these
                case _:
                    assert_never(effect)
