"""The private parts of Pykka that the code uses exist."""

from __future__ import annotations

import inspect
import logging
import sys
from typing import TYPE_CHECKING, Any, Final

import pykka
import pytest
from backburner.actors.processes.exits import PidfdWatcher
from backburner.actors.runtime import pykka_actor
from backburner.actors.runtime.dispatcher import Dispatcher
from backburner.actors.runtime.mailbox import ThreadMailbox
from backburner.actors.runtime.pykka_actor import PykkaActor
from backburner.actors.runtime.safe_actor import SafeActor
from backburner.actors.runtime.sending import DeadLetters
from patience import PATIENCE
from programs import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

HOOKS: Final = (
    "_start_actor_loop",
    "_actor_loop_setup",
    "_actor_loop_running",
    "_actor_loop_teardown",
    "_stop",
)


class Echo(SafeActor[str]):
    stops = 0

    def handle(self, message: str) -> str:
        return message

    def on_stop(self) -> None:
        type(self).stops += 1


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    events = PidfdWatcher()
    dispatcher = Dispatcher("test", events)
    yield dispatcher
    dispatcher.close()
    events.close()


@pytest.mark.parametrize("hook", HOOKS)
def test_pykka_has_each_hook_and_calls_it_in_the_way_it_is_used(hook: str) -> None:
    theirs = getattr(pykka.ThreadingActor, hook)
    assert len(inspect.signature(theirs).parameters) == 1  # self
    called: list[str] = []

    class Watched(pykka.ThreadingActor):
        use_daemon_thread = True

        def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - anything
            called.append(name)
            return super().__getattribute__(name)

    Watched.start().stop(timeout=PATIENCE)
    assert hook in called


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_is_named_in_the_one_file_that_uses_it(hook: str) -> None:
    assert f"`{hook}`" in (pykka_actor.__doc__ or "")
    assert hook in inspect.getsource(PykkaActor)


def test_an_actor_has_every_attribute_of_the_pykka_constructor() -> None:
    theirs, ours = vars(pykka.ThreadingActor()), vars(Echo(DeadLetters()))
    assert theirs.keys() <= ours.keys()
    names = ("actor_urn", "actor_stopped", "_actor_ref")
    assert {*names, "actor_inbox"} == theirs.keys()
    assert [type(theirs[it]) for it in names] == [type(ours[it]) for it in names]
    assert all(f"`{it}`" in (pykka_actor.__doc__ or "") for it in theirs)


def test_no_two_actors_have_the_same_name() -> None:
    assert len({Echo(DeadLetters()).actor_urn for _ in range(10)}) == 10


def test_an_envelope_has_the_used_attributes() -> None:
    class Recording(ThreadMailbox):
        envelope: Any = None

        def put(self, item: Any, block: bool = True, timeout: Any = None) -> None:  # noqa: ANN401, FBT001, FBT002 - its own signature
            Recording.envelope = Recording.envelope or item
            super().put(item, block, timeout)

    class Watched(Echo):
        @staticmethod
        def make_inbox() -> ThreadMailbox:
            return Recording()

    actor = Watched.start(DeadLetters())
    assert isinstance(actor.actor_inbox, Recording)
    future = actor.ask("hi", block=False)
    assert future.get(timeout=PATIENCE) == "hi"
    assert Recording.envelope.message == "hi"
    assert Recording.envelope.reply_to is future
    actor.stop(timeout=PATIENCE)


@pytest.mark.parametrize("hook", ["_actor_loop_setup", "_actor_loop_running"])
def test_an_actor_whose_turn_fails_is_stopped_and_logs_it_once(
    dispatcher: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    hook: str,
) -> None:
    class Failing(Echo):
        pass

    def fail(actor: object) -> None:
        raise AttributeError(f"no {hook} in this Pykka for {actor}")

    monkeypatch.setattr(Failing, hook, fail)
    with caplog.at_level(logging.DEBUG):
        actor = Failing.start(DeadLetters(), dispatcher)
        try:
            asked = actor.ask("hi", block=False)
        except pykka.ActorDeadError:
            asked = None
        else:
            with pytest.raises(pykka.ActorDeadError):
                asked.get(timeout=PATIENCE)
        # Later turns, as if more messages had been on their way.
        assert actor.actor_stopped.wait(PATIENCE)
    assert not actor.is_alive()
    assert actor not in pykka.ActorRegistry.get_all()
    assert caplog.text.count(f"no {hook} in this Pykka") == 1
    assert "Failing failed and is stopped" in caplog.text
    assert Failing.stops == 1


def test_nothing_is_written_to_the_standard_error_of_a_host_without_logging() -> None:
    code = (
        "from backburner.actors import SafeActor, DeadLetters\n"
        "class Failing(SafeActor[str]):\n"
        "    def handle(self, message): raise ValueError(message)\n"
        "actor = Failing.start(DeadLetters())\n"
        "actor.tell('planted')\n"
        "actor.stop()\n"
    )
    ran = run_program(sys.executable, "-c", code, check=True)
    assert ran.stderr == ""
