"""The LineActor: shows every notification in the view that it was given."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, assert_never

from ...actors import (
    DeadLetters,
    JournalTrouble,
    QueueRequest,
    Recipient,
    Subscribed,
    TaskChanged,
    TasksForgotten,
)
from ..dialogue.effects import (
    AskToLeave,
    CloseChat,
    Inspect,
    Leave,
    ListChats,
    OpenChat,
    Prefill,
    Send,
    Show,
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
    LineMessage,
    LineReport,
    Notice,
    Reopened,
    Verdict,
    WantsInput,
)

if TYPE_CHECKING:
    from ..dialogue.dialogue import Dialogue
    from ..dialogue.effects import Effect
    from .views import View


class LineActor(FaceActor[LineMessage]):
    """Carries out lines one after the other, and shows what comes of them.

    In: see `LineMessage`. Out: requests to the queue, reports to the owner.

    Args:
        dialogue: What a line means, and what is to be shown.
        view: Where it is shown.
        queue: Takes the requests.
        owner: Told when input is wanted, and when the session is over.
        dead_letters: Counts what reaches nobody.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        view: View,
        queue: Recipient[QueueRequest],
        owner: Recipient[LineReport],
        dead_letters: DeadLetters,
    ) -> None:
        super().__init__(queue, owner, dead_letters)
        self._dialogue = dialogue
        self._view = view
        self._owner = owner
        self._lines: deque[InputLine | BadInput] = deque()
        self._input_owed = False
        self._input_ended = False
        self._leaving = False

    def handle(self, message: LineMessage) -> Verdict | None:
        """Handle one message."""
        match message:
            case InputLine() | BadInput():
                self._lines.append(message)
                self._input_owed = True
                self._go_on()
            case EndOfInput():
                self._input_ended = True
                self._go_on()
            case Reopened(tasks=tasks):
                self._perform(self._dialogue.take_resumed(tasks))
            case Notice(text=text):
                self._perform(self._dialogue.take_notice(text))
            case TaskChanged() | Subscribed() | TasksForgotten() | JournalTrouble():
                self._perform(self._dialogue.take_notification(message))
                self.note_seen(message)
                if isinstance(message, Subscribed) and self.view_lost:
                    self.show_no_more()
                self._go_on()
            case LookedUp():
                self._perform(self._dialogue.take_lookup(message))
                self._go_on()
            case Farewell():
                self._perform(self._dialogue.take_end())
                self._flush()
                return Verdict(
                    self._dialogue.misunderstood,
                    self._dialogue.unsuccessful or bool(self._dialogue.awaited_tasks),
                )
            case _:
                self._perform(self._dialogue.take_reply(message))
                self._go_on()
        if self.actor_inbox.empty():
            self._flush()
            # Once for all that came together; a burst need not be answered one by one.
            self.acknowledge()
        return None

    def on_error(self, message: LineMessage, error: BaseException) -> None:
        """Say so, and go on with the next line."""
        del message
        self._perform(self._dialogue.take_failure(error))
        self._go_on()
        self._flush()

    def _go_on(self) -> None:
        while self._lines and not self._dialogue.busy and not self._leaving:
            match self._lines.popleft():
                case InputLine(text=text):
                    self._perform(self._dialogue.take_line(text))
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
        elif not self._dialogue.awaited_tasks:
            self._leave()

    def _flush(self) -> None:
        if self.view_lost:
            return
        try:
            self._view.flush()
        except OSError as error:
            self.lose_view(error.strerror or str(error))

    def _leave(self) -> None:
        if not self._leaving:
            self._leaving = True
            self._flush()
            self.acknowledge()
            self.post(self._owner, Finished())

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
                    self.request(effect)
                case Leave():
                    self._leave()
                case (
                    Speak()
                    | Inspect()
                    | OpenChat()
                    | CloseChat()
                    | ListChats()
                    | AskToLeave()
                    | Prefill()
                ):
                    pass  # only a dialogue with a screen asks for these
                case _:
                    assert_never(effect)
