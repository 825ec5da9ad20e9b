"""Changes missed while a subscription is interrupted, and waiting calls."""

from __future__ import annotations

import math
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from backburner.actors import (
    Acknowledged,
    AddTask,
    ChatMessage,
    GetTask,
    GroupPaused,
    JournalTrouble,
    MessageSaid,
    Notification,
    Promise,
    QueueReply,
    RefusalCode,
    Refused,
    RefusedError,
    SchedulesChanged,
    SlotsChanged,
    Subscribe,
    Subscribed,
    Task,
    TaskAdded,
    TaskChanged,
    TaskEvent,
    TaskFilter,
    TaskRequest,
    Terms,
    Transcript,
    WriteDown,
)
from backburner.actors.host.remote_queue import RemoteQueue
from backburner.actors.host.wire import Number, decoder_to_host
from backburner.actors.rules.schedules import Schedule
from backburner.actors.runtime.frames import LONGEST_TO_HOST, FrameReader
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.session.blocking import Requests
from backburner.actors.testing import Recorder, make_task
from backburner.actors.testing.manual_clock import START
from backburner.ui.cli.ends import TaskEnds
from msgspec.structs import replace
from patience import PATIENCE

from tests.host.clients import Heard

if TYPE_CHECKING:
    from collections.abc import Callable

    from backburner.actors.host.remote import RemoteSystem
    from backburner.actors.runtime.socket_writer import SocketWriter

RUNNING = make_task(1, "running")


def schedule(number: int) -> Schedule:
    request = TaskRequest("Backup", "bash", ("true",))
    return Schedule(
        id=number,
        request=request,
        every="1h",
        zone="UTC",
        made_at=START,
        since=START,
        next_due=START,
    )


class Host:
    """Answers like a host that has `tasks`; `die` replaces the host."""

    def __init__(self, *tasks: Task) -> None:
        self.queue = RemoteQueue(DeadLetters(), None)
        self.tasks, self.schedules = tasks, (schedule(1), schedule(2))
        self.trouble: str | None = None
        self.slots = 0
        self.paused: tuple[GroupPaused, ...] = ()
        self.said: tuple[ChatMessage, ...] = ()
        self.past: tuple[ChatMessage, ...] = ()
        self.written: list[WriteDown] = []
        self._decode = decoder_to_host(Number)
        self._frames = FrameReader(LONGEST_TO_HOST)
        self._lock = threading.Lock()
        self.queue.attach(cast("SocketWriter", self))

    def send(self, data: bytes) -> None:
        with self._lock:
            requests: list[Any] = [*map(self._decode, self._frames.feed(data))]
        for request in requests:
            self._answer(request)

    def _answer(self, request: Any) -> None:  # noqa: ANN401 - of any type
        match request:
            case Subscribe(subscriber=Number() as to, which=selection):
                tasks = tuple(
                    it for it in self.tasks if it.status in selection.statuses
                )
                said = self.said if request.said_since else ()
                first = Subscribed(
                    9,
                    tasks,
                    schedules=self.schedules,
                    said=said,
                    slots=self.slots,
                    paused=self.paused,
                )
                self.queue.take(to.value, first)
                if self.trouble:
                    self.queue.take(to.value, JournalTrouble(self.trouble))
                answer: QueueReply = Acknowledged(request.correlation_id)
                if request.past is not None:
                    answer = Transcript(self.past, request.correlation_id)
            case WriteDown():
                self.written.append(request)
                return  # the host dies before it answers
            case AddTask():
                answer = TaskAdded(RUNNING, request.correlation_id)
            case GetTask(task_id=task_id):
                code, text = RefusalCode.UNKNOWN, f"task {task_id} has left the history"
                answer = Refused(text, code, request.correlation_id)
            case _:
                answer = Acknowledged(request.correlation_id)
        if isinstance(request.reply_to, Number):
            self.queue.take(request.reply_to.value, answer)

    def die(self) -> None:
        """Replace this host by another one."""
        self.queue.detach()
        self.queue.attach(cast("SocketWriter", self))


class Remote(Requests):
    """A client of that host."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.dead_letters = DeadLetters()
        self._host = host

    @property
    def queue(self) -> RemoteQueue:
        return self._host.queue

    def is_own_thread(self) -> bool:
        return False


def missed(selection: TaskFilter, host: Host, then: Callable[[], None]) -> list[object]:
    """Return what a subscriber receives after an interruption."""
    subscriber: Recorder[Notification] = Recorder("subscriber")
    host.queue.tell(Subscribe(subscriber, which=selection))
    before = len(subscriber.received)
    then()
    host.die()
    return [*subscriber.received[before:]]


def test_schedules_and_trouble_are_current_after_an_interruption() -> None:
    host = Host(RUNNING)
    host.trouble = "disk full"
    paused = replace(schedule(2), paused=True)

    def change() -> None:
        host.trouble = None
        host.schedules = (paused, schedule(3))

    assert missed(TaskFilter.ALL, host, change) == [
        JournalTrouble(None),
        TaskChanged(9, TaskEvent.PROGRESS, RUNNING),
        SchedulesChanged((paused, schedule(3)), (1,)),
    ]


def test_slots_and_paused_groups_are_announced_after_an_interruption() -> None:
    failed, other = make_task(3, "failed"), make_task(4, "failed")
    host = Host()
    host.slots, host.paused = 8, (GroupPaused("a", failed), GroupPaused("b", failed))

    def change() -> None:
        host.slots = 2
        host.paused = (*host.paused[:1], GroupPaused("b", other))

    assert missed(TaskFilter.ALL, host, change) == [
        SlotsChanged(2),
        GroupPaused("b", other),
    ]
    assert missed(TaskFilter.ALL, host, lambda: None) == []


def test_a_subscriber_receives_the_slots_and_the_groups_paused_by_a_failure(
    session: RemoteSystem,
) -> None:
    first, then = Heard(), Heard()
    session.subscribe(first)
    session.set_slots(3)
    session.pause("by-hand")
    session.set_group("ci", pause_on_failure=True)
    session.add("Test", "bash", "exit 1", terms=Terms(group="ci"))
    paused = first.wait_for(GroupPaused)
    session.subscribe(then)
    subscribed = then.wait_for(Subscribed)
    assert subscribed.slots == 3
    assert [(it.group, it.task.id) for it in subscribed.paused] == [
        ("ci", paused.task.id)
    ]
    session.forget_finished()
    session.subscribe(last := Heard())
    assert last.wait_for(Subscribed).paused == ()


def test_lasting_trouble_is_announced_after_an_interruption() -> None:
    host = Host()
    host.trouble = "disk full"
    *_, last = missed(TaskFilter.ALL, host, lambda: None)
    assert last == JournalTrouble("disk full")


def test_waiting_for_input_is_announced_after_an_interruption() -> None:
    host = Host(RUNNING)
    waits = replace(RUNNING, awaits_input=True)
    received = missed(
        TaskFilter.RUNNING, host, lambda: setattr(host, "tasks", (waits,))
    )
    assert TaskChanged(9, TaskEvent.INPUT, waits) in received


def test_messages_sent_during_an_interruption_are_shown_once() -> None:
    host = Host()
    past, own, heard, missed = (
        ChatMessage(datetime.now(UTC) + timedelta(hours=1), "main", "you", text)
        for text in ("past", "own", "heard", "missed")
    )
    host.past = (past,)
    chat: Recorder[Any] = Recorder("chat")
    host.queue.tell(Subscribe(chat, shows=True, past=10, reply_to=chat))
    host.queue.tell(WriteDown(own, shown_by=chat))
    host.queue.take(1, MessageSaid(heard))
    host.said = (past, own, heard, missed)
    host.die()
    host.die()
    assert chat.of(MessageSaid) == (MessageSaid(heard), MessageSaid(missed))
    # The message was not acknowledged, so it may or may not be stored.
    assert [(it.message, it.again) for it in host.written] == [
        (own, False),
        (own, True),
        (own, True),
    ]


def wait(host: Host) -> None:
    Remote(host).wait(1, timeout=PATIENCE)


def wait_for_any(host: Host) -> None:
    with TaskEnds(cast("RemoteSystem", Remote(host))) as ends:
        ends.wait((1,), math.inf)


def wait_for_future(host: Host) -> None:
    Remote(host).submit(TaskRequest("Build", "bash", ("make",))).result(PATIENCE)


@pytest.mark.parametrize("waits", [wait, wait_for_any, wait_for_future])
def test_a_wait_ends_if_its_task_was_forgotten_during_an_interruption(
    waits: Callable[[Host], None],
) -> None:
    host, raised = Host(RUNNING), Promise[Exception]()
    answered = threading.Event()

    def run() -> None:
        try:
            waits(host)
        except (RefusedError, TimeoutError) as error:
            raised.tell(error)

    begun = host.queue.take

    def take(to: int, message: QueueReply | Notification) -> None:
        begun(to, message)
        if isinstance(message, TaskAdded | Acknowledged):
            answered.set()

    host.queue.take = take  # type: ignore[method-assign]
    threading.Thread(target=run, daemon=True).start()
    assert answered.wait(PATIENCE)
    host.tasks = ()
    host.die()
    error = raised.get(PATIENCE)
    assert isinstance(error, RefusedError)
    assert "left the history" in str(error)
