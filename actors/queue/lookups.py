"""Lookups of tasks, schedules, nodes and the transcript, and new subscriptions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from ..journal.errors import JournalError
from ..kinds import ListsNodes
from ..messages import (
    Acknowledged,
    GetRules,
    GetTask,
    GetTranscript,
    GroupPaused,
    JournalTrouble,
    ListNodes,
    ListSchedules,
    ListTasks,
    NodesFound,
    QueueReply,
    RefusalCode,
    Refused,
    RulesFound,
    SchedulesFound,
    Subscribe,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TaskFound,
    TaskList,
    Transcript,
    WriteDown,
)
from ..rules.chat_message import ChatMessage
from ..rules.nodes import is_address
from ..rules.safe_text import brief, safe_line
from ..rules.status import TaskStatus
from ..rules.task_table import UnknownTaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from ..journal.writer import JournalWriter
    from ..kinds import Engine
    from ..rules.nodes import Node
    from ..runtime.sending import Recipient
    from .changes import Changes
    from .delivery import Delivery
    from .running import Running
    from .schedules import Schedules
    from .starts import Starts
    from .subscribers import Subscriber, Subscribers

_SAID: Final = 2_000
"""Maximum number of transcript entries searched for missed or repeated messages."""


class Lookups:
    """Answers lookups with the committed state."""

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        changes: Changes,
        *,
        schedules: Schedules,
        starts: Starts,
        running: Running,
        subscribers: Subscribers,
        writer: JournalWriter,
        delivery: Delivery,
        engines: Mapping[str, Engine],
    ) -> None:
        self._changes = changes
        self._tasks = changes.book.tasks
        self._schedules = schedules
        self._starts = starts
        self._running = running
        self._subscribers = subscribers
        self._writer = writer
        self._delivery = delivery
        self._engines = engines

    def find(
        self, message: GetTask | ListTasks | ListSchedules | GetRules | GetTranscript
    ) -> QueueReply:
        """Answer a lookup.

        Raises:
            UnknownTaskError: If there is no such task.
        """
        if isinstance(message, GetTask):
            self._renew_reasons(message.task_id)
        elif (
            isinstance(message, ListTasks)
            and TaskStatus.QUEUED in message.which.statuses
        ):
            self._renew_reasons()
        self._delivery.catch_up()
        match message:
            case GetTask(task_id=task_id):
                task = self._tasks.written(task_id, self._changes.now())
                return TaskFound(task, self._running.pid(task_id))
            case ListTasks(which=which):
                tasks = self._tasks.all_written(which, self._changes.now())
                return TaskList(tasks, self._tasks.counts())
            case ListSchedules():
                return SchedulesFound(self._schedules.all_written())
            case GetRules():
                return RulesFound(self._changes.written_rules)
            case GetTranscript(limit=limit):
                return self._transcript(limit)

    def find_nodes(
        self, message: ListNodes, post: Callable[[Recipient[Any], object], object]
    ) -> Refused | None:
        """Request the nodes of an engine, which answers the sender later.

        Args:
            message: The request.
            post: Sends the answer, from any thread.
        """
        name, asker = message.engine, message.reply_to
        if not name and len(self._engines) == 1:
            (name,) = self._engines
        engine = self._engines.get(name)
        if not isinstance(engine, ListsNodes) or asker is None:
            known = ", ".join(self._engines) or "none"
            text = f"no engine {brief(name)!r} with nodes; the engines are: {known}"
            return Refused(text, RefusalCode.INVALID)
        if message.address and not is_address(message.address):
            text = "address must be auto, or HOST:PORT of the head of the cluster"
            return Refused(text, RefusalCode.INVALID)

        def tell(nodes: tuple[Node, ...], problem: str) -> None:
            found = NodesFound(name, nodes, safe_line(problem), message.correlation_id)
            post(asker, found)

        engine.tell_nodes(tell, message.address)
        return None

    def subscribe(
        self, message: Subscribe, asker: Callable[[], Recipient[Any] | None]
    ) -> QueueReply | None:
        """Send the state to a new subscriber, and from now on the changes.

        Args:
            message: The request.
            asker: Returns the sender of an `ask` without `reply_to`.
        """
        subscribers, send = self._subscribers, self._delivery.send
        answer: QueueReply | None = Acknowledged()
        is_new = not subscribers.renew(message)
        if is_new:
            for task_id in message.task_ids or (None,):
                self._renew_reasons(task_id)
        # Before the transcript is read: a message committed between that and `add`
        # would be missing in both.
        self._delivery.catch_up()
        if message.past is not None:
            past = self._transcript(message.past)
            answer = None
            if (recipient := message.reply_to or asker()) is not None:
                # Before `Subscribed`, which contains the later entries.
                send(recipient, replace(past, correlation_id=message.correlation_id))
        if is_new:
            # Not through the outbox: changes held back there must come later.
            new = subscribers.add(message)
            send(message.subscriber, self._all_there_is(message, new))
            if (trouble := self._writer.trouble) is not None:
                send(
                    message.subscriber, JournalTrouble(trouble, self._writer.is_foreign)
                )
            if new not in subscribers:  # it is dead
                return answer
        subscribers.note(message)
        return answer

    def _transcript(self, limit: int) -> Transcript | Refused:
        journal = self._changes.journal
        try:
            entries = self._writer.use(lambda: journal.transcript(limit))
        except JournalError as error:
            return Refused(safe_line(str(error)), RefusalCode.JOURNAL)
        finally:
            self._delivery.announce_trouble()
        return Transcript(entries)

    def _all_there_is(self, message: Subscribe, subscriber: Subscriber) -> Subscribed:
        changes = self._changes
        now, ids = changes.now(), message.task_ids
        tasks = self._tasks.all_written(message.which, now, ids)
        told = changes.told_seq
        unshown = changes.unshown.up_to(told) if message.shows else ()
        if (selection := subscriber.selection) is not None:
            tasks = tuple(it for it in tasks if it in selection)
            unshown = tuple(it for it in unshown if it.task in selection)
        missed: list[TaskChanged] = []
        if (since := message.since) is not None:
            last = changes.last_changes
            missed = [
                TaskChanged(seq, TaskEvent.of(task.status), task)
                for task in tasks
                if since < (seq := last.get(task.id, 0)) <= told
            ]
            missed.sort(key=lambda change: change.seq)
        schedules = self._schedules.all_written()
        said = self._said_since(message.said_since)
        return Subscribed(
            told,
            tasks,
            unshown,
            tuple(missed),
            schedules,
            said,
            self._starts.slots,
            tuple(self._groups_paused()),
        )

    def _groups_paused(self) -> Iterator[GroupPaused]:
        for group in self._changes.book.settings.rules.groups:
            # The reason starts with the id of the failed task, which may be forgotten.
            task_id = group.why.removeprefix("#").partition(" ")[0]
            if group.paused and task_id.isdigit():
                with contextlib.suppress(UnknownTaskError):
                    task = self._tasks.written(int(task_id), self._changes.now())
                    yield GroupPaused(group.name, task)

    def said_before(self, message: WriteDown) -> Acknowledged | None:
        """Return the answer to a retried message that is stored already."""
        if message.again:
            self._delivery.catch_up()
            said = replace(message.message, private=message.private)
            if said in self._said():
                return Acknowledged()
        return None

    def _said_since(self, since: datetime | None) -> tuple[ChatMessage, ...]:
        if since is None:
            return ()
        return tuple(it for it in self._said() if it.at >= since and not it.private)

    def _said(self) -> list[ChatMessage]:
        past = self._transcript(_SAID)
        entries = past.entries if isinstance(past, Transcript) else ()
        return [it for it in entries if isinstance(it, ChatMessage)]

    def _renew_reasons(self, task_id: int | None = None) -> None:
        """Renew the reason of a queued task, or of all.

        Only on demand, since each start and end may change the reasons of many tasks.
        """
        if self._writer.trouble is None and not self._starts.closed:
            self._starts.renew_reasons(task_id)
