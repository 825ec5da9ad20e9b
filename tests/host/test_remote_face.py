"""A `RemoteSystem` offers a program the same calls as a `TaskSystem`."""

from __future__ import annotations

import contextlib
import math
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from backburner.actors import (
    AddTask,
    ListTasks,
    Notification,
    QueueReply,
    RefusalCode,
    RefusedError,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TaskFilter,
    TaskRequest,
    TasksForgotten,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
    Terms,
)
from backburner.actors.host.events import HostBack
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.testing import Recorder
from conditions import until
from patience import PATIENCE

from tests.host.clients import kill, waits_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from host_care import HostCare

    from tests.host.clients import Heard


def test_the_last_message_comes_when_the_program_leaves_and_when_the_session_ends(
    session: RemoteSystem, settings: HostSettings
) -> None:
    stays: Recorder[Notification] = Recorder("who stays")
    session.subscribe(stays)
    leaves: Recorder[Notification] = Recorder("who leaves")
    other = RemoteSystem(settings)
    other.start(subscribers=[leaves])
    other.stop()
    assert isinstance(leaves.received[0], Subscribed)
    assert leaves.received[-1] == SystemStopped("this program has left the session")

    session.end("enough")

    assert stays.wait_for(SystemStopped).reason == "enough"
    assert stays.received[-1] == SystemStopped("enough")
    assert len(stays.of(SystemStopped)) == 1


def test_a_blocking_call_on_the_reader_thread_raises_at_once(
    session: RemoteSystem,
) -> None:
    errors: Recorder[object] = Recorder()
    future = session.submit(TaskRequest("Endless", "sleep", ("1h",)))

    class Asks:
        def tell(self, message: Notification, /) -> None:
            for ask in (
                lambda: session.get(1, answer_timeout=600),
                session.end,
                lambda: future.result(timeout=600),
            ):
                try:
                    errors.tell((ask(), message))
                except RuntimeError as error:
                    errors.tell(str(error))

    asks = Asks()
    session.subscribe(asks, which=TaskFilter.FINISHED)
    session.unsubscribe(asks)

    assert all("on a thread" in str(it) for it in errors.received)
    assert len(errors.received) >= 3


@pytest.mark.parametrize("is_ending", [False, True])
def test_a_session_ends_even_if_its_host_is_killed_at_that_moment(
    session: RemoteSystem, care: HostCare, *, is_ending: bool
) -> None:
    """The keeper starts another host, which is then ended."""
    task = session.add("Nap", "bash", "trap '' TERM; while :; do sleep 0.1; done")
    assert task.id == 1
    host = session.welcome.pid
    ending = threading.Thread(target=session.end)
    if is_ending:
        ending.start()
    kill(host)
    if not is_ending:
        ending.start()
    ending.join(PATIENCE)
    assert not ending.is_alive()
    until(lambda: care.hosts() == [])


def test_a_wait_for_a_queued_task_raises_when_the_session_ends(
    session: RemoteSystem,
) -> None:
    tasks = [session.add("Nap", "sleep", "1h") for _ in range(session.welcome.slots)]
    waits = session.add("Waits", "sleep", "1h")
    ending = threading.Timer(0.1, session.end)
    ending.start()
    with pytest.raises(TaskSystemError, match=f"^task {waits.id} has not ended, and "):
        session.wait(*(it.id for it in tasks), waits.id, timeout=PATIENCE)
    ending.join()


def test_an_invalid_message_is_refused_and_breaks_nothing(
    session: RemoteSystem, caplog: pytest.LogCaptureFixture
) -> None:
    for wrong in ("junk", None, ListTasks, ListTasks(reply_to=cast("Any", 5))):
        session.queue.tell(cast("Any", wrong))
    assert [it.getMessage() for it in caplog.records] == [
        "str: str is not a request; send one, such as ListTasks()",
        "NoneType: None is not a request; send one, such as ListTasks()",
        "StructMeta: ListTasks is a class, not a message; send ListTasks()",
        "ListTasks: reply_to must have a method tell; int has none",
    ]
    assert session.list() == ()


def test_settings_that_no_host_accepts_are_refused() -> None:
    for wrong, error, says in (
        ("a folder", TypeError, "settings must be HostSettings, such as .*, not str"),
        (HostSettings(directory=cast("Any", 3)), TypeError, "directory must be str"),
        (HostSettings(directory="/s", slots=0), ValueError, "slots must be 1 to 1,000"),
        (HostSettings(directory="/s", name="\udc80"), ValueError, "bad session name"),
        (HostSettings(directory="/s", grace=math.nan), ValueError, "grace must be 0"),
        (HostSettings(directory="/s", linger=math.nan), ValueError, "linger must be 0"),
        (HostSettings(directory="/s", output_limit=-1), ValueError, "output_limit mus"),
        (HostSettings(directory="/s\0"), ValueError, "without NUL characters, not '/s"),
        (HostSettings(directory="s"), ValueError, "must be an absolute path"),
    ):
        with pytest.raises(error, match=says):
            RemoteSystem(cast("Any", wrong))


def test_an_end_with_an_invalid_reason_ends_nothing(session: RemoteSystem) -> None:
    with pytest.raises(TypeError, match=r"^reason must be str, not NoneType"):
        session.end(cast("Any", None))
    assert session.list() == ()


def test_a_text_that_is_not_unicode_is_named(session: RemoteSystem) -> None:
    for ask, name in (
        (lambda: session.add("\udc80", "bash", "true"), "description"),
        (lambda: session.add("Build", "bash", "\udc80"), r"args\[0\]"),
        (lambda: session.set_group("\udc80"), "name"),
    ):
        with pytest.raises(RefusedError, match=f"^{name} is not valid UTF-8; correct"):
            ask()
    session.end("\udc80")  # made legible, as by a TaskSystem


class _Text(str):
    __slots__ = ()


def test_a_text_of_a_derived_class_is_sent_as_a_plain_one(
    session: RemoteSystem,
) -> None:
    assert session.add(_Text("Build"), "bash", _Text("true")).args == ("true",)


def test_a_refused_subscription_is_not_repeated_for_the_next_host(
    session: RemoteSystem, care: HostCare
) -> None:
    news: Recorder[Notification] = Recorder("news")
    other: Recorder[Notification] = Recorder("other")
    session.subscribe(news)
    for subscriber in (news, other):
        with pytest.raises(RefusedError, match=r"^origin is not valid UTF-8"):
            session.subscribe(subscriber, origin="\udc80")
    kill(session.welcome.pid)
    task = session.add("Build", "bash", "true")
    news.wait_for(TaskChanged, lambda it: it.task.id == task.id)
    assert len(care.hosts()) == 1


def test_a_request_that_is_too_long_for_a_host_is_refused(
    session: RemoteSystem,
) -> None:
    with pytest.raises(RefusedError, match=r"^the request has 20,.*write long data to"):
        session.add("x" * 20_000_000, "bash", "true")
    assert session.list() == ()


def test_a_stopped_system_is_not_started_again(settings: HostSettings) -> None:
    with RemoteSystem(settings) as system:
        pass
    with pytest.raises(RuntimeError, match="it was stopped; create another Remote"):
        system.start()


def test_a_value_of_a_wrong_type_is_refused_and_breaks_nothing(
    session: RemoteSystem,
) -> None:
    wrong: Any = 7
    asks: tuple[Callable[[], object], ...] = (
        lambda: session.add("Build", wrong),
        lambda: session.get(cast("int", "1")),
        lambda: session.subscribe(wrong),
        lambda: session.list(wrong),
    )
    for ask in asks:
        with pytest.raises(RefusedError, match="must") as refusal:
            ask()
        assert refusal.value.code is RefusalCode.INVALID
    assert session.list() == ()


_STRANGE: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 1e10, 10**30, math.nan, math.inf, -math.inf),
    *("", "x", "x y", "\udc80", "x" * 100_000, b"x", object(), [], {}),
    *(("x",), (0,), (10**30,), ((1, 2),), (("", 1.0),), (("a", math.nan),)),
    *(datetime.now(), datetime.max, datetime.max.replace(tzinfo=UTC)),  # noqa: DTZ005, DTZ901
)


def test_unusual_terms_are_answered_as_by_a_task_system(session: RemoteSystem) -> None:
    """No value disconnects the client or ends the queue."""
    with TaskSystem() as embedded:
        for terms in _strange_terms():
            request = TaskRequest("Build", "sleep", ("1h",), terms=terms)
            remote, local = _answer(session, request), _answer(embedded, request)
            assert type(remote) is type(local), ascii((terms, remote, local))


def _strange_terms() -> Iterator[Terms]:
    for name in Terms.__struct_fields__:
        for value in _STRANGE:
            fields: dict[str, Any] = {"held": True, name: value}
            with contextlib.suppress(TypeError, ValueError):
                yield Terms(**fields)


def _answer(system: TaskSystem | RemoteSystem, request: TaskRequest) -> QueueReply:
    answers: Recorder[QueueReply] = Recorder("who asks")
    system.queue.tell(AddTask(request, reply_to=answers))
    return answers.wait_for(lambda _: True)


def test_a_selection_of_tasks_outlives_the_host(
    session: RemoteSystem, events: Heard
) -> None:
    news: Recorder[Notification] = Recorder("the subscriber")
    session.subscribe(news, which=TaskFilter.QUEUED)
    running = session.add("Nap", "sleep", "1h")
    news.wait_for(TaskChanged)
    kill(session.welcome.pid)
    events.wait_for(HostBack)
    session.cancel(running.id)
    (ended,) = session.wait(running.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED
    # The task isn't queued any more, but it isn't forgotten.
    assert not [it.ids for it in news.of(TasksForgotten) if it.ids]
    assert [it.event for it in news.of(TaskChanged)] == ["queued"]


def test_futures_and_output_work_as_in_a_task_system(
    session: RemoteSystem, events: Heard, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    command = f"echo one; echo two; {waits_for(go_on, 'echo three; exit 7')}"
    future = session.submit(TaskRequest("Long", "bash", (command,)))
    quick = session.submit(TaskRequest("Quick", "bash", ("echo quick",)))
    ended = quick.result(PATIENCE)
    assert (ended.status, session.tail(ended.id)) == (TaskStatus.COMPLETE, ("quick",))
    refused = session.submit(TaskRequest("Fax", "fax"))
    with pytest.raises(RefusedError, match="unknown kind 'fax'"):
        refused.result(PATIENCE)
    assert future.task_id is not None
    lines = session.output(future.task_id, follow=True)
    assert [next(lines), next(lines)] == ["one", "two"]
    # Futures and output continue with the next host, as the task does.
    kill(session.welcome.pid)
    events.wait_for(HostBack)
    go_on.touch()
    assert future.result(PATIENCE).exit_code == 7
    assert [*lines] == ["three"]
    canceled = session.submit(TaskRequest("Long", "bash", ("exec sleep 600",)))
    assert canceled.cancel()
    (ended,) = session.wait(ended.id + 1, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED
