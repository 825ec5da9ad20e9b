from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
from backburner.actors import Promise
from backburner.actors.threads import ReusedThreads

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def threads() -> Iterator[ReusedThreads]:
    threads = ReusedThreads("test")
    yield threads
    threads.close()


def _names() -> set[str]:
    return {it.name for it in threading.enumerate() if it.name.startswith("test-")}


def _run(threads: ReusedThreads) -> str:
    """Make a call, and return the name of the thread that it was made on."""
    told: Promise[str] = Promise()
    threads.run(lambda: told.tell(threading.current_thread().name))
    return told.get(5)


class _Free:
    """Tells when a thread that was used has come back."""

    def __init__(self, threads: ReusedThreads, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: Promise[None] = Promise()
        add = threads.add

        def tell(worker: object) -> None:
            add(worker)  # type: ignore[arg-type]
            self.told.tell(None)

        monkeypatch.setattr(threads, "add", tell)


def test_a_thread_that_has_become_free_is_used_again(
    threads: ReusedThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = _Free(threads, monkeypatch)
    names: set[str] = set()
    for _ in range(20):
        names.add(_run(threads))
        free.told.get(5)
    assert names == {"test-1"}


def test_calls_that_last_have_a_thread_each(threads: ReusedThreads) -> None:
    together = threading.Barrier(8)
    done: Promise[None] = Promise()

    def call() -> None:
        together.wait(5)
        done.tell(None)

    for _ in range(8):
        threads.run(call)
    for _ in range(8):
        done.get(5)


def test_a_free_thread_ends_after_a_while(threads: ReusedThreads, until: Until) -> None:
    _run(threads)
    until(lambda: not _names())
    assert _run(threads) == "test-2"


def test_all_threads_end_when_they_are_closed(
    threads: ReusedThreads, until: Until
) -> None:
    held = threading.Event()

    def wait() -> None:
        held.wait(5)

    threads.run(wait)
    _run(threads)
    threads.close()
    until(lambda: len(_names()) == 1)
    held.set()
    until(lambda: not _names())


def test_a_call_that_fails_harms_no_other(
    threads: ReusedThreads, caplog: pytest.LogCaptureFixture, until: Until
) -> None:
    def fail() -> None:
        raise SystemExit("told to")

    with caplog.at_level(logging.ERROR):
        threads.run(fail)
        until(lambda: "told to" in caplog.text)
        _run(threads)


def test_what_was_called_can_go(threads: ReusedThreads, until: Until) -> None:
    class Actor:
        def loop(self) -> None:
            """Return at once."""

    actor = Actor()
    gone = weakref.ref(actor)
    threads.run(actor.loop)
    del actor
    until(lambda: gc.collect() >= 0 and gone() is None)


def test_calls_and_ends_of_threads_cross_without_loss(
    threads: ReusedThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backburner.actors.threads.KEPT", 0.0)
    done: Promise[int] = Promise()
    for number in range(2000):
        threads.run(lambda number=number: done.tell(number))
    assert sorted(done.get(5) for _ in range(2000)) == list(range(2000))
