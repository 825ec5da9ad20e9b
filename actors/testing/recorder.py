"""A recipient that keeps what it is told, for a test to look at and to wait for."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import pykka

from ..runtime.promise import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MessageT = TypeVar("MessageT")
WantedT = TypeVar("WantedT")

PATIENCE: Final = 5.0
"""Seconds that a test waits by default for what should come at once."""

_SHOWN: Final = 20
_TEXT_LIMIT: Final = 300


class Recorder(Generic[MessageT]):
    """Keeps everything it is told, in order. Safe on any thread.

    It can stand wherever a `Recipient` can: as a subscriber, as `reply_to`, or in place
    of another actor.

    Args:
        name: What it is called when a wait fails.
    """

    def __init__(self, name: str = "the recorder") -> None:
        self._name = name
        self._changed = threading.Condition()
        self._received: list[MessageT] = []
        self._waited_for: set[int] = set()
        self._dead = False
        self._blocks = False

    def __repr__(self) -> str:
        return f"<Recorder {self._name}>"

    def tell(self, message: MessageT, /) -> None:
        """Keep a message. Blocks only inside of `blocking`.

        Raises:
            pykka.ActorDeadError: After `die`.
        """
        with self._changed:
            if self._dead:
                raise pykka.ActorDeadError(f"{self._name} is dead")
            self._received.append(message)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._blocks)

    def die(self) -> None:
        """Refuse everything from now on, as the ref of a stopped actor does."""
        with self._changed:
            self._dead = True

    @contextlib.contextmanager
    def blocking(self) -> Generator[None, None, None]:
        """Hold up whoever tells it something in the `with` block, until its end.

        What is told is kept at once: a test can wait for it, and then knows that its
        sender stands still.
        """
        with self._changed:
            self._blocks = True
        try:
            yield
        finally:
            with self._changed:
                self._blocks = False
                self._changed.notify_all()

    @property
    def received(self) -> tuple[MessageT, ...]:
        """All messages so far, in the order in which they came."""
        with self._changed:
            return tuple(self._received)

    def of(self, wanted: type[WantedT]) -> tuple[WantedT, ...]:
        """Return all messages of a type so far, in the order in which they came."""
        return tuple(m for m in self.received if isinstance(m, wanted))

    @overload
    def wait_for(
        self,
        wanted: type[WantedT],
        where: Callable[[WantedT], bool] | None = None,
        *,
        timeout: float = PATIENCE,
    ) -> WantedT: ...

    @overload
    def wait_for(
        self, wanted: Callable[[MessageT], bool], *, timeout: float = PATIENCE
    ) -> MessageT: ...

    def wait_for(
        self,
        wanted: type[Any] | Callable[[Any], bool],
        where: Callable[[Any], bool] | None = None,
        *,
        timeout: float = PATIENCE,
    ) -> object:
        """Wait for a message and return it; blocks until it has come.

        A message that came before the call counts as well, but each is returned only
        once: waiting twice for a type gives the first and then the second of it.

        Args:
            wanted: The type of the message, or a function that tells whether a message
                is the one.
            where: With a type: what else must be true of it.
            timeout: Seconds.

        Raises:
            AssertionError: If none came; the text names what did.
        """
        if not isinstance(wanted, type):
            return self._wait(wanted, "such message", timeout)

        def matches(message: object) -> bool:
            right = isinstance(message, wanted)
            return right and (where is None or where(message))

        return self._wait(matches, wanted.__name__, timeout)

    def wait_for_count(
        self, wanted: type[WantedT], count: int, *, timeout: float = PATIENCE
    ) -> tuple[WantedT, ...]:
        """Wait until there are `count` messages of a type, and return all of them.

        Unlike `wait_for` it counts all, and keeps none from being returned again.

        Raises:
            AssertionError: If there are fewer after `timeout` seconds.
        """
        with self._changed:
            enough = wait_in_halves(
                self._changed, lambda: len(self.of(wanted)) >= count, timeout
            )
            if enough:
                return self.of(wanted)
            raise AssertionError(
                self._failure(
                    f"only {len(self.of(wanted))} of {count} {wanted.__name__}", timeout
                )
            )

    def _wait(
        self, matches: Callable[[MessageT], bool], what: str, timeout: float
    ) -> MessageT:
        looked_at = 0
        found: int | None = None

        def look() -> bool:
            nonlocal looked_at, found
            for index in range(looked_at, len(self._received)):
                if index not in self._waited_for and matches(self._received[index]):
                    found = index
                    return True
            looked_at = len(self._received)
            return False

        with self._changed:
            wait_in_halves(self._changed, look, timeout)
            if found is None:
                raise AssertionError(self._failure(f"no {what}", timeout))
            self._waited_for.add(found)
            return self._received[found]

    def _failure(self, what: str, timeout: float) -> str:
        count = len(self._received)
        first = max(0, count - _SHOWN)
        lines = [f"{what} for {self._name} within {timeout:g} s; received {count}:"]
        if first:
            lines.append(f"  ... {first} before these")
        for index, message in enumerate(self._received[first:], first):
            text = repr(message)
            if len(text) > _TEXT_LIMIT:
                text = f"{text[:_TEXT_LIMIT]}..."
            mark = " (waited for already)" if index in self._waited_for else ""
            lines.append(f"  {index + 1}. {text}{mark}")
        return "\n".join(lines)


def wait_in_halves(
    changed: threading.Condition, holds: Callable[[], bool], timeout: float
) -> bool:
    """Wait until something holds; return whether it does. Blocks up to `timeout` s.

    A machine that runs tests may stand still for longer than that, and with it the test
    and all that it waits for. A single wait would give up in the moment in which they
    go on; of two, one is spent running.

    Raises:
        ValueError: If `timeout` is not a number.
    """
    half = Deadline(timeout).left() / 2
    return changed.wait_for(holds, half) or changed.wait_for(holds, half)
