"""What the actors of both faces, line mode and the drawn chat, have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...actors import (
    DeadLetters,
    QueueRequest,
    Recipient,
    SafeActor,
    Shown,
    Subscribe,
    Subscribed,
    TaskChanged,
)
from ...actors.runtime.sending import MessageT
from .effects import Send, Tell
from .lookup_actor import LookupActor
from .lookups import LookUp
from .messages import Finished, ViewLost
from .names import FindNames
from .output_search import FindInOutputs
from .search_actor import SearchActor, StopSearch
from .templates import FindTemplates

if TYPE_CHECKING:
    import pykka

    from ...actors import Notification

FaceReport = Finished | ViewLost
"""What every face tells the program that owns it."""


class FaceActor(SafeActor[MessageT]):
    """Sends what commands ask for, and tells the queue what has been shown.

    Args:
        queue: Takes the requests.
        owner: Told when the session is over, and when nothing can be shown any more.
        dead_letters: Counts what reaches nobody.
    """

    def __init__(
        self,
        queue: Recipient[QueueRequest],
        owner: Recipient[FaceReport],
        dead_letters: DeadLetters,
    ) -> None:
        super().__init__(dead_letters)
        self._queue = queue
        self._face_owner = owner
        self._lookups: dict[bool, pykka.ActorRef[LookupActor]] = {}
        self._searches: pykka.ActorRef[SearchActor] | None = None
        self._seen = 0
        self._acknowledged = 0
        self._noticed = 0
        self._lost = False

    @property
    def view_lost(self) -> bool:
        """Whether nothing can be shown any more."""
        return self._lost

    def on_stop(self) -> None:
        """Look nothing up any more."""
        for lookups in self._lookups.values():
            lookups.stop(block=False)
        if self._searches is not None:
            self._searches.stop(block=False)

    def request(self, effect: Send | Tell | LookUp | StopSearch) -> None:
        """Send a request of the dialogue to the actor that answers it."""
        match effect:
            case Send(request=request):
                self.post(self._queue, replace(request, reply_to=self.actor_ref))
            case Tell(message=news):
                told = replace(news, shown_by=self.actor_ref)
                self.post(self._queue, told)
            case StopSearch():
                if self._searches is not None:
                    self.post(self._searches, effect)
            case LookUp(wanted=FindInOutputs()):
                if self._searches is None:
                    self._searches = SearchActor.start(self._dead_letters)
                self.post(self._searches, replace(effect, reply_to=self.actor_ref))
            case LookUp():
                # A folder that never answers must not hold up what commands ask for.
                apart = isinstance(effect.wanted, FindNames | FindTemplates)
                if apart not in self._lookups:
                    self._lookups[apart] = LookupActor.start(self._dead_letters)
                question = replace(effect, reply_to=self.actor_ref)
                self.post(self._lookups[apart], question)

    def note_seen(self, news: Notification) -> None:
        """Note that a notification is about to be shown."""
        match news:
            case TaskChanged(event=event) if not event.is_of_status:
                pass  # worth nothing a moment later
            case TaskChanged(seq=seq) | Subscribed(seq=seq):
                self._seen = max(self._seen, seq)
            case _:
                pass

    def acknowledge(self, *, noticed: bool = False) -> None:
        """Tell the queue that what was noted has been shown, if that is news.

        Args:
            noticed: Whether a person has noticed it, as `Shown` has it.
        """
        before = self._noticed if noticed else self._acknowledged
        if self._seen > before and not self._lost:
            self._acknowledged = self._seen
            if noticed:
                self._noticed = self._seen
            self.post(self._queue, Shown(self._seen, noticed))

    def show_no_more(self) -> None:
        """Tell the queue that nothing is shown any more.

        The session's end must not wait for what can't be shown.
        """
        self.post(self._queue, Subscribe(self.actor_ref, shows=False))

    def lose_view(self, reason: str) -> None:
        """Note that nothing can be shown any more, and say so; once is enough."""
        if not self._lost:
            self._lost = True
            self.show_no_more()
            self.post(self._face_owner, ViewLost(reason))
