from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import assert_never

import msgspec
import pykka
import pytest
from backburner.actors.runtime.promise import Promise
from backburner.actors.runtime.safe_actor import SafeActor
from backburner.actors.runtime.sending import DeadLetters, Recipient, post
from patience import PATIENCE

FAILURES = [
    ValueError("planted"),
    pykka.ActorDeadError("planted"),
    SystemExit("planted"),
    KeyboardInterrupt("planted"),
    GeneratorExit("planted"),
]


class Raise(msgspec.Struct, frozen=True):
    """Fail with this error, and with another in `on_error`."""

    error: BaseException
    second: BaseException | None = None


class Run(msgspec.Struct, frozen=True):
    """Run this on the actor's thread, and answer with the result."""

    call: Callable[[], object]


class Meet(msgspec.Struct, frozen=True):
    """Return the actor itself, which a ref doesn't."""

    host: Promise[WorkerActor]


Message = Raise | Run | Meet


class WorkerActor(SafeActor[Message]):
    def handle(self, message: Message) -> object:
        match message:
            case Raise(error=error):
                raise error
            case Run(call=call):
                return call()
            case Meet(host=host):
                return host.tell(self)
            case _:
                assert_never(message)

    def on_error(self, message: Message, error: BaseException) -> object:
        if isinstance(message, Raise) and message.second is not None:
            raise message.second
        return f"made good for {error}"


class PlainActor(SafeActor[str]):
    """Doesn't override `on_error`."""

    def handle(self, message: str) -> str:
        if message == "fail":
            raise ValueError(message)
        return message.upper()


class UnfinishedActor(SafeActor[str]):
    """Defines no handler."""


class LoneActor(pykka.ThreadingActor):
    """An actor of the embedder in the same process."""

    use_daemon_thread = True


class _Deaf:
    """A recipient whose `tell` fails."""

    def tell(self, message: object, /) -> None:
        raise OSError(f"can't take {message}")


@pytest.fixture
def letters() -> DeadLetters:
    return DeadLetters()


@pytest.fixture
def worker(letters: DeadLetters) -> Iterator[pykka.ActorRef[WorkerActor]]:
    worker = WorkerActor.start(letters)
    yield worker
    worker.stop(timeout=PATIENCE)


def _ask(worker: pykka.ActorRef[WorkerActor], message: Message) -> object:
    return worker.ask(message, timeout=PATIENCE)


def test_an_actor_of_an_embedder_needs_only_a_handler() -> None:
    actor = PlainActor.start()
    assert actor.ask("on", timeout=PATIENCE) == "ON"
    with pytest.raises(ValueError, match="fail"):
        actor.ask("fail", timeout=PATIENCE)
    assert actor.ask("still on", timeout=PATIENCE) == "STILL ON"
    actor.stop(timeout=PATIENCE)


def test_an_unsafe_actor_class_is_refused() -> None:
    with pytest.raises(TypeError, match="Unsafe must define handle, not on_receive"):

        class Unsafe(SafeActor[str]):  # pyright: ignore[reportUnusedClass]
            def on_receive(self, message: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
                raise ValueError(message)


# post


def test_a_message_reaches_a_living_recipient(
    letters: DeadLetters, worker: pykka.ActorRef[WorkerActor]
) -> None:
    handled: Promise[str] = Promise()
    assert post(handled, "hi", letters)
    assert handled.get(0) == "hi"
    done = threading.Event()
    assert post(worker, Run(done.set), letters)
    assert done.wait(PATIENCE)
    assert letters.count == 0


def test_a_message_to_a_dead_actor_is_counted(
    letters: DeadLetters, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "backburner")
    worker = WorkerActor.start(letters)
    worker.stop(timeout=PATIENCE)
    assert not post(worker, Run(lambda: None), letters)
    assert not post(worker, Run(lambda: None), letters)
    assert letters.count == 2
    levels = {(record.levelname, record.name) for record in caplog.records}
    assert ("DEBUG", "backburner") in levels
    assert ("ERROR", "backburner") not in levels
    assert "Dead letter: Run for WorkerActor" in caplog.text


def test_a_failing_recipient_does_not_affect_its_sender(
    letters: DeadLetters, caplog: pytest.LogCaptureFixture
) -> None:
    assert not post(_Deaf(), "hi", letters)
    assert letters.count == 1
    assert "could not be told str" in caplog.text
    assert "can't take hi" in caplog.text


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_an_actor_survives_any_error_of_a_recipient(
    letters: DeadLetters,
    worker: pykka.ActorRef[WorkerActor],
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
) -> None:
    class Failing:
        def tell(self, _: object, /) -> None:
            raise error

    met: Promise[WorkerActor] = Promise()
    worker.tell(Meet(met))
    actor = met.get(PATIENCE)
    is_sent = _ask(worker, Run(lambda: actor.post(Failing(), "hi")))
    assert is_sent is False
    assert letters.count == 1
    assert ("planted" in caplog.text) is not isinstance(error, pykka.ActorDeadError)


def test_an_actor_survives_the_death_of_its_recipient(
    letters: DeadLetters, worker: pykka.ActorRef[WorkerActor]
) -> None:
    dead = LoneActor.start()
    dead.stop(timeout=PATIENCE)
    assert _ask(worker, Run(lambda: post(dead, "hi", letters))) is False
    assert _ask(worker, Run(lambda: post(_Deaf(), "hi", letters))) is False
    assert letters.count == 2
    assert _ask(worker, Run(lambda: "alive")) == "alive"


# Failing handlers


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_a_failed_handler_affects_only_its_message(
    worker: pykka.ActorRef[WorkerActor],
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
) -> None:
    assert _ask(worker, Raise(error)) == "made good for planted"
    worker.tell(Raise(error))
    assert _ask(worker, Run(lambda: "alive")) == "alive"
    assert caplog.text.count("WorkerActor failed on Raise") == 2


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_handling_a_failure_may_fail(
    worker: pykka.ActorRef[WorkerActor],
    caplog: pytest.LogCaptureFixture,
    error: BaseException,
) -> None:
    with pytest.raises(ValueError, match="first"):
        _ask(worker, Raise(ValueError("first"), error))
    worker.tell(Raise(ValueError("first"), error))
    assert _ask(worker, Run(lambda: "alive")) == "alive"
    assert caplog.text.count("ValueError: first") >= 2
    assert caplog.text.count("planted") >= 2


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_a_failure_does_not_stop_other_actors(
    worker: pykka.ActorRef[WorkerActor], error: BaseException
) -> None:
    other = LoneActor.start()
    with pytest.raises(RuntimeError, match="WorkerActor failed on Raise") as caught:
        _ask(worker, Raise(error, error))
    assert caught.value.__cause__ is error
    _ask(worker, Run(lambda: None))
    assert other.is_alive()
    other.stop(timeout=PATIENCE)


@pytest.mark.parametrize(
    "message", ["a word", None, 42, object()], ids=["text", "none", "number", "object"]
)
def test_an_unknown_message_is_logged(
    worker: pykka.ActorRef[WorkerActor],
    caplog: pytest.LogCaptureFixture,
    message: object,
) -> None:
    worker.tell(message)
    assert _ask(worker, Run(lambda: "alive")) == "alive"
    assert f"WorkerActor failed on {type(message).__name__}" in caplog.text


def test_a_failure_is_raised_in_the_asker_and_the_actor_lives(
    letters: DeadLetters,
) -> None:
    actor = PlainActor.start(letters)
    with pytest.raises(ValueError, match="fail"):
        actor.ask("fail", timeout=PATIENCE)
    assert actor.ask("hi", timeout=PATIENCE) == "HI"
    actor.stop(timeout=PATIENCE)


def test_an_actor_without_a_handler_lives(
    letters: DeadLetters, caplog: pytest.LogCaptureFixture
) -> None:
    actor = UnfinishedActor.start(letters)
    with pytest.raises(NotImplementedError):
        actor.ask("hi", timeout=PATIENCE)
    assert actor.is_alive()
    assert "NotImplementedError" in caplog.text
    actor.stop(timeout=PATIENCE)


# Threads


@pytest.mark.parametrize("actor_class", [WorkerActor, PlainActor])
def test_actors_do_not_keep_the_process_alive(
    letters: DeadLetters, actor_class: type[SafeActor[object]]
) -> None:
    before = set(threading.enumerate())
    actor = actor_class.start(letters)
    (thread,) = set(threading.enumerate()) - before
    actor.stop(timeout=PATIENCE)
    assert thread.daemon


def test_an_actor_whose_thread_cannot_start_is_not_registered(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError(f"can't start new thread {thread.name}")

    before = set(pykka.ActorRegistry.get_all())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            WorkerActor.start(letters)
    assert set(pykka.ActorRegistry.get_all()) == before


# Messages to itself


def test_an_actor_can_tell_and_stop_itself(letters: DeadLetters) -> None:
    handled: Promise[str] = Promise()
    met: Promise[WorkerActor] = Promise()
    worker = WorkerActor.start(letters)
    worker.tell(Meet(met))
    actor = met.get(PATIENCE)

    def go_on() -> None:
        actor.tell_self(Run(finish))

    def finish() -> None:
        handled.tell("first")
        actor.tell_self(Run(lambda: handled.tell("too late")))
        actor.stop_self()
        handled.tell("last")

    worker.tell(Run(go_on))
    assert handled.get(PATIENCE) == "first"
    assert handled.get(PATIENCE) == "last"
    assert worker.actor_stopped.wait(PATIENCE)
    actor.tell_self(Run(lambda: handled.tell("much too late")))
    actor.stop_self()
    assert letters.count == 0
    with pytest.raises(TimeoutError):
        handled.get(0)


def test_an_object_with_tell_is_a_recipient(letters: DeadLetters) -> None:
    actor = PlainActor.start(letters)

    try:
        assert isinstance(actor, Recipient)
        assert isinstance(_Deaf(), Recipient)
        assert isinstance(SimpleNamespace(tell=print), Recipient)
        assert not isinstance("a text", Recipient)
    finally:
        actor.stop()
