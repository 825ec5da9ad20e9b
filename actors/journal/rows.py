"""Reads and checks the rows of a journal's file."""

from __future__ import annotations

import itertools
import operator
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from ..messages import TaskChanged, TaskEvent
from ..rules.attempts import may_run_again
from ..rules.chat_message import ChatMessage
from ..rules.numbers import LARGEST
from ..rules.safe_text import brief
from ..rules.schedules import Schedule
from ..rules.status import TaskStatus
from ..rules.task import Task, running_of
from ..rules.terms import QueueRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


_CHUNK: Final = 512  # tasks; with many more, they exceed the processor's cache
_LAST_ROW: Final = (1 << 63) - 1  # the highest row number in SQLite

_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
_Pid = Annotated[int, msgspec.Meta(ge=2, lt=1 << 31)]

ProcessRow = tuple[int, _Pid, float]
"""The id of a task, its process, and the process's start time."""

Adopt = Callable[[list[Task]], list[Task]]
"""Corrects tasks."""

ScheduleRow = tuple[int, str, int | None]
"""The id of a schedule, its text, and the row of its environment."""


class Meta(msgspec.Struct):
    """The counters of a session, as stored."""

    next_id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
    seq: _Count
    shown: _Count
    clean: Annotated[int, msgspec.Meta(ge=0, le=1)]
    session_key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")] = ""
    rules: str = "{}"
    next_schedule: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)] = 1
    boot: Annotated[str, msgspec.Meta(max_length=64)] = ""


decode_rules = msgspec.json.Decoder(QueueRules).decode
_decode_schedule = msgspec.json.Decoder(Schedule).decode
_decode_message = msgspec.json.Decoder(ChatMessage).decode
_decode_task = msgspec.json.Decoder(Task).decode
_decode_tasks = msgspec.json.Decoder(list[Task]).decode
_decode_numbers = msgspec.json.Decoder(list[int]).decode
_decode_rows = msgspec.json.Decoder(list[int | None]).decode

_seq = operator.attrgetter("seq")
_first = operator.itemgetter(0)

_EVENTS: Final = {it.value: it for it in TaskEvent}

# A task without a text of its own has the text of its last change. Written without a
# subquery, which would copy each text once more.
_SOME_TASKS: Final = (
    "SELECT '[' || group_concat(t.id) || ']', '[' || group_concat(t.seq) || ']',"
    " '[' || group_concat(ifnull(t.environment, 'null')) || ']',"
    " group_concat(ifnull(c.event, '')),"
    " '[' || ifnull(group_concat(iif(t.snapshot = '', c.snapshot, t.snapshot)), '')"
    " || ']' FROM tasks t LEFT JOIN changes c"
    " ON t.snapshot = '' AND c.seq = t.seq AND c.task_id = t.id"
    " WHERE t.id > ? AND t.id <= ?"
)
_END_OF_SOME_TASKS: Final = (
    "SELECT id FROM tasks WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?"
)

_HOW_MANY_CHANGES: Final = (
    "SELECT count(*) FROM changes INDEXED BY changes_of_task WHERE seq > ?"
)

# Except those that came with their tasks.
_SOME_CHANGES: Final = (
    "SELECT '[' || group_concat(c.seq) || ']', group_concat(c.event),"
    " '[' || group_concat(c.snapshot) || ']' FROM changes c LEFT JOIN tasks t"
    " ON t.id = c.task_id AND t.seq = c.seq AND t.snapshot = ''"
    " WHERE c.seq > ? AND c.seq <= ? AND t.id IS NULL"
)
_END_OF_SOME_CHANGES: Final = (
    "SELECT seq FROM changes NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?"
)


class LoadedTasks(msgspec.Struct):
    """All tasks of a session, corrected.

    Attributes:
        tasks: The tasks by id.
        order: Their ids, in the order of their last changes.
        last_changes: The numbers of those changes, by id.
        queued: The ids of Queued tasks.
        running: The ids of Running tasks.
        reused: The ids of Queued and Running tasks that may be started once more.
        environments: The ids of Queued and Running tasks by the rows of their
            environments.
        unshown: The last changes that have to be shown and have the same text as their
            tasks.
    """

    tasks: list[Task] = []
    order: list[int] = []
    last_changes: dict[int, int] = {}
    queued: list[int] = []
    running: list[Task] = []
    reused: set[int] = set()
    environments: dict[int, list[int]] = {}
    unshown: list[TaskChanged] = []


def _in_chunks(
    db: sqlite3.Connection, query: str, query_of_end: str, last: int
) -> Iterator[tuple[list[int], tuple[str, ...]]]:
    """Yield the rows after the one with this number, in chunks.

    Each fetched row and each decoded text costs a call, so the query concatenates the
    texts of hundreds of rows, each column in the order of the rows.

    Args:
        db: The file.
        query: Takes a number, and that of the last row. Its first column is a list of
            the row numbers, NULL if there are none.
        query_of_end: Takes a number and a count, and returns the number of the row that
            follows the first one by that count.
        last: The number to start after.

    Returns:
        The row numbers, and the other columns.
    """
    chunk = _CHUNK
    while True:
        end = db.execute(query_of_end, (last, chunk - 1)).fetchone()
        upto: int = _LAST_ROW if end is None else end[0]
        try:
            found = db.execute(query, (last, upto)).fetchone()
        except sqlite3.DataError:
            # The result exceeds the maximum length of a text; that is not damage.
            if chunk == 1:
                raise
            chunk = max(1, chunk // 4)
            continue
        if found[0] is not None:
            yield _decode_numbers(found[0]), found[1:]
        if end is None:
            return
        last = upto


def load_tasks(db: sqlite3.Connection, shown: int, adopt: Adopt) -> LoadedTasks:
    """Return all tasks, corrected by `adopt`; changes up to `shown` were shown."""
    loaded = LoadedTasks()
    ids: list[int] = []
    seqs: list[int] = []
    (lowest,) = db.execute("SELECT min(id) FROM tasks").fetchone()
    if lowest is not None and lowest < 1:
        raise ValueError(f"{lowest} is not the id of a task")
    queued, running = TaskStatus.QUEUED, TaskStatus.RUNNING
    for some_ids, (some_seqs, some_rows, some_events, texts) in _in_chunks(
        db, _SOME_TASKS, _END_OF_SOME_TASKS, 0
    ):
        # Extract everything about these tasks now, in bulk: later they are no longer in
        # the processor's cache.
        tasks = adopt(_decode_tasks(texts))
        if some_ids != [task.id for task in tasks]:
            raise ValueError("a task carries the id of another, or has no text")
        numbers = _decode_numbers(some_seqs)
        rows = _decode_rows(some_rows)
        ids += some_ids
        seqs += numbers
        loaded.tasks += tasks
        statuses = [task.status for task in tasks]
        loaded.unshown += _unshown(numbers, some_events, tasks, statuses, shown)
        if statuses.count(queued) == len(tasks):  # as in a long queue
            loaded.queued += some_ids
        else:
            loaded.queued += [task.id for task in tasks if task.status is queued]
            loaded.running += [task for task in tasks if task.status is running]
            of_open = [
                it
                for it in zip(tasks, rows, strict=True)
                if it[0].status is queued or it[0].status is running
            ]
            tasks, rows = [it[0] for it in of_open], [it[1] for it in of_open]
        _note_rows(loaded.environments, tasks, rows)
        loaded.reused |= {
            task.id
            for task in tasks
            if (terms := task.terms) is not None
            and (terms.retries or terms.restart or terms.on_reboot)
            and may_run_again(terms)
        }
    loaded.order = ids
    if seqs != sorted(seqs):  # as soon as one has changed after another was added
        loaded.order = [ids[it] for it in sorted(range(len(ids)), key=seqs.__getitem__)]
        loaded.unshown.sort(key=_seq)
    loaded.last_changes = dict(zip(ids, seqs, strict=True))
    return loaded


def _note_rows(
    users: dict[int, list[int]], tasks: list[Task], rows: list[int | None]
) -> None:
    """Record which tasks have which rows; most neighbors have the same."""
    for row, some in itertools.groupby(zip(rows, tasks, strict=True), _first):
        if row is not None:
            users.setdefault(row, []).extend([it[1].id for it in some])


def _unshown(
    seqs: list[int],
    events: str,
    tasks: list[Task],
    statuses: list[TaskStatus],
    shown: int,
) -> list[TaskChanged]:
    """Return the last changes of tasks that have to be shown.

    Args:
        seqs: Their numbers.
        events: Their kinds, separated by commas; empty for a change whose text differs
            from that of the task.
        tasks: The tasks.
        statuses: Their statuses.
        shown: The number of the last change that was shown.
    """
    if min(seqs) > shown and events == ",".join(statuses):  # as in a long queue
        return [*map(TaskChanged, seqs, map(_EVENTS.__getitem__, statuses), tasks)]
    some = [
        it
        for it in zip(seqs, events.split(","), tasks, strict=True)
        if it[1] and it[0] > shown
    ]
    return _changes(
        [it[0] for it in some], [it[1] for it in some], [it[2] for it in some]
    )


def check_last_changes(
    changes: Iterable[TaskChanged], known: Mapping[int, Task]
) -> None:
    """Raise if last changes contradict the tasks.

    A reader of a task that seems to run would wait for its end forever.
    """
    last = {change.task.id: change.task for change in changes}
    for task in [it for it in last.values() if known.get(it.id) is not it]:
        now, status = known.get(task.id), task.status
        # Only a task that has finished may be forgotten.
        if not status.is_final if now is None else status is not now.status:
            raise ValueError(f"the last change of task {task.id} is wrong: {status}")


def load_meta(db: sqlite3.Connection) -> Meta:
    """Return the counters of the session."""
    return msgspec.convert(dict(db.execute("SELECT key, value FROM meta")), Meta)


def load_processes(
    db: sqlite3.Connection, tasks: Iterable[Task]
) -> dict[int, ProcessRow]:
    """Return the processes of the running ones among these tasks, by task id."""
    processes: dict[int, ProcessRow] = {}
    for task_id in [it.id for it in running_of(tasks)]:
        for row in db.execute(
            "SELECT task_id, pid, created FROM processes WHERE task_id = ?", (task_id,)
        ):
            processes[task_id] = msgspec.convert(row, ProcessRow)
    return processes


def load_schedules(
    db: sqlite3.Connection,
) -> tuple[tuple[Schedule, ...], dict[int, ScheduleRow]]:
    """Return the schedules by id, and their rows."""
    schedules: list[Schedule] = []
    rows: dict[int, ScheduleRow] = {}
    for row in db.execute(
        "SELECT id, snapshot, environment FROM schedules ORDER BY id"
    ):
        schedule = _decode_schedule(row[1])
        if schedule.id != row[0]:
            raise ValueError("a schedule carries the id of another")
        schedules.append(schedule)
        rows[schedule.id] = row
    return tuple(schedules), rows


def load_unshown(
    db: sqlite3.Connection, shown: int, loaded: LoadedTasks, adopt: Adopt
) -> tuple[TaskChanged, ...]:
    """Return the changes after the one with this number, with corrected tasks.

    Args:
        db: The file.
        shown: The number of the last change that was shown.
        loaded: The tasks, with their last changes. Usually there are no other changes.
        adopt: Corrects tasks.
    """
    (count,) = db.execute(_HOW_MANY_CHANGES, (shown,)).fetchone()
    if count == len(loaded.unshown):
        return tuple(loaded.unshown)
    changes = [*loaded.unshown]
    for seqs, (events, texts) in _in_chunks(
        db, _SOME_CHANGES, _END_OF_SOME_CHANGES, shown
    ):
        tasks = adopt(_decode_tasks(texts))
        changes += _changes(seqs, events.split(","), tasks)
    if len(changes) != count:  # as if it had not come with its task
        raise ValueError("a change does not say what happened")
    changes.sort(key=_seq)
    check_last_changes(changes, {task.id: task for task in loaded.tasks})
    return tuple(changes)


def load_transcript(
    db: sqlite3.Connection, shown: int, limit: int, adopt: Adopt
) -> tuple[ChatMessage | TaskChanged, ...]:
    """Return the last chat messages and shown changes, in order; see `load_tasks`."""
    # A message follows the change with the same number.
    rows = db.execute(
        "SELECT seq, 0, 0, event, snapshot FROM changes WHERE seq <= ?"
        " UNION ALL SELECT seq, 1, id, NULL, message FROM chat"
        " ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT ?",
        (shown, limit),
    ).fetchall()
    return tuple(
        _decode_message(text)
        if event is None
        else _changes([seq], [event], adopt([_decode_task(text)]))[0]
        for seq, _, _, event, text in reversed(rows)
    )


def _changes(
    seqs: list[int], events: list[str], tasks: list[Task]
) -> list[TaskChanged]:
    # The event of a status change has the name of the status. Creating enumeration
    # members is slow, and there may be a change for each of many tasks.
    if events != [task.status for task in tasks]:
        for event, task in zip(events, tasks, strict=True):
            if event != task.status:
                text = f"{brief(event)} is not what happened to task {task.id}"
                raise ValueError(text)
    return [
        TaskChanged(seq, _EVENTS[event], task)
        for seq, event, task in zip(seqs, events, tasks, strict=True)
    ]
