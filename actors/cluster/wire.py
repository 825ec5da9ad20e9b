"""The messages between a session and the process of its engine.

Frames over a socket pair, each one JSON object. If the process dies, another one adopts
its jobs. If the session dies, the process leaves them on the cluster for the next one,
if jobs of the session outlive its host; otherwise it ends them.
"""

from __future__ import annotations

import functools
from typing import Final, Literal

import msgspec

from ..rules.field_types import plain
from ..rules.nodes import Node
from ..rules.outcome import Outcome
from ..rules.terms import Input

LONGEST: Final = 64 << 20
"""Maximum bytes of a frame: a command line with its environment, or all nodes."""

Amounts = dict[str, float]
"""Amounts of resources by name."""


class EngineMessage(msgspec.Struct, frozen=True, tag=True):
    """The base of all messages."""


class Run(EngineMessage, frozen=True):
    """Run a job as soon as there is room for it.

    Attributes:
        job: Its id, which is never reused.
        argv: The program and its arguments.
        variables: The environment variables sent with it.
        directory: The working directory, on the node.
        output: The output file, on this machine.
        mark: The value of `BACKBURNER_TASK` for its processes.
        needs: The resources that it takes.
        goes_on: Whether the output file may exist.
        cpus: Limit of processors.
        memory: Limit of memory in bytes.
        pids: Limit of processes.
        ships: Whether its directory is on this machine, to be copied to the node.
        input: The kind of its input.
        before: Its state in an earlier process: `given` if it may have begun there,
            `began` if it has. It continues if it is found; a job that has begun is not
            started again.
        node: The node of the earlier process, for people; empty if unknown.
    """

    job: str
    argv: tuple[str, ...]
    variables: dict[str, str]
    directory: str
    output: str
    mark: str
    needs: Amounts = {}
    goes_on: bool = False
    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None
    ships: bool = False
    input: Input | None = None
    before: Literal["", "given", "began"] = ""
    node: str = ""


class StopJob(EngineMessage, frozen=True):
    """Send SIGTERM to a job; a waiting job ends at once."""

    job: str


class KillJob(EngineMessage, frozen=True):
    """Kill a job."""

    job: str


class Give(EngineMessage, frozen=True):
    """Send input to a job.

    Attributes:
        job: The id of the job.
        data: The input.
        ends: Whether the input ends after it.
    """

    job: str
    data: bytes = b""
    ends: bool = False


class Resize(EngineMessage, frozen=True):
    """Set the size of a job's terminal."""

    job: str
    columns: int
    rows: int


class Halt(EngineMessage, frozen=True):
    """Pause or resume a job; a waiting job does not start while paused."""

    job: str
    paused: bool


Order = Give | Resize | Halt
"""An order for a running job; orders keep their sequence."""


class AskNodes(EngineMessage, frozen=True):
    """Request the nodes. Answer: `NodesSeen`."""


class Close(EngineMessage, frozen=True):
    """End all jobs, and then the process: the session ends."""


class Ready(EngineMessage, frozen=True):
    """The process has connected to the cluster."""


class Waits(EngineMessage, frozen=True):
    """A job waits; `why` is for people."""

    job: str
    why: str


class Began(EngineMessage, frozen=True):
    """A job has begun, on the machine of this name."""

    job: str
    node: str


class Intake(msgspec.Struct, frozen=True):
    """The state of a job's input.

    Attributes:
        passed: Bytes of input that the job has read.
        refused: Why it accepts no more input; empty while it does.
        awaits: Whether the job waits for input.
        is_new: Whether input was sent since the last report that it waits.
    """

    passed: int = 0
    refused: str = ""
    awaits: bool = False
    is_new: bool = False


class Took(EngineMessage, frozen=True):
    """The state of a job's input has changed."""

    job: str
    intake: Intake


class Ended(EngineMessage, frozen=True):
    """The last message about a job; its output was written before.

    Attributes:
        job: The id of the job.
        outcome: Its outcome.
        leftover: Names the processes that could not be ended, for people; None if none.
    """

    job: str
    outcome: Outcome
    leftover: str | None = None


class NodesSeen(EngineMessage, frozen=True):
    """The current nodes."""

    nodes: tuple[Node, ...]


class Gone(EngineMessage, frozen=True):
    """The last message of the process: why it ends, and what to do."""

    text: str


ToEngine = Run | Order | StopJob | KillJob | AskNodes | Close
FromEngine = Ready | Waits | Began | Took | Ended | NodesSeen | Gone

encode: Final = msgspec.json.Encoder(enc_hook=plain).encode


def decode_to_engine(payload: bytes) -> ToEngine:
    """Decode a message from a session to its engine.

    Raises:
        msgspec.MsgspecError: If it is invalid.
    """
    return _decoder_to_engine().decode(payload)


def decode_from_engine(payload: bytes) -> FromEngine:
    """Decode a message from an engine to its session.

    Raises:
        msgspec.MsgspecError: If it is invalid.
    """
    return _decoder_from_engine().decode(payload)


# Created on first use, because most hosts have no engine.
@functools.cache
def _decoder_to_engine() -> msgspec.json.Decoder[ToEngine]:
    return msgspec.json.Decoder(ToEngine)


@functools.cache
def _decoder_from_engine() -> msgspec.json.Decoder[FromEngine]:
    return msgspec.json.Decoder(FromEngine)
