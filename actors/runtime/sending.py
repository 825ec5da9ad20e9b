"""Sending: the one way in which actors reach each other, and what reaches nobody.

Pykka raises in the *sender* when the recipient is dead, so that one dead listener
would end each actor that talks to it.
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
# A host that sets up no logging does not want these lines on its standard error.
logger.addHandler(logging.NullHandler())

_LETTERS_KEPT: Final = 20

MessageT = TypeVar("MessageT")
MessageT_contra = TypeVar("MessageT_contra", contravariant=True)


if TYPE_CHECKING:
    # With anything else type checkers accept any object as a recipient.
    from abc import ABCMeta as _ProtocolMeta
else:
    # No name for it is public.
    _ProtocolMeta = type(Protocol)


class _HasTell(_ProtocolMeta):
    """The metaclass of a protocol that asks an object for `tell` and nothing else.

    Python 3.11 looks through all names of the protocol for each object, which takes
    longer than to decode a request.
    """

    def __instancecheck__(self, instance: object) -> bool:
        return callable(getattr(instance, "tell", None))


@runtime_checkable
class Recipient(Protocol[MessageT_contra], metaclass=_HasTell):
    """What messages can be sent to: an `ActorRef`, or any object with `tell`.

    `tell` must not block, and is called on the thread of the sender.
    """

    def tell(self, message: MessageT_contra, /) -> None:
        """Take a message.

        Raises:
            pykka.ActorDeadError: If the recipient no longer takes messages.
        """
        ...


class DeadLetters:
    """Counts the messages of one system that reached nobody. Safe on any thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._count = 0
        self._last: deque[str] = deque(maxlen=_LETTERS_KEPT)

    @property
    def count(self) -> int:
        """How many there have been."""
        return self._count

    @property
    def last(self) -> tuple[str, ...]:
        """What the last 20 were, and for whom: `TaskChanged for <Recorder news>`."""
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
    """Send a message; the one way in which these actors reach others. Never blocks.

    Returns:
        Whether the recipient took it. If it is dead the message is counted in
        `dead_letters`; if its `tell` failed in another way that is logged as well.
        The sender survives either.
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
    """Send a message from an actor, which outlives anything that `tell` may raise.

    What an actor has to say to others must not be lost with it. Otherwise as `post`.
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
    except Exception:  # noqa: BLE001 - anybody's code
        return type(recipient).__name__


def call_safely(call: Callable[[], object]) -> None:
    """Make a call for others, on a thread that must outlive it; a failure is logged."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - it is logged
        log_failure(call, error)


def log_failure(call: Callable[[], object], error: BaseException) -> None:
    """Log what a call for others has raised."""
    logger.error("A call failed: %s", shortage_of(error) or call, exc_info=error)


def post_if_alive(recipient: Recipient[MessageT], message: MessageT) -> bool:
    """Send a message that is of no use once its recipient has ended.

    For what races with the natural end of the recipient, and so is no dead letter if
    it comes too late. Never blocks.

    Returns:
        Whether the recipient took it.
    """
    try:
        recipient.tell(message)
    except pykka.ActorDeadError:
        return False
    return True
