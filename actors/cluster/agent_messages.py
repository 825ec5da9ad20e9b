"""The messages between the engine's process and the agents of nodes."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec

from ..kinds import JobEnd
from ..rules.terms import Input
from .wire import Intake


class Spec(msgspec.Struct, frozen=True):
    """A job for an agent; see `Run`.

    Attributes:
        package: The key of the archive for its directory; empty if the directory exists
            on the node.
        room: Its room; see `Reservation`.
        before: Bytes that its output file had before, on the session's machine.
    """

    job: str
    argv: tuple[str, ...]
    variables: dict[str, str]
    directory: str
    mark: str
    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None
    package: str = ""
    input: Input | None = None
    room: str = ""
    before: int = 0


class Held(msgspec.Struct, frozen=True):
    """A job of an agent, as reported to a new owner.

    Attributes:
        job: Its id.
        name: The display name of the node.
        node: The backend's id of the node.
        room: Its room; empty if it has ended.
        before: See `Spec`.
        orders: Number of orders given to it; see `Agent.order`.
    """

    job: str
    name: str
    node: str = ""
    room: str = ""
    before: int = 0
    orders: int = 0


class Piece(msgspec.Struct, frozen=True):
    """The result of following a job's output.

    Attributes:
        data: The output after the requested offset; a bytes-like object.
        cut: Whether the job has truncated its output: the data starts at its beginning.
        end: The end of the job, if this is the last of its output.
        intake: The state of its input, if it takes any.
    """

    data: bytes = b""
    cut: bool = False
    end: JobEnd | None = None
    intake: Intake | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Lets pickle transfer the data without a copy.
        data = pickle.PickleBuffer(self.data)
        return Piece, (data, self.cut, self.end, self.intake)
