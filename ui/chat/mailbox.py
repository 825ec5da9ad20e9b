"""The mailbox of the chat: input from the terminal goes before notifications."""

from __future__ import annotations

import queue
from typing import Any

from ..terminal import keys
from .model.messages import Ending, Open, Pause, Resized, Resumed

_FROM_THE_TERMINAL = keys.Event | Open | Resized | Pause | Resumed | Ending


class InputFirst:
    """A mailbox with two FIFO lanes; the terminal's lane has priority.

    At thousands of notifications a second, many are queued before a key. A click refers
    to the screen at that time, so sizes and pauses share the keys' lane. Thread-safe.
    """

    current: Any = None
    """The envelope that `get` returned last."""

    def __init__(self) -> None:
        self._input: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._rest: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # One token for each message, so that a reader can wait for both lanes at once.
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - a private type of Pykka
        """Take a message. Never blocks."""
        is_input = isinstance(envelope.message, _FROM_THE_TERMINAL)
        (self._input if is_input else self._rest).put(envelope)
        self._tokens.put(None)

    def get(self) -> Any:  # noqa: ANN401 - the same
        """Return the next message; blocks until there is one."""
        self.current = None
        self._tokens.get()
        try:
            self.current = self._input.get_nowait()
        except queue.Empty:
            self.current = self._rest.get()
        return self.current

    @property
    def input_waits(self) -> bool:
        """Whether more input from the terminal waits, as during a long paste."""
        return not self._input.empty()

    def empty(self) -> bool:
        """Return whether no message waits."""
        return self._tokens.empty()
