"""Recipients that record messages, which a test can inspect and wait for."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

import pykka

from ..messages import TaskChanged, TaskEvent
from ..rules.safe_text import brief
from ..runtime.promise import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MessageT = TypeVar("MessageT")
WantedT = TypeVar("WantedT")

PATIENCE: Final = 5.0
"""Seconds that a test waits by default."""

_SHOWN: Final = 20
_TEXT_LIMIT: Final = 300


class Record(Generic[MessageT]):
    """Records messages in order; the base of both recorders.

    Args:
        name: Its name in errors.
    """

    def __init__(self, name: str = "the recorder") -> None:
        self._name = name
        self._changed = threading.Condition()
        self._received: list[MessageT] = []
        self._waited_for: set[int] = set()
        self._dead = False
        self._blocks = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"

    def tell(self, message: MessageT, /) -> None:
        """Record a message. Blocks only inside of `blocking`.

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
        """Refuse all further messages, as the ref of a stopped actor does."""
        with self._changed:
            self._dead = True

    @contextlib.contextmanager
    def blocking(self) -> Generator[None, None, None]:
        """Block every sender until the `with` block ends.

        A message is recorded before its sender blocks, so a test that has received it
        knows that the sender is blocked.
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
        """All messages so far, in order of arrival."""
        with self._changed:
            return tuple(self._received)

    def of(self, wanted: type[WantedT]) -> tuple[WantedT, ...]:
        """Return all messages of a type so far, in order of arrival."""
        return tuple(m for m in self.received if isinstance(m, wanted))

    def clear(self) -> None:
        """Forget all messages so far, including those already waited for."""
        with self._changed:
            self._received.clear()
            self._waited_for.clear()

    def events(self, *, progress: bool = False) -> tuple[tuple[int, TaskEvent], ...]:
        """Return the events of all tasks so far, in order.

        By default without progress, since the number of progress events depends on
        timing.

        Args:
            progress: Whether to include progress.

        Returns:
            Pairs of a task's id and the event.
        """
        return tuple(
            (change.task.id, change.event)
            for change in self.of(TaskChanged)
            if progress or change.event is not TaskEvent.PROGRESS
        )

    def _search(
        self,
        wanted: type[Any] | Callable[[Any], bool],
        where: Callable[[Any], bool] | None,
    ) -> tuple[Callable[[], bool], list[MessageT]]:
        """Begin to search for one message.

        Returns:
            A function that searches the new messages and returns whether the message is
            found; and the list that contains it then. It is marked as waited for.
        """
        _require_search(wanted, where)
        found: list[MessageT] = []
        start = 0

        def is_wanted(message: MessageT) -> bool:
            if not isinstance(wanted, type):
                return wanted(message)
            right = isinstance(message, wanted)
            return right and (where is None or where(message))

        def look() -> bool:
            nonlocal start
            with self._changed:
                for place in range(start, len(self._received)):
                    message = self._received[place]
                    if place not in self._waited_for and is_wanted(message):
                        self._waited_for.add(place)
                        found.append(message)
                        break
                start = len(self._received)
            return bool(found)

        return look, found

    def _missing(
        self, wanted: type[Any] | Callable[[Any], bool], timeout: float
    ) -> AssertionError:
        what = wanted.__name__ if isinstance(wanted, type) else "such message"
        return AssertionError(self._failure(f"no {what}", timeout))

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


def require_type(name: str, value: object, wanted: type) -> None:
    """Check the type of an argument, so that a test doesn't wait in vain.

    Raises:
        TypeError: If it is wrong; the text names the argument.
    """
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int):
        raise TypeError(f"{name} must be {wanted.__name__}, not {brief(repr(value))}")


def _require_search(wanted: object, where: object) -> None:
    if not callable(wanted):
        given = brief(repr(wanted))
        raise TypeError(
            f"wanted must be a type, such as TaskChanged, or a function, not {given}"
        )
    if where is None:
        return
    if not isinstance(wanted, type):
        raise TypeError("where needs a type; combine both in one function")
    if not callable(where):
        raise TypeError(f"where must be a function, not {brief(repr(where))}")


class Recorder(Record[MessageT]):
    """Records messages in order. Thread-safe.

    It can be used as any `Recipient`: as a subscriber, as `reply_to`, or in place of
    an actor.

    Args:
        name: Its name in errors.
    """

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
        """Return the first matching message; blocks until it has arrived.

        Messages that arrived before the call count as well, but each message is
        returned only once: two waits for a type return its first and second message.

        Args:
            wanted: The type of the message, or a predicate.
            where: With a type, a further predicate.
            timeout: Seconds.

        Raises:
            AssertionError: If none arrived; the text lists the messages that did.
            TypeError: If `wanted` or `where` has a wrong type.
        """
        look, found = self._search(wanted, where)
        with self._changed:
            if not wait_in_halves(self._changed, look, timeout):
                raise self._missing(wanted, timeout)
        return found[0]

    def wait_for_count(
        self, wanted: type[WantedT], count: int, *, timeout: float = PATIENCE
    ) -> tuple[WantedT, ...]:
        """Block until there are `count` messages of a type, and return all of them.

        Unlike `wait_for`, it also counts messages returned before, and doesn't mark any
        as waited for.

        Raises:
            AssertionError: If there are fewer after `timeout` seconds.
            TypeError: If `wanted` is not a type, or `count` not a whole number.
        """
        require_type("wanted", wanted, type)
        require_type("count", count, int)
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


class AsyncRecorder(Record[MessageT]):
    """A recorder with async waits; must be created in a running event loop.

    It records messages from any thread, and its waits don't block the loop.

    Args:
        name: Its name in errors.
    """

    def __init__(self, name: str = "the recorder") -> None:
        import asyncio  # noqa: PLC0415 - needed only with an event loop

        super().__init__(name)
        self._asyncio = asyncio
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def tell(self, message: MessageT, /) -> None:
        """Record a message; see `Recorder.tell`."""
        super().tell(message)
        # A closed loop has no waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    @overload
    async def wait_for(
        self,
        wanted: type[WantedT],
        where: Callable[[WantedT], bool] | None = None,
        *,
        timeout: float = PATIENCE,  # noqa: ASYNC109 - as of a Recorder
    ) -> WantedT: ...

    @overload
    async def wait_for(
        self,
        wanted: Callable[[MessageT], bool],
        *,
        timeout: float = PATIENCE,  # noqa: ASYNC109 - as of a Recorder
    ) -> MessageT: ...

    async def wait_for(
        self,
        wanted: type[Any] | Callable[[Any], bool],
        where: Callable[[Any], bool] | None = None,
        *,
        timeout: float = PATIENCE,  # noqa: ASYNC109 - as of a Recorder
    ) -> object:
        """Return the first matching message; see `Recorder.wait_for`.

        Args:
            wanted: The type of the message, or a predicate.
            where: With a type, a further predicate.
            timeout: Seconds.

        Raises:
            AssertionError: If none arrived; the text lists the messages that did.
            TypeError: If `wanted` or `where` has a wrong type.
        """
        look, found = self._search(wanted, where)
        # In halves; see `wait_in_halves`.
        for _ in range(2):
            with contextlib.suppress(TimeoutError):
                async with self._asyncio.timeout(Deadline(timeout).left() / 2):
                    while True:
                        self._news.clear()
                        if look():
                            return found[0]
                        await self._news.wait()
        raise self._missing(wanted, timeout)


def wait_in_halves(
    changed: threading.Condition, holds: Callable[[], bool], timeout: float
) -> bool:
    """Block until a condition holds, up to `timeout` s; return whether it does.

    If the machine is suspended for longer than the timeout, a single wait would time
    out on resume, before the awaited code runs. With two waits, one is spent running.

    Raises:
        ValueError: If `timeout` is not a number.
    """
    half = Deadline(timeout).left() / 2
    return changed.wait_for(holds, half) or changed.wait_for(holds, half)
