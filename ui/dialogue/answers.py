"""The answers to commands as data, for programs: what `--json` writes.

Each is one JSON object; its `event` is the name of the command.
"""

from __future__ import annotations

import msgspec

from ...actors import Schedule, Task, TaskCounts
from ...actors.rules.nodes import Node
from .statistics import StatsAnswer


class TasksAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="tasks"):
    """The answer to `/tasks`.

    Attributes:
        tasks: Those asked for, by id.
        counts: How many tasks there are in each status.
    """

    tasks: tuple[Task, ...]
    counts: TaskCounts


class CancelAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="cancel"):
    """The answer to `/cancel`.

    Attributes:
        tasks: Those that are canceled, or running still and about to end.
    """

    tasks: tuple[Task, ...]


class Activity(msgspec.Struct, frozen=True):
    """What tells a running task that works from one that waits.

    Attributes:
        silence: Seconds since it printed something, or since it started.
        processes: How many processes it has; none if it has none of its own.
        cpu: Seconds of CPU that they have used.
        cpu_now: How many CPUs they use: since somebody looked last, or for a moment.
            None if that is not known.
        memory: Bytes of memory that they use now.
        peak_memory: Bytes that the largest of them used at its peak.
        read: Bytes that they read from disks.
        written: Bytes that they wrote to disks.
        limits: Which limits hold for them, and by what; empty if there are none.
        seconds_left: About how long it may take still, by the last runs of the same
            command. None if nothing tells.
    """

    silence: float
    processes: int | None = None
    cpu: float | None = None
    cpu_now: float | None = None
    memory: int | None = None
    peak_memory: int | None = None
    read: int | None = None
    written: int | None = None
    limits: str = ""
    seconds_left: float | None = None


class ShowAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="show"):
    """The answer to `/show`.

    Attributes:
        task: The task.
        pid: The id of its first process; None if it does not run.
        activity: What it does; None if it does not run.
        lines: Its last lines of output.
    """

    task: Task
    pid: int | None
    activity: Activity | None
    lines: tuple[str, ...]


class OutputAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="output"):
    """The answer to `/output`.

    Attributes:
        id: The task.
        path: The file that has all of its output; None for a kind without output.
        skipped: Bytes before the first of the lines.
        lines: What it printed, made safe to show.
    """

    id: int
    path: str | None
    skipped: int
    lines: tuple[str, ...]


class WaitAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="wait"):
    """The answer to `/wait`, when it is over.

    Attributes:
        tasks: Those that were waited for, in the order in which they ended.
    """

    tasks: tuple[Task, ...]


class ClearAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="clear"):
    """The answer to `/clear`.

    Attributes:
        ids: The tasks that were forgotten.
    """

    ids: tuple[int, ...]


class FoundLine(msgspec.Struct, frozen=True):
    """A line that `/find` has found.

    Attributes:
        id: The task that printed it.
        place: Where it begins in the output, in bytes.
        line: It, made safe to show; a long one may be cut.
        match: The text in it that was searched for.
    """

    id: int
    place: int
    line: str
    match: str


class FindAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="find"):
    """A part of the answer to `/find`; several come while it is searched.

    Attributes:
        lines: What was found since the part before.
        searched: Bytes of output that were searched so far.
        total: Bytes of output when the search began.
        ended: Whether it is the last part.
        cut: Whether there may be more lines than were looked for.
    """

    lines: tuple[FoundLine, ...]
    searched: int
    total: int
    ended: bool
    cut: bool = False


class ParallelAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="parallel"):
    """The answer to `/parallel`.

    Attributes:
        slots: How many tasks run at a time.
    """

    slots: int


class SchedulesAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="schedules"):
    """The answer to `/schedules`, and to what makes, alters or removes one.

    Attributes:
        schedules: Those asked for, by id.
    """

    schedules: tuple[Schedule, ...]


class ClusterAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="cluster"):
    """The answer to `/cluster`.

    Attributes:
        engine: The engine whose nodes they are.
        nodes: Those that are alive.
        problem: Why they are not known; empty if they are.
    """

    engine: str
    nodes: tuple[Node, ...]
    problem: str = ""


class CommandHelp(msgspec.Struct, frozen=True):
    """One command, explained.

    Attributes:
        name: What is typed.
        usage: Its arguments.
        summary: What it does.
        details: What else there is to know, a line each.
        synonyms: What else it is called.
    """

    name: str
    usage: str
    summary: str
    details: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()


class KindHelp(msgspec.Struct, frozen=True):
    """One kind of task, explained.

    Attributes:
        name: What is typed.
        usage: Its arguments.
        summary: What it does.
    """

    name: str
    usage: str
    summary: str


class HelpAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="help"):
    """The answer to `/help`.

    Attributes:
        commands: All commands, or the one that was asked for.
        kinds: The kinds of tasks.
    """

    commands: tuple[CommandHelp, ...]
    kinds: tuple[KindHelp, ...]


class QuitAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="quit"):
    """The answer to `/quit`.

    Attributes:
        ending: The tasks that are ended by it.
        not_started: Those that wait; a session that is remembered keeps them.
    """

    ending: tuple[int, ...]
    not_started: tuple[int, ...]


Answer = (
    TasksAnswer
    | CancelAnswer
    | ShowAnswer
    | OutputAnswer
    | WaitAnswer
    | ClearAnswer
    | FindAnswer
    | ParallelAnswer
    | SchedulesAnswer
    | StatsAnswer
    | ClusterAnswer
    | HelpAnswer
    | QuitAnswer
)
