"""What crosses the socket between a session's host and its clients.

A client sends `Hello` first and gets `Welcome` or `Rejected`. After that it sends
every `QueueRequest` as it is, with numbers of its own choice in place of `reply_to`
and `subscriber`; what is told to such a recipient comes back as `Told` with the number.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ..messages import Notification, QueueReply, QueueRequest
from ..rules.safe_text import brief, safe_line
from ..rules.task import Task
from ..rules.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MessageT = TypeVar("MessageT")

PROTOCOL: Final = 1
"""The number of the protocol; another one whenever an old client would not manage."""


class WireMessage(msgspec.Struct, frozen=True, tag=True):
    """The base of what is said about the connection itself."""


class KindWords(msgspec.Struct, frozen=True):
    """A kind of tasks, as far as a client can know it; see `Kind`.

    Attributes:
        name: Its name, as requests have it.
        usage: The arguments it takes, as help shows them.
        summary: What it does, in a few words.
    """

    name: str
    usage: str = ""
    summary: str = ""


class Hello(WireMessage, frozen=True):
    """The first message of a client. Its shape never changes.

    Attributes:
        protocol: The protocol that the client speaks.
        program: The name and version of the client, for people.
        pid: Its process id, for people.
        directory: The default directory of tasks that it adds.
        environment: The default environment of tasks that it adds:
            `NAME=VALUE` as bytes, each followed by a zero byte; in JSON as Base64.
    """

    protocol: int
    program: str = ""
    pid: int = 0
    directory: str | None = None
    environment: bytes | None = None


class StopHost(WireMessage, frozen=True):
    """End the session and its host. Its shape never changes.

    May come without `Hello`, so that any version can stop a host. Running tasks get the
    grace period; queued tasks stay for the next host. `Farewell` follows.

    Attributes:
        reason: The reason of the tasks that this ends.
        now: Kill running tasks at once; also cuts short an end that is under way.
    """

    reason: str = "the session was ended"
    now: bool = False


class RestartHost(WireMessage, frozen=True):
    """Replace the host with one of the installed version.

    May come without `Hello`. The connection breaks when the host makes room, and all
    clients are told `Leaving` before; jobs go on. If the new one can't start the answer
    is `Rejected`, and the host goes on.

    Attributes:
        settings: What the new host is started with: its `HostSettings` as JSON, of the
            version that is installed now; by default the settings of this host.
    """

    settings: str | None = None


class Farewell(WireMessage, frozen=True):
    """The last message of either side. Its shape never changes.

    A connection that ends without it has failed.

    Attributes:
        text: Why, in one line.
    """

    text: str = ""


class Leaving(WireMessage, frozen=True):
    """The host hands over to another one, and closes the connection.

    Connect again; the next host starts at once, and jobs keep running.

    Attributes:
        running: How many tasks have a job that keeps running; `null` if that is
            unknown.
    """

    running: int | None = None


class Welcome(WireMessage, frozen=True):
    """The host's answer to a client that it can serve.

    Attributes:
        protocol: The protocol that the host speaks.
        program: Its name and version, for people.
        pid: Its process id.
        session: The name of the session.
        directory: The folder of the session.
        kinds: The kinds of tasks.
        warnings: Warnings for a person about the stored session.
        slots: How many tasks run at a time.
        grace: Seconds between SIGTERM and SIGKILL for a task that is canceled.
        resumed: The tasks that were queued when the host was started. Like the
            warnings, for the first who shows changes to a person.
    """

    protocol: int
    program: str
    pid: int
    session: str
    directory: str
    kinds: tuple[KindWords, ...] = ()
    warnings: tuple[str, ...] = ()
    slots: int = 0
    grace: float = 0.0
    resumed: tuple[Task, ...] = ()


class Rejected(WireMessage, frozen=True):
    """The host does not serve this client, and ends the connection.

    Attributes:
        text: Why, and what to do, in one line.
        protocol: The protocol that the host speaks.
        pid: The host's process id.
        ending: Whether the session is just being ended: connect again in a moment.
    """

    text: str
    protocol: int = PROTOCOL
    pid: int = 0
    ending: bool = False


class Told(WireMessage, frozen=True):
    """A message to a recipient of this client.

    Attributes:
        to: The number of the recipient.
        message: The message.
    """

    to: int
    message: QueueReply | Notification


class Behind(WireMessage, frozen=True):
    """A subscriber was too slow: too many changes waited for it, and it gets no more.

    The client can subscribe again; `Subscribed` then has the current state.

    Attributes:
        subscriber: The number of the subscriber.
    """

    subscriber: int


ToHost = Hello | StopHost | RestartHost | Farewell | QueueRequest
FromHost = Welcome | Rejected | Leaving | Farewell | Told | Behind


def pack_environment(variables: Mapping[str, str]) -> bytes:
    """Return environment variables as `Hello` has them."""
    return b"".join(
        os.fsencode(f"{name}={value}") + b"\0" for name, value in variables.items()
    )


def unpack_environment(packed: bytes) -> Variables:
    """Return the environment variables of a `Hello`; what is none is left out."""
    entries = (os.fsdecode(it).partition("=") for it in packed.split(b"\0"))
    return Variables({name: value for name, found, value in entries if found and name})


class BadMessageError(Exception):
    """A payload is not a message of the protocol; the text says why, in one line."""


class Number:
    """The number of a recipient that lives at the other end."""

    def __init__(self, value: int) -> None:
        self.value = value

    def tell(self, message: object, /) -> None:
        """Refuse: a number is told nothing."""
        del message
        raise TypeError(f"recipient {self.value} is at the other end of a connection")


def _number(recipient: object) -> int:
    if isinstance(recipient, Number):
        return recipient.value
    raise NotImplementedError(f"{type(recipient).__name__} can't be sent")


encode = msgspec.json.Encoder(enc_hook=_number).encode
"""Encodes a message; recipients must have been replaced by a `Number` before."""


@functools.cache
def _decoder_from_host() -> msgspec.json.Decoder[FromHost]:
    # A host has no use for it.
    return msgspec.json.Decoder(FromHost)


def told(to: int, message: bytes) -> bytes:
    """Return the payload of a `Told` around a message that is encoded already."""
    return b'{"type":"Told","to":%d,"message":%b}' % (to, message)


def decoder_to_host(recipient: Callable[[int], object]) -> Callable[[bytes], ToHost]:
    """Make the function that reads what a client sends.

    Args:
        recipient: Makes a recipient of its number.

    Returns:
        A function of a payload; it raises `BadMessageError`.
    """

    def live(kind: type, value: object) -> object:
        del kind
        if not isinstance(value, int):
            raise TypeError("a recipient is named by a whole number")
        return recipient(value)

    return _explained(msgspec.json.Decoder(ToHost, dec_hook=live).decode)


def decode_from_host(payload: bytes) -> FromHost:
    """Read what a host sends.

    Raises:
        BadMessageError: If it is not a message of the protocol.
    """
    return _explained(_decoder_from_host().decode)(payload)


def _explained(decode: Callable[[bytes], MessageT]) -> Callable[[bytes], MessageT]:
    def explained(payload: bytes) -> MessageT:
        try:
            return decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            start = brief(payload[:80].decode("utf-8", "replace"))
            raise BadMessageError(
                safe_line(f"not a message of the protocol ({error}): {start}")
            ) from error

    return explained
