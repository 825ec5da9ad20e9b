"""The messages between a session's host and its clients.

A client sends `Hello` first and gets `Welcome` or `Rejected`. After that it sends every
`QueueRequest` as it is, with numbers of its own choice in place of `reply_to` and
`subscriber`; messages to such a recipient come back as `Told` with the number.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ..messages import AddTask, Notification, QueueReply, QueueRequest
from ..rules import field_types
from ..rules.safe_text import brief, is_unicode, safe_line
from ..rules.task import Task
from ..rules.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MessageT = TypeVar("MessageT")

PROTOCOL: Final = 1
"""The version of the protocol; increased for incompatible changes."""


class WireMessage(msgspec.Struct, frozen=True, tag=True):
    """The base of messages about the connection itself."""


class KindWords(msgspec.Struct, frozen=True):
    """A kind of tasks, as described to a client; see `Kind`.

    Attributes:
        name: Its name in requests.
        usage: Its arguments, for help.
        summary: A short description.
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

    May come without `Hello`. All clients get `Leaving`, then the connections break;
    jobs keep running. If the new host can't start, the answer is `Rejected`, and the
    old one keeps running.

    Attributes:
        settings: The `HostSettings` of the new host as JSON, of the installed version;
            by default the settings of this host.
    """

    settings: str | None = None


class Farewell(WireMessage, frozen=True):
    """The last message of either side. Its shape never changes.

    A connection that ends without it has failed.

    Attributes:
        text: The reason, in one line.
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
        slots: Maximum number of tasks that run concurrently.
        grace: Seconds between SIGTERM and SIGKILL for a canceled task.
        resumed: The tasks that were queued when the host was started. Like the
            warnings, only for the first client that shows changes to a person.
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
        text: The reason, and what to do, in one line.
        protocol: The protocol that the host speaks.
        pid: The host's process id.
        ending: Whether the session is being ended: connect again in a moment.
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
    """Encode environment variables for `Hello`."""
    return b"".join(
        os.fsencode(f"{name}={value}") + b"\0" for name, value in variables.items()
    )


def unpack_environment(packed: bytes) -> Variables:
    """Decode the environment variables of a `Hello`; invalid entries are left out."""
    entries = (os.fsdecode(it).partition("=") for it in packed.split(b"\0"))
    return Variables({name: value for name, found, value in entries if found and name})


class BadMessageError(Exception):
    """A payload is not a message of the protocol; the text says why, in one line."""


class Number:
    """The number of a recipient that lives at the other end."""

    def __init__(self, value: int) -> None:
        self.value = value

    def tell(self, message: object, /) -> None:
        """Raise an error: a number takes no messages."""
        del message
        raise TypeError(f"recipient {self.value} is at the other end of a connection")


def _encodable(value: object) -> object:
    return value.value if isinstance(value, Number) else field_types.plain(value)


encode = msgspec.json.Encoder(enc_hook=_encodable).encode
"""Encodes a message; recipients must have been replaced by `Number` objects."""


@functools.cache
def _decoder_from_host() -> msgspec.json.Decoder[FromHost]:
    # Created late, because a host doesn't need it.
    return msgspec.json.Decoder(FromHost)


def not_unicode(request: QueueRequest) -> str:
    """Return why JSON can't represent a request that `encode` can't encode."""
    if isinstance(request, AddTask):
        for name, value in (request.request.environment or {}).items():
            if not is_unicode(name + value):
                return f"the environment variable {name!r} is not valid UTF-8; unset it"
    # Of a task by the name of its field alone, as the queue does.
    named = request.request if isinstance(request, AddTask) else request
    return field_types.not_unicode(named) or "the request is not valid UTF-8"


def told(to: int, message: bytes) -> bytes:
    """Return the payload of a `Told` with an encoded message."""
    return b'{"type":"Told","to":%d,"message":%b}' % (to, message)


def decoder_to_host(recipient: Callable[[int], object]) -> Callable[[bytes], ToHost]:
    """Return a decoder of messages from a client.

    Args:
        recipient: Returns the recipient with a number.

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
    """Decode a message from a host.

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
