"""What a session and the process of its engine say to each other.

Frames over a socket pair, each one JSON object. If the process dies, another one takes
over its jobs. If the session dies, the process leaves them on the cluster for the next
one, if jobs of the session outlive its host; else it ends them.
"""

from __future__ import annotations

import functools
from typing import Final, Literal

import msgspec

from ..rules.nodes import Node
from ..rules.outcome import Outcome
from ..rules.terms import Input

LONGEST: Final = 64 << 20
"""Bytes of the longest frame: a command line with its environment, or all nodes."""

Amounts = dict[str, float]
"""Names of resources, and how much of each."""


class EngineMessage(msgspec.Struct, frozen=True, tag=True):
    """The base of all that is said."""


class Run(EngineMessage, frozen=True):
    """Run a job as soon as there is room for it.

    Attributes:
        job: What both sides call it; never used again.
        argv: The program and its arguments.
        variables: The environment variables that travel with it.
        directory: Where it starts, on the node.
        output: The file on this machine that takes its output.
        mark: The value of `BACKBURNER_TASK` for its processes.
        needs: Which resources it takes.
        goes_on: Whether the output file may exist.
        cpus: How many processors it may use at most.
        memory: How many bytes of memory.
        pids: How many processes.
        ships: Whether its directory is one of this machine, of which it gets a copy.
        input: What it reads from.
        before: What became of it in an earlier process: `given` if it may have begun
            there, `began` if it has. Then it goes on if it is found; one that has begun
            is not started again.
        node: Where it ran then, for people; empty if that is not known.
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
    """Ask a job to end, as by SIGTERM; one that still waits ends at once."""

    job: str


class KillJob(EngineMessage, frozen=True):
    """End a job by force."""

    job: str


class Give(EngineMessage, frozen=True):
    """Give a job input.

    Attributes:
        job: The id of the job.
        data: What it reads.
        ends: Whether it reads the end of its input then.
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
    """Let a job stand still, or go on; one that waits does not start meanwhile."""

    job: str
    paused: bool


Order = Give | Resize | Halt
"""What is done to a job that runs, in the order in which it was said."""


class AskNodes(EngineMessage, frozen=True):
    """Tell what nodes there are. Answer: `NodesSeen`."""


class Close(EngineMessage, frozen=True):
    """End all jobs, and then the process: the session ends."""


class Ready(EngineMessage, frozen=True):
    """The process has reached the cluster."""


class Waits(EngineMessage, frozen=True):
    """A job waits; `why` is for people."""

    job: str
    why: str


class Began(EngineMessage, frozen=True):
    """A job has begun, on the machine of this name."""

    job: str
    node: str


class Intake(msgspec.Struct, frozen=True):
    """How a job stands to its input.

    Attributes:
        passed: How many bytes of it the job has taken.
        refused: Why it takes no more; empty as long as it does.
        awaits: Whether it waits for some.
        is_new: Whether it has been sent some since it was said last that it waits.
    """

    passed: int = 0
    refused: str = ""
    awaits: bool = False
    is_new: bool = False


class Took(EngineMessage, frozen=True):
    """A job stands otherwise to its input now."""

    job: str
    intake: Intake


class Ended(EngineMessage, frozen=True):
    """The last that is said of a job; its output has been written before.

    Attributes:
        job: The id of the job.
        outcome: How it ended.
        leftover: What could not be ended, for people; None if nothing is left.
    """

    job: str
    outcome: Outcome
    leftover: str | None = None


class NodesSeen(EngineMessage, frozen=True):
    """The nodes there are."""

    nodes: tuple[Node, ...]


class Gone(EngineMessage, frozen=True):
    """The last message of the process: why it can't go on, and what to do."""

    text: str


ToEngine = Run | Order | StopJob | KillJob | AskNodes | Close
FromEngine = Ready | Waits | Began | Took | Ended | NodesSeen | Gone

encode: Final = msgspec.json.Encoder().encode


def decode_to_engine(payload: bytes) -> ToEngine:
    """Read what a session says to its engine.

    Raises:
        msgspec.MsgspecError: If it makes no sense.
    """
    return _decoder_to_engine().decode(payload)


def decode_from_engine(payload: bytes) -> FromEngine:
    """Read what an engine says to its session.

    Raises:
        msgspec.MsgspecError: If it makes no sense.
    """
    return _decoder_from_engine().decode(payload)


# Made when an engine is used: most hosts use none.
@functools.cache
def _decoder_to_engine() -> msgspec.json.Decoder[ToEngine]:
    return msgspec.json.Decoder(ToEngine)


@functools.cache
def _decoder_from_engine() -> msgspec.json.Decoder[FromEngine]:
    return msgspec.json.Decoder(FromEngine)
