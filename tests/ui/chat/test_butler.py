"""The example partner, on a real task system."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Promise, TaskStatus, TaskSystem
from backburner.ui.dialogue.partner import PartnerMessage, PartnerSays, Spoken
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "butler.py"


class Talk:
    """Talks to the butler as the chat does."""

    def __init__(self, system: TaskSystem, tell: Callable[[Spoken], None]) -> None:
        self.system = system
        self._tell = tell
        self._answers: Promise[PartnerMessage] = Promise()

    def say(self, text: str) -> None:
        self._tell(Spoken("work", text, self._answers))

    def next(self) -> PartnerMessage:
        return self._answers.get(PATIENCE)

    def hear(self) -> str:
        """Return the next complete answer."""
        pieces: list[str] = []
        while True:
            message = self.next()
            assert isinstance(message, PartnerSays)
            assert message.conversation == "work"
            pieces.append(message.text)
            if message.done:
                return "".join(pieces)


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    spec = importlib.util.spec_from_file_location("butler", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    butler = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(butler)
    jobs = {"the tests": "exit 0", "a nap": "sleep 600", "a mess": "exit 3"}
    monkeypatch.setattr(butler, "JOBS", jobs)
    with TaskSystem(grace=0.5) as system:
        actor = butler.start_butler(system)
        yield Talk(system, actor.tell)
        actor.stop()


def test_the_butler_runs_a_job_and_claims_its_news(talk: Talk) -> None:
    talk.say("Run the tests.")
    assert talk.hear() == "Very well. That is #1."
    (task,) = talk.system.wait(1, timeout=PATIENCE)
    assert task.status is TaskStatus.COMPLETE
    assert task.origin == "work"  # the conversation for its news


def test_the_butler_runs_a_job_after_another(talk: Talk, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    command = f"until [ -e {go_on} ]; do sleep 0.01; done"
    nap = talk.system.add("Nap", "bash", command)
    talk.say(f"run the tests when {nap.id} is done")
    assert talk.hear() == "I shall run the tests when #1 is done."
    go_on.touch()
    assert talk.hear() == "Very well. That is #2."


def test_the_butler_runs_a_job_at_once_if_the_other_is_done(talk: Talk) -> None:
    talk.system.add("Quick", "bash", "true")
    talk.system.wait(1, timeout=PATIENCE)
    talk.say("run the tests after #1")
    assert talk.hear() == "Very well. That is #2."


def test_the_butler_does_not_run_a_job_if_the_other_failed(talk: Talk) -> None:
    talk.system.add("Mess", "bash", "exit 3")
    talk.system.wait(1, timeout=PATIENCE)
    talk.say("run the tests when 1 is done")
    assert talk.hear() == "#1 ended as failed, so I did not run the tests."


def test_the_butler_lists_in_pieces_and_cancels(talk: Talk) -> None:
    talk.say("what is going on?")
    assert talk.hear() == "Nothing is running."
    talk.say("run a nap")
    talk.hear()
    talk.say("what's running?")
    assert talk.hear() == "Running are:\n#1 a nap"
    talk.say("cancel 1")
    assert talk.hear() == "I told #1 to stop."
    (task,) = talk.system.wait(1, timeout=PATIENCE)
    assert task.reason == "canceled by the butler"


def test_the_butler_says_what_it_cannot_do(talk: Talk) -> None:
    talk.say("make coffee")
    assert "I know: run JOB" in talk.hear()
    talk.say("run the bath")
    assert talk.hear() == "I can run the tests, a nap, a mess; not the bath."
    talk.say("cancel 9")
    assert talk.hear().startswith("I'm afraid not: no task 9")
