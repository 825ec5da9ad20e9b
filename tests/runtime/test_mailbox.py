from __future__ import annotations

import gc
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import Promise
from backburner.actors.processes.exits import PidfdWatcher
from backburner.actors.runtime import dispatcher as dispatcher_module
from backburner.actors.runtime.dispatcher import Dispatcher
from backburner.actors.runtime.mailbox import (
    TURN,
    Mailbox,
    MailboxEmptyError,
    Scheduler,
)
from backburner.actors.runtime.safe_actor import SafeActor
from backburner.actors.runtime.sending import DeadLetters, Recipient
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class EchoActor(SafeActor[object]):
    """Answers with its message, or with the result of a call."""

    def __init__(self, scheduler: Scheduler | None, events: Promise[str]) -> None:
        super().__init__(DeadLetters(), scheduler)
        self.events = events

    def on_start(self) -> None:
        self.events.tell("started")

    def on_stop(self) -> None:
        self.events.tell("stopped")

    def handle(self, message: object) -> object:
        return message() if callable(message) else message


class BrokenActor(EchoActor):
    def on_start(self) -> None:
        raise ValueError("planted")


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    events = PidfdWatcher()
    dispatcher = Dispatcher("test", events)
    yield dispatcher
    dispatcher.close()
    events.close()


@pytest.fixture
def events() -> Promise[str]:
    return Promise()


def test_an_actor_on_shared_threads_has_the_usual_lifecycle(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = EchoActor.start(dispatcher, events)
    assert actor.ask("hi", timeout=PATIENCE) == "hi"
    assert actor.proxy().events.get(timeout=PATIENCE) is events
    assert actor in pykka.ActorRegistry.get_all()
    assert actor.stop(timeout=PATIENCE)
    assert not actor.stop(timeout=PATIENCE)
    assert not actor.is_alive()
    assert actor not in pykka.ActorRegistry.get_all()
    assert [events.get(0), events.get(0)] == ["started", "stopped"]
    with pytest.raises(pykka.ActorDeadError):
        actor.tell("hi")


def test_messages_are_handled_one_at_a_time_and_in_order(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = EchoActor.start(dispatcher, events)
    inside = threading.Lock()
    handled: list[tuple[int, int]] = []

    def handle(sender: int, number: int) -> None:
        assert inside.acquire(blocking=False)
        handled.append((sender, number))
        inside.release()

    def send(sender: int) -> None:
        for number in range(500):
            actor.tell(lambda number=number: handle(sender, number))

    senders = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(PATIENCE)
    actor.ask("done", timeout=PATIENCE)
    assert len(handled) == 2000
    for sender in range(4):
        assert [n for name, n in handled if name == sender] == list(range(500))
    actor.stop(timeout=PATIENCE)


class _Turns:
    """A scheduler whose turns run when the test says so."""

    def __init__(self) -> None:
        self.asked_for: deque[Callable[[], None]] = deque()

    def submit(self, turn: Callable[[], None]) -> None:
        self.asked_for.append(turn)

    def about_to_block(self, *, long: bool = False) -> None:
        """Do nothing; there is no other thread."""

    def about_to_start(self) -> None:
        """Do nothing; there is no other thread."""

    def nudge(self) -> None:
        """Do nothing; no thread can be stuck."""

    def take(self) -> None:
        while self.asked_for:
            self.asked_for.popleft()()


def test_a_message_may_take_a_whole_turn(events: Promise[str]) -> None:
    turns, order = _Turns(), list[str]()
    other = EchoActor.start(turns, events)

    class LongActor(EchoActor):
        def handle(self, message: object) -> None:
            order.append(f"long {message}")
            self.end_turn()

    long = LongActor.start(turns, events)
    turns.take()
    long.tell(1)
    other.tell(lambda: order.append("other"))
    long.tell(2)
    turns.take()
    assert order == ["long 1", "other", "long 2"]
    for actor in (long, other):
        actor.stop(block=False)
    turns.take()
    assert not long.is_alive()


def test_a_busy_actor_does_not_starve_others(events: Promise[str]) -> None:
    turns = _Turns()
    busy, other = EchoActor.start(turns, events), EchoActor.start(turns, events)
    order: list[str] = []
    for _ in range(3 * TURN):
        busy.tell(lambda: order.append("busy"))
    busy.tell(lambda: order.append("last"))
    other.tell(lambda: order.append("other"))
    turns.take()
    assert order.index("other") == TURN
    assert order[-1] == "last"
    assert len(order) == 3 * TURN + 2
    for actor in (busy, other):
        actor.stop(block=False)
    turns.take()
    assert not busy.is_alive()


def test_another_message_wakes_an_actor_behind_a_stuck_thread(
    dispatcher: Dispatcher, events: Promise[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = (EchoActor.start(dispatcher, events) for _ in range(2))
    other.ask("hi", timeout=PATIENCE)
    entered, go_on = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        go_on.wait(PATIENCE)

    monkeypatch.setattr(dispatcher_module, "STUCK", PATIENCE)
    stuck.tell(block)
    assert entered.wait(PATIENCE)
    handled: Promise[str] = Promise()
    other.tell(lambda: handled.tell("first"))
    # The thread now counts as stuck, and the next turn waits behind it.
    monkeypatch.setattr(dispatcher_module, "STUCK", 0.0)
    other.tell(lambda: handled.tell("second"))
    assert [handled.get(PATIENCE), handled.get(PATIENCE)] == ["first", "second"]
    go_on.set()
    for actor in (stuck, other):
        actor.stop(timeout=PATIENCE)


@pytest.mark.parametrize("threads", ["shared", "its own"])
def test_an_actor_knows_whether_its_sender_waits_for_the_answer(
    dispatcher: Dispatcher, events: Promise[str], threads: str
) -> None:
    class Curious(EchoActor):
        def handle(self, message: object) -> object:
            events.tell(f"{message}: {self.is_asked()}")
            return message

    actor = Curious.start(dispatcher if threads == "shared" else None, events)
    assert events.get(PATIENCE) == "started"
    actor.tell("told")
    actor.ask("asked", timeout=PATIENCE)
    actor.tell("told")
    answers = [events.get(PATIENCE) for _ in range(3)]
    assert answers == ["told: False", "asked: True", "told: False"]
    actor.stop(timeout=PATIENCE)


@pytest.mark.parametrize("threads", ["shared", "its own"])
def test_an_asker_may_be_answered_later(
    dispatcher: Dispatcher, events: Promise[str], threads: str
) -> None:
    later: Promise[Recipient[object] | None] = Promise()

    class Patient(EchoActor):
        def handle(self, message: object) -> object:
            if message == "later":
                later.tell(self.answer_later())
                assert not self.is_asked()
            return message

    actor = Patient.start(dispatcher if threads == "shared" else None, events)
    first = actor.ask("later", block=False)
    assert actor.ask("now", timeout=PATIENCE) == "now"
    asker = later.get(PATIENCE)
    assert asker is not None
    asker.tell("at last")
    assert first.get(timeout=PATIENCE) == "at last"
    actor.tell("later")
    assert later.get(PATIENCE) is None
    actor.stop(timeout=PATIENCE)


@pytest.mark.parametrize("error", [SystemExit("x"), KeyboardInterrupt(), ValueError()])
def test_a_failing_handler_affects_only_its_message(
    dispatcher: Dispatcher, events: Promise[str], error: BaseException
) -> None:
    def fail() -> None:
        raise error

    actor = EchoActor.start(dispatcher, events)
    actor.tell(fail)
    assert actor.ask("hi", timeout=PATIENCE) == "hi"
    actor.stop(timeout=PATIENCE)


def test_an_actor_that_cannot_start_ends(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = BrokenActor.start(dispatcher, events)
    assert actor.actor_stopped.wait(PATIENCE)
    with pytest.raises(pykka.ActorDeadError):
        actor.ask("hi", timeout=PATIENCE)


def test_an_ask_while_an_actor_ends_raises(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = EchoActor.start(dispatcher, events)
    gate = threading.Event()
    actor.tell(lambda: gate.wait(PATIENCE))
    stopped = actor.stop(block=False)
    behind = actor.ask("hi", block=False)
    gate.set()
    assert stopped.get(timeout=PATIENCE)
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=PATIENCE)


def test_every_ask_while_an_actor_ends_is_answered(
    dispatcher: Dispatcher, events: Promise[str], caplog: pytest.LogCaptureFixture
) -> None:
    actor = EchoActor.start(dispatcher, events)
    gate = threading.Event()
    actor.tell(lambda: gate.wait(PATIENCE))
    first = actor.stop(block=False)
    behind = [actor.ask("hi", block=False) for _ in range(3 * TURN)]
    second = actor.stop(block=False)
    gate.set()
    assert first.get(timeout=PATIENCE)
    assert second.get(timeout=PATIENCE)
    for answer in behind:
        with pytest.raises(pykka.ActorDeadError):
            answer.get(timeout=PATIENCE)
    assert "A call failed" not in caplog.text


def test_an_ask_just_after_the_end_raises(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = EchoActor.start(dispatcher, events)
    actor.stop(timeout=PATIENCE)
    # As if the ask had been sent just before the actor ended.
    actor.actor_stopped.clear()
    actor.tell("nobody hears this")
    with pytest.raises(pykka.ActorDeadError):
        actor.ask("hi", timeout=PATIENCE)


def test_a_ref_does_not_keep_an_actor_that_has_ended(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    met: Promise[weakref.ref[object]] = Promise()

    class Meeting(EchoActor):
        def handle(self, message: object) -> object:
            met.tell(weakref.ref(self))
            return message

    actor = Meeting.start(dispatcher, events)
    actor.ask("hi", timeout=PATIENCE)
    gone = met.get(PATIENCE)
    assert gone() is not None
    actor.stop(timeout=PATIENCE)
    if hasattr(actor, "_actor"):
        pytest.skip("in this Pykka every ref keeps its actor")
    until(lambda: gc.collect() >= 0 and gone() is None)
    assert not actor.is_alive()


def test_outside_a_turn_there_is_no_message(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = EchoActor.start(dispatcher, events)
    actor.ask("hi", timeout=PATIENCE)
    assert actor.actor_inbox.empty()
    with pytest.raises(MailboxEmptyError):
        actor.actor_inbox.get()
    actor.stop(timeout=PATIENCE)


def test_an_actor_without_any_thread_is_not_registered(
    dispatcher: Dispatcher, events: Promise[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError(f"can't start new thread {thread.name}")

    before = set(pykka.ActorRegistry.get_all())
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            EchoActor.start(dispatcher, events)
    assert set(pykka.ActorRegistry.get_all()) == before


def test_an_interrupted_sender_blocks_no_other(
    dispatcher: Dispatcher, events: Promise[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = EchoActor.start(dispatcher, events)
    actor.ask("hi", timeout=PATIENCE)

    def interrupt(turn: Callable[[], None]) -> None:
        raise KeyboardInterrupt(turn)

    handled: Promise[str] = Promise()
    with monkeypatch.context() as patched:
        patched.setattr(dispatcher, "submit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            actor.tell(lambda: handled.tell("first"))
    actor.tell(lambda: handled.tell("second"))
    assert [handled.get(PATIENCE), handled.get(PATIENCE)] == ["first", "second"]
    actor.stop(timeout=PATIENCE)


def test_more_turns_than_messages_are_harmless(
    dispatcher: Dispatcher, events: Promise[str]
) -> None:
    actor = EchoActor.start(dispatcher, events)
    mailbox = actor.actor_inbox
    assert isinstance(mailbox, Mailbox)
    for _ in range(100):
        mailbox.schedule()
    assert actor.ask("hi", timeout=PATIENCE) == "hi"
    actor.stop(timeout=PATIENCE)
    mailbox.schedule()
    assert events.get(PATIENCE) == "started"
    assert events.get(PATIENCE) == "stopped"
    with pytest.raises(TimeoutError):
        events.get(0)
