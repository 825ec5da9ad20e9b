r"""A partner for the chat: a butler that understands a few phrases.

Start it in a terminal with `python docs/examples/butler.py`, and type:

    run the tests
    run the tests when 3 is done
    cancel 4
    what is going on?

It is an ordinary actor. It receives the messages of the chat, sends requests to the
queue, receives the answers and notifications, and sends texts to the chat. It never
waits: it stores a callback for each answer and for each task that it waits for.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backburner.actors import (
    AddTask,
    CancelAccepted,
    CancelTask,
    DeadLetters,
    GetTask,
    GroupPaused,
    JournalTrouble,
    ListTasks,
    MessageSaid,
    Notification,
    QueueReply,
    QueueRequest,
    Recipient,
    Refused,
    SafeActor,
    SchedulesChanged,
    SlotsChanged,
    Subscribed,
    SystemStopped,
    Task,
    TaskAdded,
    TaskChanged,
    TaskFilter,
    TaskFound,
    TaskList,
    TaskRequest,
    TasksForgotten,
    TaskStatus,
    TaskSystem,
)
from backburner.ui.chat.run import ChatOptions, run_chat
from backburner.ui.dialogue.partner import Partner, PartnerSays, Spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

JOBS: Final = {
    "the tests": "make test",
    "the linter": "make check",
    "a nap": "sleep 5; echo awake",
}
"""The commands of the jobs, by name."""

PHRASES: Final = (
    "I know: run JOB · run JOB when ID is done · cancel ID · what is going on?"
)

_RUN_LATER: Final = re.compile(
    r"run (?P<job>.+?) (?:when|after) #?(?P<id>\d+)( is done)?"
)
_RUN: Final = re.compile(r"run (?P<job>.+)")
_CANCEL: Final = re.compile(r"(?:cancel|stop) #?(?P<id>\d+)")
_LIST: Final = re.compile(r"what('s| is) (?:going on|running)")


class Butler(SafeActor[Spoken | QueueReply | Notification]):
    """Runs and cancels tasks on request, and reports what it did.

    In: `Spoken` from the chat, the queue's answers and notifications.
    Out: requests to the queue; `PartnerSays` to the chat.

    Args:
        queue: Receives its requests.
        dead_letters: Counts messages to dead recipients.
    """

    def __init__(
        self, queue: Recipient[QueueRequest], dead_letters: DeadLetters
    ) -> None:
        super().__init__(dead_letters)
        self._queue = queue
        self._number = 0
        self._answers: dict[int, Callable[[QueueReply], None]] = {}
        self._later: dict[int, list[Callable[[Task], None]]] = {}

    def handle(self, message: Spoken | QueueReply | Notification) -> None:
        """Handle a chat message, an answer or a notification."""
        match message:
            case Spoken():
                self._listen(message)
            case TaskChanged(task=task):
                if task.status.is_final:
                    for then in self._later.pop(task.id, ()):
                        then(task)
            case (
                Subscribed()
                | TasksForgotten()
                | JournalTrouble()
                | MessageSaid()
                | SlotsChanged()
                | GroupPaused()
                | SchedulesChanged()
            ):
                pass
            case SystemStopped():
                pass
            case _:
                number = message.correlation_id
                if isinstance(number, int):
                    self._answers.pop(number)(message)

    def _listen(self, spoken: Spoken) -> None:
        text = spoken.text.strip().rstrip(".?!").lower()
        if found := _RUN_LATER.fullmatch(text):
            self._run_later(spoken, found["job"], int(found["id"]))
        elif found := _RUN.fullmatch(text):
            self._run(spoken, found["job"])
        elif found := _CANCEL.fullmatch(text):
            self._cancel(spoken, int(found["id"]))
        elif _LIST.fullmatch(text):
            self._list(spoken)
        else:
            self._say(spoken, PHRASES)

    def _run(self, spoken: Spoken, job: str) -> None:
        command = JOBS.get(job)
        if command is None:
            self._say(spoken, f"I can run {', '.join(JOBS)}; not {job}.")
            return

        def added(reply: QueueReply) -> None:
            if isinstance(reply, TaskAdded):
                self._say(spoken, f"Very well. That is #{reply.task.id}.")
            elif isinstance(reply, Refused):
                self._say(spoken, f"I'm afraid not: {reply.text}")

        # The chat itself shows this task, in the conversation that requested it.
        request = TaskRequest(job, "bash", (command,), spoken.conversation)
        self._ask(lambda number: AddTask(request, self.actor_ref, number), added)

    def _run_later(self, spoken: Spoken, job: str, task_id: int) -> None:
        def then(task: Task) -> None:
            if task.status is TaskStatus.COMPLETE:
                self._run(spoken, job)
            else:
                text = f"#{task.id} ended as {task.status}, so I did not run {job}."
                self._say(spoken, text)

        def found(reply: QueueReply) -> None:
            if isinstance(reply, Refused):
                self._say(spoken, f"I'm afraid not: {reply.text}")
            elif isinstance(reply, TaskFound) and reply.task.status.is_final:
                then(reply.task)
            else:
                self._later.setdefault(task_id, []).append(then)
                self._say(spoken, f"I shall run {job} when #{task_id} is done.")

        self._ask(lambda number: GetTask(task_id, self.actor_ref, number), found)

    def _cancel(self, spoken: Spoken, task_id: int) -> None:
        def answered(reply: QueueReply) -> None:
            if isinstance(reply, CancelAccepted):
                self._say(spoken, f"I told #{task_id} to stop.")
            elif isinstance(reply, Refused):
                self._say(spoken, f"I'm afraid not: {reply.text}")

        self._ask(
            lambda number: CancelTask(
                task_id,
                "canceled by the butler",
                reply_to=self.actor_ref,
                correlation_id=number,
            ),
            answered,
        )

    def _list(self, spoken: Spoken) -> None:
        def listed(reply: QueueReply) -> None:
            if not isinstance(reply, TaskList) or not reply.tasks:
                self._say(spoken, "Nothing is running.")
                return
            # In pieces, like an answer that is still being written.
            self._say(spoken, "Running are:", done=False)
            for task in reply.tasks:
                self._say(spoken, f"\n#{task.id} {task.description}", done=False)
            self._say(spoken, "")

        self._ask(
            lambda number: ListTasks(TaskFilter.RUNNING, self.actor_ref, number), listed
        )

    def _ask(
        self,
        make: Callable[[int], QueueRequest],
        answered: Callable[[QueueReply], None],
    ) -> None:
        self._number += 1
        self._answers[self._number] = answered
        self.post(self._queue, make(self._number))

    def _say(self, spoken: Spoken, text: str, *, done: bool = True) -> None:
        self.post(spoken.reply_to, PartnerSays(spoken.conversation, text, done))


def start_butler(system: TaskSystem) -> pykka.ActorRef[Butler]:
    """Start a butler for a task system, and subscribe it."""
    butler = Butler.start(system.queue, system.dead_letters)
    system.subscribe(butler)
    return butler


def main() -> int:
    """Open a chat with the butler in a temporary session."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        system = TaskSystem(directory=directory)
        system.start()
        butler = start_butler(system)
        try:
            partner = Partner("butler", butler)
            return run_chat(system, ChatOptions("main", directory, partner=partner))
        finally:
            butler.stop()


if __name__ == "__main__":
    sys.exit(main())
