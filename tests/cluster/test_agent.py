"""The agent of a node: its reports of a job, and its output buffer."""

from __future__ import annotations

import asyncio
import pickle
import uuid
from typing import TYPE_CHECKING

import pytest
from backburner.actors.cluster.agent import Agent
from backburner.actors.cluster.agent_messages import Piece, Spec
from conditions import until
from patience import PATIENCE

from tests.faults.program import running_as

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

LIMIT = 1 << 20


@pytest.fixture
def with_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Agent], Awaitable[None]]], None]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def run(steps: Callable[[Agent], Awaitable[None]]) -> None:
        async def whole() -> None:
            agent = Agent("agent-of-a-test")
            try:
                await asyncio.wait_for(steps(agent), PATIENCE)
            finally:
                await agent.close()

        asyncio.run(whole())

    return run


def spec(command: str, folder: Path) -> Spec:
    return Spec("job", ("bash", "-c", command), {}, str(folder), "mark")


def files_in(folder: Path) -> list[Path]:
    return [*folder.glob("backburner-agent-*/*")]


async def until_its_end(agent: Agent, piece: str | Piece) -> Piece:
    assert isinstance(piece, Piece)
    offset, data = len(piece.data), bytes(piece.data)
    while piece.end is None:
        piece = await agent.follow("job", offset, LIMIT)
        offset += len(piece.data)
        data += piece.data
    return Piece(data, end=piece.end)


def test_the_output_of_a_job_stays_until_its_end_was_reported(
    with_agent: Callable[[Callable[[Agent], Awaitable[None]]], None], tmp_path: Path
) -> None:
    async def steps(agent: Agent) -> None:
        first = await agent.start(spec("echo all; exit 3", tmp_path), LIMIT)
        ended = await until_its_end(agent, first)
        assert ended.data == b"all\n"
        assert ended.end is not None
        assert ended.end.outcome.exit_code == 3
        # An earlier engine process may have neither received the end nor written it.
        again = await agent.follow("job", 0, LIMIT)
        assert (again.data, again.end) == (b"all\n", ended.end)
        await agent.forget(["job"])
        forgotten = await agent.follow("job", 0, LIMIT)
        assert (forgotten.data, forgotten.end) == (b"", ended.end)
        assert files_in(tmp_path) == []

    with_agent(steps)


def test_a_forgotten_running_job_ends(
    with_agent: Callable[[Callable[[Agent], Awaitable[None]]], None], tmp_path: Path
) -> None:
    async def steps(agent: Agent) -> None:
        unique = f"600.{uuid.uuid4().int % 10**9:09}"
        await agent.start(spec(f"sleep {unique}", tmp_path), LIMIT)
        await agent.forget(["job"])
        await asyncio.to_thread(until, lambda: not running_as(unique))
        await asyncio.to_thread(until, lambda: not agent.jobs)

    with_agent(steps)


def test_a_start_does_not_wait_for_the_end_of_another_job(
    with_agent: Callable[[Callable[[Agent], Awaitable[None]]], None], tmp_path: Path
) -> None:
    async def steps(agent: Agent) -> None:
        first = await agent.start(spec("echo up; sleep 600", tmp_path), LIMIT)
        assert isinstance(first, Piece)
        assert first.end is None

    with_agent(steps)


def test_output_is_sent_without_a_copy() -> None:
    buffers: list[pickle.PickleBuffer] = []
    piece = Piece(b"x" * LIMIT, end=None)
    body = pickle.dumps(piece, 5, buffer_callback=buffers.append)
    assert len(body) < 1000
    assert len(buffers) == 1
    assert memoryview(buffers[0]) == piece.data
    assert pickle.loads(pickle.dumps(piece, 5)) == piece  # noqa: S301 - our own
