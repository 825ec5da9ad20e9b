"""The call that sends input to a task: `send`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors import Acknowledged, SendInput, TaskStatus
from .call import Answer, Call, refusal
from .results import SendResult

if TYPE_CHECKING:
    from .host_client import Reply
    from .tools import SendArguments

_PATIENCE: Final = 10.0  # seconds for the task's input to accept all of it


class SendCall(Call):
    """`send`."""

    _arguments: SendArguments
    _data = b""

    @property
    def note(self) -> str:
        """The current state, for people."""
        return f"waiting until #{self._arguments.id} reads"

    def start(self) -> None:
        """Send the input."""
        given, session = self._arguments, self._session
        self._data = given.text.encode("utf-8", "replace")
        task = self._visible(given.id)
        if task is None:
            return
        if task.origin != session.origin and not session.rules().end_all:
            self.fail(f"#{task.id} is not yours; ask the person to send the input")
        elif task.status is not TaskStatus.RUNNING:
            self.fail(f"#{task.id} does not run: it is {task.status.value}")
        elif not self._data and not given.end:
            self.fail("there is nothing to send; give a text, or end")
        else:
            self._call_later(_PATIENCE, self.hurry)
            session.host.ask(SendInput(given.id, self._data, given.end), self._sent)

    def hurry(self) -> None:
        """Answer with the current state."""
        self.fail(
            f"#{self._arguments.id} has not read all earlier input yet; this input is"
            " sent once it does. `output` shows what it is doing"
        )

    def _sent(self, reply: Reply) -> None:
        if not isinstance(reply, Acknowledged):
            self.fail(refusal(reply))
            return
        tasks = self._session.host.tasks
        task = tasks.get(self._arguments.id)
        if self._data and task is not None and task.awaits_input:
            # The notification that it no longer waits may follow the answer late, if
            # the journal is locked; a `wait` that comes next must not report the old
            # state.
            tasks[task.id] = task.with_awaits_input(
                awaits=False, duration=task.duration or 0.0
            )
        size = len(self._data)
        end = ", and its input has ended" if self._arguments.end else ""
        text = f"sent {size} bytes to #{self._arguments.id}{end}"
        self.answer(Answer(text, SendResult(self._arguments.id, size)))
