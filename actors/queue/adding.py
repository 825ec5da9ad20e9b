"""Adding tasks: whether the queue currently takes any, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..kinds import InvalidRequestError
from ..messages import (
    AddTask,
    QueueReply,
    RefusalCode,
    Refused,
    TaskAdded,
    TaskEvent,
    WriteDown,
)
from ..rules.numbers import ROOM_FOR_MORE
from ..rules.terms import PLAIN

if TYPE_CHECKING:
    from ..journal.writer import JournalWriter
    from ..rules.chat_message import ChatMessage
    from ..rules.request import TaskRequest
    from ..rules.task import Task
    from .admission import Admission
    from .changes import Changes
    from .starts import Starts
    from .subscribers import Subscribers


class Adding:
    """Adds tasks while the session is open and its journal can be written."""

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        changes: Changes,
        admission: Admission,
        starts: Starts,
        *,
        subscribers: Subscribers,
        writer: JournalWriter,
        output: str,
    ) -> None:
        self._changes = changes
        self._book = changes.book
        self._admission = admission
        self._starts = starts
        self._subscribers = subscribers
        self._writer = writer
        self._output = output

    @property
    def is_open(self) -> bool:
        """Whether the queue currently takes new tasks and schedules."""
        return (
            self._writer.trouble is None
            and not self._starts.closed
            and self._changes.seq <= ROOM_FOR_MORE
            and self._book.newest_id <= ROOM_FOR_MORE
        )

    def refusal(self) -> Refused | None:
        """Return a refusal if the queue takes nothing new; None if it does."""
        if self.is_open:
            return None
        code = RefusalCode.JOURNAL
        if self._starts.closed:
            text = "the session is ending and takes no new tasks"
            code = RefusalCode.CLOSING
        elif (trouble := self._writer.trouble) is not None:
            text = f"can't write to the journal ({trouble}); try again later"
        else:
            text = "this session has no ids left for new tasks; open another"
        return Refused(text, code)

    def take(self, message: AddTask) -> QueueReply:
        """Add a task, or return the existing one.

        Raises:
            InvalidRequestError: If the request is invalid.
        """
        if (added := self._book.tasks.find_key(message.request.key)) is not None:
            return TaskAdded(added, existed=True)
        if (refused := self.refusal()) is not None:
            return refused
        if message.unless_queued:
            request, _ = self._admission.admit(message.request)
            if (queued := self._book.find_queued(request)) is not None:
                return TaskAdded(queued, existed=True)
        if message.saying is not None:
            return self._add_saying(message, message.saying)
        return TaskAdded(self.add(message.request))

    def add(self, request: TaskRequest) -> Task:
        """Add a task.

        Raises:
            InvalidRequestError: If the request is invalid.
        """
        request, kind = self._admission.admit(request)
        folder = self._output if kind.writes_output else None
        reason = self._starts.waiting_reason((request.terms or PLAIN).engine)
        task = self._book.add(request, self._changes.now(), reason, folder)
        self._changes.changed(task, TaskEvent.QUEUED)
        self._starts.assign()
        return task

    def _add_saying(self, message: AddTask, said: ChatMessage) -> QueueReply:
        """Add a task, and store its chat message."""
        key = message.request.key
        if not key:
            raise InvalidRequestError(
                "a message with a task needs a key in its request"
            )
        if not self._subscribers.are_shown():
            text = "no open chat can show the message"
            return Refused(text, RefusalCode.FAILED)
        task = self.add(message.request)
        text = said.text.replace(key, str(task.id))
        self._subscribers.said(WriteDown(replace(said, text=text)))
        return TaskAdded(task)
