"""An agent that speaks ACP as the partner, on a real session."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest
import scripted_agent
from backburner.actors.processes import proc
from backburner.ui.dialogue.partner import (
    AllowCommands,
    PartnerDoes,
    PartnerFailed,
    PartnerSays,
    PartnerThought,
    StopAnswer,
)
from backburner.ui.partner.agent import AgentPatience
from conditions import until
from patience import PATIENCE

from tests.ui.partner.stage import MAIN, TOOLS_OF_ITS_OWN, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT: Final = (sys.executable, scripted_agent.__file__)


class AgentStage(Stage):
    """A stage with a scripted agent."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, command=AGENT)

    def notes(self, topic: str) -> list[Any]:
        """Return the agent's notes on a topic."""
        path = self.folder / "partner" / "home" / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [value for kind, value in map(json.loads, lines) if kind == topic]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[AgentStage]:
    stage = AgentStage(tmp_path / "main")
    yield stage
    stage.close()


def gone(pid: int) -> bool:
    """Return whether a process has ended, with all of its threads."""
    now = proc.stat(pid)
    return now is None or now.ended


def permission(title: str, kind: str, **more: object) -> str:
    """Return the parameters of an agent's permission request."""
    options = [{"optionId": it, "kind": f"{it}_once"} for it in ("reject", "allow")]
    call = {"title": title, "kind": kind, "toolCallId": "1"}
    return json.dumps({"toolCall": call, "options": options, **more})


def test_the_first_message_starts_the_agent_which_answers_in_pieces(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    assert not stage.notes("start")
    stage.say(partner, "long")
    assert stage.chat.answer().startswith("0 1 2 3 ")
    stage.chat.idle()
    stage.say(partner, "think and say this")
    assert stage.chat.wait(lambda it: isinstance(it, PartnerThought)).text == "hm"
    assert stage.chat.answer() == "and say this"
    assert len(stage.notes("start")) == 1


def test_each_conversation_has_its_own_session_that_continues_after_a_restart(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    for where, count in ((MAIN, "1"), ("other", "1"), (MAIN, "2")):
        stage.say(partner, "count", where)
        assert stage.chat.answer() == count
        stage.chat.idle()
    partner.stop()
    until(lambda: gone(stage.notes("start")[0]))
    again = stage.open()
    stage.say(again, "count")
    assert stage.chat.answer() == "3"


def test_an_agent_that_lost_the_conversation_says_so(stage: AgentStage) -> None:
    partner = stage.open(command=(*AGENT, "forgetful"))
    stage.say(partner, "count")
    assert stage.chat.answer() == "1"
    stage.chat.idle()
    partner.stop()
    again = stage.open(command=(*AGENT, "forgetful"))
    stage.say(again, "count")
    assert "has lost the earlier conversation" in stage.chat.failure()
    assert stage.chat.answer() == "1"


def test_the_question_shows_the_whole_command_which_runs_once_allowed(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    stage.say(partner, "run echo a; echo b >&2")
    question = stage.chat.question()
    assert ": echo a; echo b >&2\n" in question
    assert "/allow 1 --always" in question
    assert stage.system.get(1).status == "queued"
    stage.allow(1)
    answer = stage.chat.answer()
    assert "a\nb" in answer
    assert stage.system.get(1).origin == "partner:main"
    stage.chat.idle()
    stage.say(partner, "count")
    assert stage.chat.answer() == "2"  # the agent knew of the end and was not woken


def test_a_denied_command_does_not_run(stage: AgentStage, tmp_path: Path) -> None:
    partner = stage.open()
    stage.say(partner, f"run touch {tmp_path}/made")
    stage.chat.question()
    stage.system.cancel(1, reason="canceled by you")
    assert "canceled by you" in stage.chat.answer()
    assert not (tmp_path / "made").exists()


def test_a_permanently_allowed_command_needs_no_question(stage: AgentStage) -> None:
    partner = stage.open()
    partner.tell(AllowCommands(pattern="echo *"))
    stage.say(partner, "run echo one")
    assert "one" in stage.chat.answer()


def test_the_end_of_a_task_wakes_the_agent_once_in_its_conversation(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    partner.tell(AllowCommands(pattern="sleep *"))
    stage.say(partner, "start sleep 600", "other")
    assert "keeps running" in stage.chat.answer()
    stage.chat.idle()
    stage.system.cancel(1)
    says = stage.chat.wait(lambda it: isinstance(it, PartnerSays))
    assert (says.conversation, says.text) == ("other", "woken")
    stage.chat.idle()
    partner.stop()
    again = stage.open()
    stage.say(again, "count", "other")
    assert stage.chat.answer() == "3"
    assert len([it for it in stage.notes("prompt") if "#1" in it]) == 1


def test_an_agent_is_woken_for_tasks_that_ended_while_it_was_closed(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    partner.tell(AllowCommands(pattern="sleep *"))
    stage.say(partner, "start sleep 600", "other")
    stage.chat.idle()
    partner.stop()
    stage.system.cancel(1)
    stage.system.wait(1, timeout=PATIENCE)
    stage.open()
    says = stage.chat.wait(
        lambda it: isinstance(it, PartnerSays) and it.text == "woken"
    )
    assert says.conversation == "other"


def test_stop_ends_an_answer_at_once_and_late_text_is_not_shown(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    stage.say(partner, "hang")
    assert (
        stage.chat.wait(lambda it: isinstance(it, PartnerSays)).text == "I will never"
    )
    partner.tell(StopAnswer(MAIN))
    stage.chat.idle()
    stage.say(partner, "count")
    assert stage.chat.answer() == "2"
    assert len(stage.notes("start")) == 1


def test_an_agent_that_does_not_stop_is_restarted(stage: AgentStage) -> None:
    stage.patience = AgentPatience(stop=0.2)
    partner = stage.open()
    stage.say(partner, "stubborn")
    stage.chat.wait(
        lambda it: isinstance(it, PartnerDoes) and it.what == "waits for an answer"
    )
    partner.tell(StopAnswer(MAIN))
    stage.chat.idle()
    stage.say(partner, "count")
    assert stage.chat.answer() == "2"
    assert len(stage.notes("start")) == 2


def test_stop_drops_the_pending_question(stage: AgentStage) -> None:
    partner = stage.open()
    stage.say(partner, "run echo never")
    stage.chat.question()
    partner.tell(StopAnswer(MAIN))
    stage.chat.idle()
    stage.system.wait(1, timeout=PATIENCE)
    assert stage.system.get(1).status == "canceled"


def test_a_message_sent_during_an_answer_is_answered_next(stage: AgentStage) -> None:
    partner = stage.open()
    stage.say(partner, "run echo a")
    stage.chat.question()
    stage.say(partner, "count")
    stage.allow(1)
    assert "a" in stage.chat.answer()
    assert stage.chat.answer() == "2"


def test_an_agent_that_crashes_is_restarted_and_receives_everything_once(
    stage: AgentStage,
) -> None:
    partner = stage.open()
    stage.say(partner, "crash once")
    assert "killed by SIGKILL); it is started again" in stage.chat.failure()
    # The agent had the message, so it was only asked to continue.
    assert stage.chat.answer() == "goes on"
    prompts = stage.notes("prompt")
    assert len([it for it in prompts if it == "crash once"]) == 1


def test_an_agent_that_keeps_crashing_is_given_up_until_the_next_message(
    stage: AgentStage,
) -> None:
    partner = stage.open(command=(*AGENT, "forgetful"))
    stage.say(partner, "crash")
    failures = [stage.chat.failure() for _ in range(5)]
    assert failures[-1].endswith("(killed by SIGKILL)")
    stage.chat.idle()
    assert len(stage.notes("start")) == 3


@pytest.mark.parametrize(
    ("manner", "text"),
    [
        ("mute", "does not answer initialize"),
        ("newer", "speaks version 2 of ACP, and backburner version 1"),
        ("texted", "speaks version '1' of ACP, and backburner version 1"),
        ("broken", "ended (exit status 1): no model is configured"),
        ("chatty", "prints lines that are not ACP messages, such as 'Welcome!'"),
        ("locked", "wants you to log in first (no login); do that with HOME="),
    ],
)
def test_a_faulty_agent_is_reported_in_one_line(
    stage: AgentStage, manner: str, text: str
) -> None:
    stage.patience = AgentPatience(start=1.0 if manner == "mute" else PATIENCE)
    partner = stage.open(command=(*AGENT, manner))
    stage.say(partner, "hi")
    failure = stage.chat.failure()
    assert text in failure
    assert "\n" not in failure
    stage.chat.idle()
    if manner != "locked":
        until(lambda: all(map(gone, stage.notes("start"))))


def test_a_missing_program_is_reported_in_one_line(stage: AgentStage) -> None:
    partner = stage.open(command=("/no/such/agent",))
    stage.say(partner, "hi")
    assert "can't start agent: No such file" in stage.chat.failure()


@pytest.mark.parametrize(
    ("ask", "text", "answer"),
    [
        ("fs/read_text_file", "asked for fs/read_text_file, which is not", "-32601"),
        ("terminal/create", "asked for terminal/create, which is not", "-32601"),
        (
            f"session/request_permission {permission('rm backburner_run', 'execute')}",
            "wanted to use rm backburner_run of its own",
            '"optionId": "reject"',
        ),
    ],
)
def test_an_unsupported_request_is_refused_and_reported(
    stage: AgentStage, ask: str, text: str, answer: str
) -> None:
    partner = stage.open()
    stage.say(partner, f"ask {ask}")
    assert text in stage.chat.failure()
    assert answer in stage.chat.answer()


@pytest.mark.parametrize("title", ["backburner_run", "mcp__backburner__run"])
def test_our_tools_are_allowed_because_they_ask_themselves(
    stage: AgentStage, title: str
) -> None:
    partner = stage.open()
    stage.say(partner, f"ask session/request_permission {permission(title, 'other')}")
    assert '"optionId": "allow"' in stage.chat.answer()


def test_an_approval_is_given_only_after_a_call_of_our_tool(stage: AgentStage) -> None:
    partner = stage.open()
    approval = {"is_mcp_tool_approval": True}
    ask = permission("Approve it", "execute", _meta=approval)
    stage.say(partner, f"ask session/request_permission {ask}")
    assert '"optionId": "reject"' in stage.chat.answer()
    stage.say(partner, "run echo a")
    stage.chat.question()
    stage.allow(1)
    assert "a" in stage.chat.answer()
    stage.say(partner, f"ask session/request_permission {ask}")
    assert '"optionId": "allow"' in stage.chat.answer()
    ask = permission("Approve it", "execute")
    stage.say(partner, f"ask session/request_permission {ask}")
    assert '"optionId": "reject"' in stage.chat.answer()


def test_the_person_is_warned_once_about_the_tools_of_an_unknown_agent(
    stage: AgentStage,
) -> None:
    partner = stage.open(command=(*AGENT, "toolless"))
    stage.say(partner, "hi")
    failure = stage.chat.wait(lambda it: isinstance(it, PartnerFailed))
    assert TOOLS_OF_ITS_OWN in failure.text
    assert "refused only where it asks" in failure.text
    stage.chat.idle()
    stage.say(partner, "crash once")
    assert "started again" in stage.chat.wait(is_failure).text
    assert stage.chat.answer()


def is_failure(message: object) -> bool:
    """Return whether a message is a failure shown to the person."""
    return isinstance(message, PartnerFailed) and "MCP server" not in message.text


def test_an_empty_answer_is_reported(stage: AgentStage) -> None:
    partner = stage.open()
    stage.say(partner, "nothing")
    assert stage.chat.failure() == "the agent gave an empty answer"
    stage.chat.idle()
    # After the use of tools an empty answer is allowed.
    stage.say(partner, "nothing after a tool")
    ended = stage.chat.wait(
        lambda it: (
            isinstance(it, PartnerFailed)
            or (isinstance(it, PartnerDoes) and not it.what)
        )
    )
    assert isinstance(ended, PartnerDoes)


def test_stray_output_is_reported_and_does_no_harm(stage: AgentStage) -> None:
    partner = stage.open()
    stage.say(partner, "print Loading...")
    assert "printed 'Loading...', which is not a message" in stage.chat.failure()
    assert stage.chat.answer() == "Loading..."


def test_half_of_a_character_does_no_harm(stage: AgentStage) -> None:
    partner = stage.open()
    stage.say(partner, "half")
    assert stage.chat.answer() == "half of an emoji: ?"


@pytest.mark.parametrize("name", [b"gone", b"latin-1 \xe9"], ids=["gone", "latin"])
def test_a_chat_in_a_directory_that_no_task_can_use_has_a_partner(
    stage: AgentStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    partner = stage.open()
    place = tmp_path / os.fsdecode(name)
    place.mkdir()
    monkeypatch.chdir(place)
    if name == b"gone":
        place.rmdir()
    stage.say(partner, "count")
    assert stage.chat.answer() == "1"


@pytest.mark.parametrize(
    ("behavior", "text"),
    [("flood", "longer than 8 MB; stopped"), ("spam", "sends too much")],
)
def test_an_agent_that_floods_is_stopped(
    stage: AgentStage, behavior: str, text: str
) -> None:
    stage.patience = AgentPatience(stop=0.2)
    partner = stage.open()
    stage.say(partner, behavior)
    assert text in stage.chat.failure()
    stage.chat.idle()
    stage.say(partner, "count")
    assert stage.chat.answer()


def test_an_agent_that_does_not_start_our_server_is_reported_once(
    stage: AgentStage,
) -> None:
    partner = stage.open(command=(*AGENT, "toolless"))
    stage.say(partner, "hi")
    assert "did not start the MCP server" in stage.chat.failure()


def test_a_killed_server_is_restarted_with_the_next_message(stage: AgentStage) -> None:
    partner = stage.open()
    partner.tell(AllowCommands(pattern="echo *"))
    stage.say(partner, "hi")
    stage.chat.idle()
    server = stage.notes("server")[0]
    psutil.Process(server).kill()
    until(lambda: gone(server))
    stage.say(partner, "run echo works")
    assert "works" in stage.chat.answer()


def test_the_agent_ends_with_all_processes_that_it_started(stage: AgentStage) -> None:
    partner = stage.open()
    stage.say(partner, "child")
    stage.chat.idle()
    partner.stop()
    pids = [*stage.notes("start"), *stage.notes("child"), *stage.notes("server")]
    assert len(pids) == 3
    until(lambda: all(map(gone, pids)))


def test_the_agent_has_its_own_home_and_key(stage: AgentStage) -> None:
    partner = stage.open(key_command=("echo", "s3cret"), key_variable="MODEL_KEY")
    partner.tell(AllowCommands(pattern="printenv"))
    stage.say(partner, "run printenv")
    # A task has the variables of the person but not the key of the agent.
    answer = stage.chat.answer()
    assert f"\nHOME={os.environ['HOME']}\n" in answer
    assert "s3cret" not in answer
    agent = psutil.Process(stage.notes("start")[0]).environ()
    assert agent["MODEL_KEY"] == "s3cret"
    assert Path(agent["HOME"]).stat().st_mode & 0o777 == 0o700
    files = [it for it in stage.folder.rglob("*") if it.is_file()]
    assert not any(b"s3cret" in it.read_bytes() for it in files)
