"""The answers to commands as data, for programs: the output of `--json`.

Each is one JSON object; its `event` is the name of the command.
"""

from __future__ import annotations

import msgspec

from ...actors import Schedule, Task, TaskCounts
from ...actors.rules.nodes import Node
from .output_search import FoundLine
from .statistics import StatsAnswer


class TasksAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="tasks"):
    """The answer to `/tasks`.

    Attributes:
        tasks: The requested tasks, by id.
        counts: How many tasks there are in each status.
    """

    tasks: tuple[Task, ...]
    counts: TaskCounts


class CancelAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="cancel"):
    """The answer to `/cancel`.

    Attributes:
        tasks: The tasks that were canceled, or are still running and about to end.
    """

    tasks: tuple[Task, ...]


class Activity(msgspec.Struct, frozen=True):
    """Measurements that show whether a running task works or waits.

    Attributes:
        silence: Seconds since its last output, or since its start.
        processes: The number of its processes; 0 if it has none of its own.
        cpu: Seconds of CPU time that the processes have used.
        cpu_now: The number of CPUs in use, averaged since the last measurement or over
            a moment. None if unknown.
        memory: Bytes of memory in use now.
        peak_memory: Peak memory of the largest process, in bytes.
        read: Bytes read from disks.
        written: Bytes written to disks.
        limits: The limits that apply to the processes, and what enforces them; empty if
            there are none.
        seconds_left: Estimated seconds until it ends, from the last runs of the same
            command. None if unknown.
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
        pid: The id of its first process; None if it is not running.
        activity: What its processes do; None if it is not running.
        lines: The last lines of its output.
    """

    task: Task
    pid: int | None
    activity: Activity | None
    lines: tuple[str, ...]


class OutputAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="output"):
    """The answer to `/output`.

    Attributes:
        id: The task.
        path: The file with all of its output; None for a kind without output.
        skipped: Bytes of output before the first line.
        lines: The lines of output, safe to show.
    """

    id: int
    path: str | None
    skipped: int
    lines: tuple[str, ...]


class WaitAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="wait"):
    """The answer to `/wait` when the wait is over.

    Attributes:
        tasks: The awaited tasks, in the order in which they ended.
    """

    tasks: tuple[Task, ...]


class ClearAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="clear"):
    """The answer to `/clear`.

    Attributes:
        ids: The tasks that were forgotten.
    """

    ids: tuple[int, ...]


class FindAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="find"):
    """A part of the answer to `/find`; several are sent while the search runs.

    Attributes:
        lines: The lines found since the previous part.
        searched: Bytes of output searched so far.
        total: Bytes of output when the search began.
        ended: Whether this is the last part.
        cut: Whether the search stopped at its maximum, so that there may be more lines.
    """

    lines: tuple[FoundLine, ...]
    searched: int
    total: int
    ended: bool
    cut: bool = False


class ParallelAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="parallel"):
    """The answer to `/parallel`.

    Attributes:
        slots: The maximum number of tasks that run at a time.
    """

    slots: int


class SchedulesAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="schedules"):
    """The answer to `/schedules`, and to commands that change schedules.

    Attributes:
        schedules: The requested schedules, by id.
    """

    schedules: tuple[Schedule, ...]


class ClusterAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="cluster"):
    """The answer to `/cluster`.

    Attributes:
        engine: The engine that runs the nodes.
        nodes: The nodes that are alive.
        problem: Why the nodes are unknown; empty if they are known.
    """

    engine: str
    nodes: tuple[Node, ...]
    problem: str = ""


class CommandHelp(msgspec.Struct, frozen=True):
    """The help of one command.

    Attributes:
        name: The name, as it is typed.
        usage: Its arguments.
        summary: What it does.
        details: Further lines of help.
        synonyms: Its other names.
    """

    name: str
    usage: str
    summary: str
    details: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()


class KindHelp(msgspec.Struct, frozen=True):
    """The help of one kind of task.

    Attributes:
        name: The name, as it is typed.
        usage: Its arguments.
        summary: What it does.
    """

    name: str
    usage: str
    summary: str


class HelpAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="help"):
    """The answer to `/help`.

    Attributes:
        commands: All commands, or the requested one.
        kinds: The kinds of tasks.
    """

    commands: tuple[CommandHelp, ...]
    kinds: tuple[KindHelp, ...]


class QuitAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="quit"):
    """The answer to `/quit`.

    Attributes:
        ending: The tasks that it ends.
        not_started: The tasks that are still waiting; a stored session keeps them.
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
