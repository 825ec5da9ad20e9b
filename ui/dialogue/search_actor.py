"""The SearchActor: searches outputs in the background, in bounded turns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import SafeActor
from .lookups import LookedUp, LookUp, LookUpFailed
from .output_search import BoundedSearch, FindInOutputs

if TYPE_CHECKING:
    from ...actors import Recipient

_TURN: Final = 0.05  # seconds
_PAUSE: Final = 0.2  # seconds between two reports of progress


class StopSearch(msgspec.Struct, frozen=True):
    """End the search; its last part is sent."""


class _Continue(msgspec.Struct, frozen=True):
    """Take the next turn of a search."""

    number: int


Message = LookUp | StopSearch | _Continue


class SearchActor(SafeActor[Message]):
    """Answers a `LookUp` of `FindInOutputs` with several `LookedUp`.

    It has a thread of its own; only reads may block it. A new search ends the previous
    search.
    """

    _search: BoundedSearch | None = None
    _number = 0
    _reply_to: Recipient[LookedUp] | None = None
    _told = 0.0

    def handle(self, message: Message) -> None:
        """Begin, continue or end a search."""
        match message:
            case LookUp(number=number, wanted=FindInOutputs() as wanted):
                self._stop()
                self._search = BoundedSearch(wanted)
                self._number, self._reply_to = number, message.reply_to
                self._told = time.monotonic()
                self.tell_self(_Continue(number))
            case LookUp():
                pass  # the LookupActor answers it
            case StopSearch():
                self._stop()
            case _Continue(number=number):
                if number == self._number and self._search is not None:
                    self._search_a_turn(self._search)

    def _search_a_turn(self, search: BoundedSearch) -> None:
        end = time.monotonic() + _TURN
        while not search.is_over and time.monotonic() < end:
            search.step()
        if search.is_over or time.monotonic() - self._told >= _PAUSE:
            self._tell(search)
        if search.is_over:
            self._search = None
        else:
            self.tell_self(_Continue(self._number))

    def _stop(self) -> None:
        search, self._search = self._search, None
        if search is not None:
            search.stop()
            self._tell(search)

    def _tell(self, search: BoundedSearch) -> None:
        self._told = time.monotonic()
        if self._reply_to is not None:
            self.post(self._reply_to, LookedUp(self._number, search.take()))

    def on_error(self, message: Message, error: BaseException) -> None:
        """Answer with the error, so that the request does not stay pending."""
        del message
        self._search = None
        if self._reply_to is not None:
            failed = LookUpFailed(f"internal error: {error!r}; see the log")
            self.post(self._reply_to, LookedUp(self._number, failed))

    def on_stop(self) -> None:
        """Close the output that is being read."""
        if self._search is not None:
            self._search.stop()
