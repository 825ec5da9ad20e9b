"""What the engine's process and the agents of nodes send each other."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec

from ..kinds import JobEnd
from ..rules.terms import Input
from .wire import Intake


class Spec(msgspec.Struct, frozen=True):
    """A job as an agent is given it; see `Run`.

    Attributes:
        package: The key of the archive that its directory is made of; empty if there
            is such a directory on the node.
        room: The room that it takes; see `Reservation`.
        before: How many bytes its output file had before, on the session's machine.
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
    """A job that an agent has, for a process that has not started it.

    Attributes:
        job: What it is called.
        name: What people call the node.
        node: The node, as the backend knows it.
        room: The room that it takes; empty if it has ended.
        before: See `Spec`.
        orders: How many orders it was given; see `Agent.order`.
    """

    job: str
    name: str
    node: str = ""
    room: str = ""
    before: int = 0
    orders: int = 0


class Piece(msgspec.Struct, frozen=True):
    """What a follow of a job's output returns.

    Attributes:
        data: What came after the place that was asked for; something like bytes.
        cut: Whether the job has emptied its output: it begins anew.
        end: How the job ended, if it has and this is the last of its output.
        intake: How it stands to its input, if it takes any.
    """

    data: bytes = b""
    cut: bool = False
    end: JobEnd | None = None
    intake: Intake | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Its data then travels without being copied into what is pickled.
        data = pickle.PickleBuffer(self.data)
        return Piece, (data, self.cut, self.end, self.intake)
