"""The base class of the actors of both faces: line mode and the drawn chat."""

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
"""What every face reports to the program that owns it."""


class FaceActor(SafeActor[MessageT]):
    """Sends the requests of commands, and acknowledges shown notifications.

    Args:
        queue: Receives the requests.
        owner: Notified when the session is over, and when the view is lost.
        dead_letters: Counts the messages that can't be delivered.
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
        """Whether the view is lost, so that nothing can be shown."""
        return self._lost

    def on_stop(self) -> None:
        """Stop the lookups and the search."""
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
                # A file system that does not respond must not delay the lookups of
                # commands.
                apart = isinstance(effect.wanted, FindNames | FindTemplates)
                if apart not in self._lookups:
                    self._lookups[apart] = LookupActor.start(self._dead_letters)
                question = replace(effect, reply_to=self.actor_ref)
                self.post(self._lookups[apart], question)

    def note_seen(self, news: Notification) -> None:
        """Record that a notification is about to be shown."""
        match news:
            case TaskChanged(event=event) if not event.is_of_status:
                pass  # progress and the like are not acknowledged
            case TaskChanged(seq=seq) | Subscribed(seq=seq):
                self._seen = max(self._seen, seq)
            case _:
                pass

    def acknowledge(self, *, noticed: bool = False) -> None:
        """Tell the queue that the recorded notifications were shown, if any are new.

        `noticed` if a person has noticed them; see `Shown`.
        """
        before = self._noticed if noticed else self._acknowledged
        if self._seen > before and not self._lost:
            self._acknowledged = self._seen
            if noticed:
                self._noticed = self._seen
            self.post(self._queue, Shown(self._seen, noticed))

    def stop_showing(self) -> None:
        """Tell the queue that this face shows nothing from now on.

        The end of the session must not wait for it.
        """
        self.post(self._queue, Subscribe(self.actor_ref, shows=False))

    def lose_view(self, reason: str) -> None:
        """Record that the view is lost, and report it once."""
        if not self._lost:
            self._lost = True
            self.stop_showing()
            self.post(self._face_owner, ViewLost(reason))
