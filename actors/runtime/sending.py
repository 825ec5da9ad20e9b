"""Sending messages, and counting those that find their recipient dead.

Pykka raises an exception in the *sender* if the recipient is dead, so one dead
subscriber would end every actor that sends to it.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, runtime_checkable

import pykka

from ..rules.shortage import shortage_of

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("backburner")
# Without logging set up, these lines must not appear on standard error.
logger.addHandler(logging.NullHandler())

_LETTERS_KEPT: Final = 20

MessageT = TypeVar("MessageT")
MessageT_contra = TypeVar("MessageT_contra", contravariant=True)


if TYPE_CHECKING:
    # With any other class, type checkers would accept any object as a recipient.
    from abc import ABCMeta as _ProtocolMeta
else:
    # It has no public name.
    _ProtocolMeta = type(Protocol)


class _HasTell(_ProtocolMeta):
    """The metaclass of `Recipient`: an `isinstance` check tests only for `tell`.

    The check of Python 3.11 walks all names of the protocol for each object, which
    takes longer than decoding a request.
    """

    def __instancecheck__(self, instance: object) -> bool:
        return callable(getattr(instance, "tell", None))


@runtime_checkable
class Recipient(Protocol[MessageT_contra], metaclass=_HasTell):
    """A recipient of messages: an `ActorRef`, or any object with `tell`.

    `tell` must not block, and is called on the thread of the sender.
    """

    def tell(self, message: MessageT_contra, /) -> None:
        """Receive a message.

        Raises:
            pykka.ActorDeadError: If the recipient no longer takes messages.
        """
        ...


class DeadLetters:
    """Counts the messages of one system to dead recipients. Thread-safe."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._count = 0
        self._last: deque[str] = deque(maxlen=_LETTERS_KEPT)

    @property
    def count(self) -> int:
        """The number of dead letters."""
        return self._count

    @property
    def last(self) -> tuple[str, ...]:
        """Descriptions of the last 20, such as `TaskChanged for <Recorder news>`."""
        return tuple(self._last)

    def add(self, recipient: object, message: object) -> None:
        """Count one message and log it at debug level."""
        self._count = next(self._numbers)
        what = type(message).__name__
        self._last.append(f"{what} for {_name_of(recipient)}")
        logger.debug("Dead letter: %s for %s is gone", what, recipient)


def post(
    recipient: Recipient[MessageT], message: MessageT, dead_letters: DeadLetters
) -> bool:
    """Send a message. Never blocks, and raises no `Exception`.

    Returns:
        Whether the recipient took the message; otherwise it is counted in
        `dead_letters`. An exception of `tell` other than `ActorDeadError` is logged.
    """
    try:
        recipient.tell(message)
    except Exception as error:  # noqa: BLE001 - it is logged
        _not_told(recipient, message, dead_letters, error)
        return False
    return True


def post_safely(
    recipient: Recipient[MessageT], message: MessageT, dead_letters: DeadLetters
) -> bool:
    """Send a message from an actor: like `post`, but catches any `BaseException`.

    One faulty recipient must not keep the actor from sending its other messages.
    """
    try:
        recipient.tell(message)
    except BaseException as error:  # noqa: BLE001 - it is logged
        _not_told(recipient, message, dead_letters, error)
        return False
    return True


def _not_told(
    recipient: object, message: object, dead_letters: DeadLetters, error: BaseException
) -> None:
    if not isinstance(error, pykka.ActorDeadError):
        what = type(message).__name__
        logger.error("%r could not be told %s", recipient, what, exc_info=error)
    dead_letters.add(recipient, message)


def _name_of(recipient: object) -> str:
    try:
        return str(recipient)
    except Exception:  # noqa: BLE001 - an embedder's code
        return type(recipient).__name__


def call_safely(call: Callable[[], object]) -> None:
    """Make a call on a thread that must survive it; an exception is logged."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - it is logged
        log_failure(call, error)


def log_failure(call: Callable[[], object], error: BaseException) -> None:
    """Log the exception of a call."""
    logger.error("A call failed: %s", shortage_of(error) or call, exc_info=error)


def post_if_alive(
    recipient: Recipient[MessageT],
    message: MessageT,
    dead_letters: DeadLetters | None = None,
) -> bool:
    """Send a message that is obsolete if its recipient has ended. Never blocks.

    Also for code outside actors: an exception of an embedder's signal handler passes.

    Returns:
        Whether the recipient took it; if it is dead the message is counted in
        `dead_letters`, if they are given.
    """
    try:
        recipient.tell(message)
    except pykka.ActorDeadError:
        if dead_letters is not None:
            dead_letters.add(recipient, message)
        return False
    return True
