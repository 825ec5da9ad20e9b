"""Commands that the person must allow in the chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import HoldTask, MessageSaid
from patience import PATIENCE

from tests.host.clients import Heard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors.host.remote import RemoteSystem

    from tests.ui.agents.agent_client import AgentClient


@pytest.fixture
def asking(connect: Callable[..., AgentClient], tmp_path: Path) -> AgentClient:
    """Return an agent that needs permission for most commands."""
    config = tmp_path / "asking.toml"
    config.write_text('[agents]\nask = ["echo *", "rm *"]\n')
    agent = connect("--config", str(config))
    agent.initialize()
    return agent


@pytest.fixture
def chat(person: RemoteSystem) -> Heard:
    """Return the messages to a chat that is open on the session."""
    chat = Heard()
    person.subscribe(chat, shows=True)
    return chat


def test_a_command_runs_once_it_is_allowed_in_the_chat(
    asking: AgentClient, person: RemoteSystem, chat: Heard
) -> None:
    running = asking.begin("run", command="echo allowed", wait=45)
    message = chat.wait_for(MessageSaid).message
    assert (message.who, message.conversation) == ("agent:tester", "main")
    assert ": echo allowed\n" in message.text
    assert "/allow 1 runs it, /deny 1 refuses it" in message.text
    assert [it.status for it in person.list()] == ["queued"]

    person.queue.tell(HoldTask(1, held=False))

    data = asking.answer(running)["result"]["structuredContent"]
    assert data["untrusted_output"] == "allowed"


def test_a_call_without_a_wait_says_that_permission_is_pending(
    asking: AgentClient, person: RemoteSystem, chat: Heard
) -> None:
    text = asking.call("run", command="cd / && rm x", wait=0)["content"][0]["text"]
    assert "waits for the person" in text
    waiting = asking.begin("wait", ids=[1], wait=45)
    person.cancel(1, reason="canceled by you")
    (ended,) = asking.answer(waiting)["result"]["structuredContent"]["ended"]
    assert (ended["status"], ended["reason"]) == ("canceled", "canceled by you")
    assert chat.wait_for(MessageSaid)


def test_a_command_that_needs_no_permission_runs_without_a_question(
    asking: AgentClient, chat: Heard
) -> None:
    assert asking.data("run", command="printf x", wait=45)["ended"]
    assert not any(isinstance(it, MessageSaid) for it in chat.messages)


def test_without_an_open_chat_a_command_is_refused_with_advice(
    asking: AgentClient, person: RemoteSystem
) -> None:
    text = asking.refusal("run", command="echo x", wait=45)
    assert "no open chat can show" in text
    assert "'echo *'" in text
    assert "open the chat" in text
    assert not person.list()
    assert "too long" in asking.refusal("run", command=f"echo {'x' * 4000}")


def test_the_question_shows_the_exact_command(asking: AgentClient, chat: Heard) -> None:
    asking.call("run", command="rm \x1b[8m-rf /\x1b[0m\u202e x", wait=0)
    text = chat.wait_for(MessageSaid).message.text
    assert r"'rm \x1b[8m-rf /\x1b[0m\u202e x'" in text


def test_a_held_task_can_be_allowed_after_its_server_was_killed(
    asking: AgentClient, person: RemoteSystem, chat: Heard
) -> None:
    asking.begin("run", command="echo {id} 1", wait=45)
    text = chat.wait_for(MessageSaid).message.text
    asking.process.kill()
    (task,) = person.list()
    assert f"/allow {task.id} runs it" in text
    assert ": echo {id} 1\n" in text
    person.queue.tell(HoldTask(task.id, held=False))
    (ended,) = person.wait(task.id, timeout=PATIENCE)
    assert ended.status == "complete"
