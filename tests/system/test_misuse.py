"""Mistakes of an embedder are named at once."""

from __future__ import annotations

import math
import queue
import re
from typing import TYPE_CHECKING, Any, cast

import pykka
import pytest
from backburner.actors import (
    JobContext,
    Notification,
    ProcessKind,
    RefusalCode,
    RefusedError,
    Task,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.messages import GetTask, TaskFound
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.session.asking import ask
from backburner.actors.testing import FakeKind, Recorder, running
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_system_has_a_name_and_a_repr(tmp_path: Path) -> None:
    system = TaskSystem(directory=tmp_path / "work", name="work")
    assert (system.name, system.directory) == ("work", tmp_path / "work")
    assert repr(system) == f"<TaskSystem 'work' in '{tmp_path}/work', not started>"
    assert TaskSystem().directory is None
    with running(system):
        assert repr(system).endswith(", started>")
        assert system.add("Build", "bash", "true", origin="me").origin == "me"


class _Asks:
    """Calls its system on every message."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self.errors: queue.SimpleQueue[str] = queue.SimpleQueue()

    def tell(self, message: Notification, /) -> None:
        """Make the call and record its result or error."""
        del message
        try:
            self._ask()
        except RuntimeError as error:
            self.errors.put(str(error))
        else:
            self.errors.put("answered")


def test_a_call_that_blocks_an_actor_of_the_system_raises_at_once() -> None:
    with running(TaskSystem()) as system:
        future = system.submit(TaskRequest("Endless", "sleep", ("1h",)))
        for ask in (
            lambda: system.get(1, answer_timeout=600),
            lambda: system.wait(timeout=600),
            lambda: system.stop(timeout=600),
            system.end,
            lambda: future.result(timeout=600),
            lambda: future.exception(timeout=600),
        ):
            asks = _Asks(ask)
            system.subscribe(asks)
            assert "on a thread" in asks.errors.get(timeout=PATIENCE)
            system.unsubscribe(asks)


class _Wrong(ProcessKind):
    """Returns values of the test from its methods.

    Args:
        returns: The values by method.
    """

    name = "wrong"

    def __init__(self, **returns: object) -> None:
        self._returns = returns

    def command(self, args: tuple[str, ...]) -> Any:  # noqa: ANN401 - anything
        return self._returns.get("command", ["true", *args])

    def environment(self, task: Task, inherited: object) -> Any:  # noqa: ANN401 - anything
        del task
        return self._returns.get("environment", inherited)

    def directory(self, task: Task) -> Any:  # noqa: ANN401 - anything
        return self._returns.get("directory", task.directory)


@pytest.mark.parametrize(
    ("method", "returned", "says"),
    [
        ("command", "make", "'make'; it must return a list: the program and its"),
        ("command", None, "None; it must return a list: the program and its"),
        ("command", [], r"\[\]; it must return the program at least"),
        ("command", ["sleep", 5], r"\['sleep', 5\]; it must return a list of str"),
        ("environment", None, "None; it must return a dict of str"),
        ("environment", {"CI": 1}, "int for 'CI'; every value must be str"),
        ("directory", 5, "5; it must return a path or None"),
    ],
)
def test_an_invalid_return_value_fails_the_task_and_names_the_kind(
    method: str, returned: object, says: str
) -> None:
    with running(TaskSystem(kinds=[_Wrong(**{method: returned})])) as system:
        (ended,) = system.wait(system.add("Wrong", "wrong").id, timeout=PATIENCE)
    assert ended.status is TaskStatus.FAILED
    blamed = rf"^bug in kind 'wrong': {method}\(\) returned "
    assert re.match(blamed + says, ended.reason)


class _Bare(ProcessKind):
    """Returns no command."""

    name = "bare"


def test_a_kind_without_a_command_is_named() -> None:
    with running(TaskSystem(kinds=[_Bare()])) as system:
        (ended,) = system.wait(system.add("Bare", "bare").id, timeout=PATIENCE)
    assert ended.reason.startswith(
        "bug in kind 'bare': it has no command(args); define one"
    )


def test_an_actor_instead_of_its_ref_is_named() -> None:
    actor: pykka.ActorRef[pykka.ThreadingActor] = pykka.ThreadingActor.start()
    with running(TaskSystem(), ignore=["ThreadingActor*"]) as system:
        for wrong in (actor.proxy(), pykka.ThreadingActor()):
            with pytest.raises(RefusedError, match=r"has none; give its actor_ref$"):
                system.subscribe(cast("Any", wrong))
    actor.stop()


def test_an_actor_that_has_stopped_is_not_subscribed() -> None:
    actor: pykka.ActorRef[pykka.ThreadingActor] = pykka.ThreadingActor.start()
    actor.stop()
    with running(TaskSystem()) as system:
        with pytest.raises(RefusedError, match="has stopped; subscribe an actor that"):
            system.subscribe(actor)
        assert system.dead_letters.count == 0


@pytest.mark.parametrize("progress", [101, -1, 33.3, "half", True])
def test_invalid_progress_names_the_kind(progress: int) -> None:
    kind = FakeKind()
    with running(TaskSystem(kinds=[kind])) as system:
        task = system.add("Build", "fake")
        kind.job(task.id).advance_to(progress)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.FAILED
    assert ended.reason == (
        f"bug in kind 'fake': progress() returned {progress!r}; it must return"
        " a whole number from 0 to 100, or None"
    )
    assert kind.job(task.id).asked.of(str)[-2:] == ("kill", "look")


class _Forgetful(FakeKind):
    """Starts no job, or doesn't return the started one."""

    def start(self, context: JobContext) -> Any:  # noqa: ANN401 - anything
        del context


def test_a_kind_that_returns_no_job_fails_the_task() -> None:
    with running(TaskSystem(kinds=[_Forgetful()])) as system:
        (ended,) = system.wait(system.add("Build", "fake").id, timeout=PATIENCE)
    assert ended.reason == ("bug in kind 'fake': start() must return a job, not None")


class _Text(str):
    """A text of a derived class, such as of a library that parses HTML."""

    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


class _Number(int):
    """A number of a derived class."""


def test_texts_and_numbers_of_derived_classes_are_stored_as_plain_ones(
    tmp_path: Path,
) -> None:
    text, three = _Text("true"), _Number(3)
    with TaskSystem(directory=tmp_path) as system:
        system.set_slots(three)
        terms = Terms(priority=three, group=text)
        task = system.add(text, "bash", text, origin=text, terms=terms)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.status is TaskStatus.COMPLETE
    with TaskSystem(directory=tmp_path) as system:
        (found,) = system.list()
        assert (found.description, found.args, found.origin) == (
            "true",
            ("true",),
            "true",
        )
        assert found.terms == Terms(priority=3, group="true")


def test_an_invalid_argument_of_add_is_named() -> None:
    wrong: Any = "5"
    with running(TaskSystem()) as system:
        with pytest.raises(RefusedError, match="directory must be str or None"):
            system.add("Build", "bash", "true", directory=cast("Any", 4))
        with pytest.raises(RefusedError, match=r"^directory is empty, or"):
            system.add("Build", "bash", "true", directory="")
        with pytest.raises(RefusedError, match="can't be stored: it has a NUL char"):
            system.add("Build", "bash", "true", directory="/\0")
        with pytest.raises(RefusedError, match=r"'pipe' or 'terminal', not \"it's\""):
            system.add("Build", "bash", "true", terms=Terms(input=cast("Any", "it's")))
        with pytest.raises(RefusedError, match="sleep takes one duration, not 2"):
            system.add("Nap", "sleep", "1s", "2s")
        with pytest.raises(RefusedError, match="data is not valid UTF-8; correct it"):
            system.send_input(1, "\udc80")
        with pytest.raises(TypeError, match=r"^timeout must be a number, not str"):
            system.wait(timeout=wrong)


@pytest.mark.parametrize("wrong", ["5", None, math.nan])
def test_a_request_with_an_invalid_timeout_is_not_sent(wrong: float) -> None:
    with running(TaskSystem()) as system:
        with pytest.raises((TypeError, ValueError), match=r"^answer_timeout must be a"):
            system.add("Build", "bash", "true", answer_timeout=wrong)
        assert system.list() == ()


def test_a_number_too_large_for_a_float_is_a_timeout() -> None:
    with running(TaskSystem()) as system:
        assert system.list(answer_timeout=10**400) == ()
        assert system.wait(timeout=10**400) == ()


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"input": "tty"}, "terms.input must be 'pipe' or 'terminal', not 'tty'"),
        ({"restart": "x" * 99}, "terms.restart must be 'always' or 'on-failure', not "),
        ({"at": "2030-01-01T00:00:00Z"}, "terms.at must be datetime or None, not str"),
        ({"timeout": "\udc80"}, "terms.timeout is not valid UTF-8; correct it"),
    ],
)
def test_an_invalid_term_is_named_with_the_allowed_values(
    terms: dict[str, Any], says: str
) -> None:
    request = TaskRequest("Build", "bash", ("true",), terms=Terms(**terms))
    with running(TaskSystem()) as system:
        with pytest.raises(RefusedError) as refusal:
            system.add_request(request)
        assert str(refusal.value).startswith(f"request.{says}")
        assert len(str(refusal.value)) < 150
        assert system.list() == ()


def test_a_stop_with_an_invalid_reason_stops_nothing() -> None:
    with running(TaskSystem()) as system:
        task = system.add("Build", "sleep", "1h")
        with pytest.raises(TypeError, match=r"^reason must be str, not NoneType"):
            system.stop(cast("Any", None))
        assert system.get(task.id).status is TaskStatus.RUNNING


def test_a_single_subscriber_instead_of_a_list_is_named() -> None:
    system = TaskSystem()
    with pytest.raises(TypeError, match=r"^subscribers must be a list, not Recorder"):
        system.start(cast("Any", Recorder("news")))
    assert "not started" in repr(system)


@pytest.mark.parametrize("given", ["1", None, 1.0])
def test_an_id_of_a_wrong_type_is_named(given: int) -> None:
    with running(TaskSystem()) as system:
        asks: list[Callable[[], object]] = [
            lambda: system.get(given),
            lambda: system.cancel(given),
            lambda: system.wait(given, timeout=0),
            lambda: system.tail(1, given),
        ]
        for ask in asks:
            with pytest.raises(RefusedError, match="must be int, not") as refusal:
                ask()
            assert refusal.value.code is RefusalCode.INVALID


def test_a_negative_number_of_lines_is_refused() -> None:
    with running(TaskSystem()) as system:
        with pytest.raises(RefusedError, match="0 or more lines, not -1") as refusal:
            system.tail(1, -1)
        assert refusal.value.code is RefusalCode.INVALID


class _Interrupted:
    """A queue interrupted by an embedder's signal handler that raises an exception."""

    def tell(self, message: object, /) -> None:
        del message
        raise FileNotFoundError("planted")


def test_an_exception_of_a_signal_handler_reaches_the_requester() -> None:
    letters = DeadLetters()
    with pytest.raises(FileNotFoundError, match="planted"):
        ask(_Interrupted(), GetTask(1), TaskFound, 1.0, letters)
    assert letters.count == 0
