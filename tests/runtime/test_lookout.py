"""A second look, a moment after an alert."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NoReturn

from backburner.actors import Promise
from backburner.actors.runtime.lookout import Lookout
from patience import PATIENCE

if TYPE_CHECKING:
    import pytest

NAME = "test-lookout"


def _threads() -> list[threading.Thread]:
    return [it for it in threading.enumerate() if it.name == NAME]


def _without_a_thread(monkeypatch: pytest.MonkeyPatch, looks: Promise[str]) -> Lookout:
    def refuse(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    def look() -> bool:
        looks.tell("looked")
        return False

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        lookout = Lookout(NAME, look)
        lookout.alert()
    assert not _threads()
    return lookout


def test_it_looks_until_that_is_enough() -> None:
    left, done = [True, True, False], Promise[str]()

    def look() -> bool:
        if len(left) == 1:
            done.tell("enough")
        return left.pop(0)

    lookout = Lookout(NAME, look)
    lookout.alert()
    assert done.get(PATIENCE) == "enough"
    lookout.close(PATIENCE)
    assert not left
    assert not _threads()


def test_a_thread_that_can_not_be_started_is_started_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = Promise[str]()
    lookout = _without_a_thread(monkeypatch, looks)
    lookout.alert()
    assert looks.get(PATIENCE) == "looked"
    lookout.close(PATIENCE)
    assert not _threads()


def test_after_the_end_no_thread_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    lookout = _without_a_thread(monkeypatch, Promise[str]())
    lookout.close(PATIENCE)
    lookout.alert()
    assert not _threads()


def test_after_a_look_that_fails_there_are_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks = Promise[str]()

    def look() -> bool:
        looks.tell("looked")
        raise ValueError("broken")

    lookout = Lookout(NAME, look)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            lookout.alert()
            assert looks.get(PATIENCE) == "looked"
    lookout.close(PATIENCE)
    assert "broken" in caplog.text
