"""Tasks survive the end of the server, its client or the host."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from conditions import until
from patience import PATIENCE
from process_ends import wait_ends
from programs import run_program

from tests.ui.agents.agent_client import Connect, modern_meta

if TYPE_CHECKING:
    from host_care import HostCare

    from tests.ui.agents.agent_client import AgentClient


def test_the_server_ends_at_end_of_input_and_jobs_keep_running(
    agent: AgentClient, person: RemoteSystem
) -> None:
    agent.call("run", command="sleep 600", wait=0)
    waiting = agent.begin("wait", ids=[1], wait=45)
    agent.write(b'{"jsonrpc": "2.0", "id": 99, "meth')

    assert agent.close() == 0

    assert [
        it["id"] for it in agent.answer(waiting)["result"]["structuredContent"]["open"]
    ]
    assert [it.status for it in person.list()] == ["running"]


def test_the_last_request_is_carried_out_after_end_of_input(
    connect: Connect, person: RemoteSystem
) -> None:
    agent = connect()
    agent.initialize()
    agent.begin("run", command="sleep 600", wait=45)

    assert agent.close() == 0

    assert [it.args for it in person.list()] == [("sleep 600",)]


def test_sigterm_ends_only_the_server(agent: AgentClient, person: RemoteSystem) -> None:
    agent.call("run", command="sleep 600", wait=0)
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(PATIENCE) == -signal.SIGTERM
    assert [it.status for it in person.list()] == ["running"]


def test_a_client_that_kills_all_descendants_of_its_server_kills_no_job(
    connect: Connect, care: HostCare, person: RemoteSystem
) -> None:
    person.end()  # so that the server starts the host
    agent = connect()
    agent.initialize()
    agent.call("run", command="sleep 600", wait=0)
    server = psutil.Process(agent.process.pid)
    started = {it.pid: os.getsid(it.pid) for it in care.left()}
    family = [server, *server.children(recursive=True)]
    for it in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            it.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(agent.process.pid, signal.SIGKILL)
    wait_ends(family)

    assert len(started) > len(family)
    again = connect()
    again.initialize()
    assert [it["status"] for it in again.data("list")["tasks"]] == ["running"]


def _until_listed(agent: AgentClient, count: int) -> None:
    """Wait until there are so many tasks: calls are under way at once."""
    until(lambda: len(agent.data("list")["tasks"]) >= count)


def test_a_killed_host_is_replaced_and_no_task_is_lost(
    agent: AgentClient, care: HostCare
) -> None:
    agent.call("run", command="true", wait=45)
    running = agent.begin("run", {"progressToken": 1}, command="sleep 600", wait=45)
    _until_listed(agent, 2)
    (host,) = care.hosts()
    host.kill()

    listed = agent.data("list")["tasks"]
    assert [it["id"] for it in listed] == [1, 2]
    agent.call("cancel", ids=[2])
    result = agent.answer(running)["result"]  # the call has kept waiting
    assert result["structuredContent"]["task"]["id"] == 2
    assert result["structuredContent"]["task"]["status"] == "canceled"
    assert agent.data("run", command="true", wait=45)["task"]["id"] == 3


def test_a_task_that_left_the_history_while_its_host_was_gone_has_ended(
    connect: Connect, care: HostCare, state: Path, tmp_path: Path
) -> None:
    settings = HostSettings(directory=str(state / "main"), grace=PATIENCE)
    with RemoteSystem(settings) as person:
        _is_not_waited_for(connect(), care, person, tmp_path / "go")


def _is_not_waited_for(
    agent: AgentClient, care: HostCare, person: RemoteSystem, go: Path
) -> None:
    command = f"until [ -e {go} ]; do sleep 0.01; done"
    task = agent.call("run", modern_meta(), command=command, wait=0)
    running = agent.begin("run", command=f"trap '' TERM; {command}", wait=45)
    _until_listed(agent, 2)
    listed = agent.send(
        "subscriptions/listen",
        {"notifications": {"taskIds": [task["taskId"]]}, "_meta": modern_meta()},
    )
    both = agent.begin("wait", ids=[1, 2], wait=45)
    of_two = agent.begin("wait", ids=[1, 2], any=True, wait=45)
    canceling = agent.begin("cancel", ids=[2])
    agent.told("notifications/tasks")
    agent.data("show", id=1)
    (host,) = care.hosts()
    agent.process.send_signal(signal.SIGSTOP)
    host.kill()
    go.touch()
    person.wait(1, 2, timeout=PATIENCE)
    person.forget_finished()
    agent.process.send_signal(signal.SIGCONT)

    text = agent.answer(running)["result"]["content"][0]["text"]
    assert text.startswith("#2 has ended and is no longer in the history")
    for waiting in (both, of_two):
        found = agent.answer(waiting)["result"]["structuredContent"]
        assert (found["ended"], found["open"], found["gone"]) == ([], [], [1, 2])
    canceled = agent.answer(canceling)["result"]
    assert canceled["structuredContent"]["gone"] == [2]
    assert canceled["isError"] is False
    assert agent.answer(listed)["result"]["resultType"] == "complete"


def test_ending_a_session_answers_waiting_calls_and_the_next_call_restarts_it(
    agent: AgentClient, person: RemoteSystem
) -> None:
    agent.call("run", command="sleep 600", wait=0)
    waiting = agent.begin("wait", ids=[1], wait=45)
    agent.ask("ping")
    person.end("that is enough")

    result = agent.answer(waiting)["result"]
    ended = "structuredContent" in result  # its task ended first
    assert ended or "Call the tool again" in result["content"][0]["text"]
    assert agent.data("run", command="true", wait=45)["task"]["id"] == 2


def test_a_host_that_cannot_start_is_reported_in_one_line(
    connect: Connect, state: Path
) -> None:
    state.mkdir()
    (state / "main").write_text("not a folder")
    agent = connect()
    agent.initialize()
    text = agent.refusal("run", command="true")
    assert str(state / "main") in text
    assert "\n" not in text


def test_an_invalid_configuration_is_reported_in_one_line(
    connect: Connect, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[agents]\nsee_all = 3\n")
    agent = connect("--config", str(config))
    agent.initialize()
    assert "agents.see_all: expected true or false" in agent.refusal("list")
    params = {"taskId": "x", "_meta": modern_meta()}
    assert "agents.see_all" in agent.error("tasks/get", params)["message"]


@pytest.mark.parametrize("name", [b"gone", b"latin-1 \xe9"], ids=["gone", "latin"])
def test_a_server_in_a_directory_that_no_task_can_use_asks_for_another(
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: bytes,
) -> None:
    place = tmp_path / os.fsdecode(name)
    place.mkdir()
    monkeypatch.chdir(place)
    agent = connect(program=("-P", "-m", "backburner"))
    agent.initialize()
    agent.call("list")
    monkeypatch.chdir(tmp_path)
    if name == b"gone":
        place.rmdir()

    text = agent.refusal("run", command="true")

    assert text.endswith("give the absolute path of another directory")
    added = agent.data("run", command="pwd", directory=str(tmp_path), wait=45)
    assert added["untrusted_output"] == str(tmp_path)


def test_a_variable_that_is_not_unicode_is_named_if_it_can_not_be_passed_on(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLD_NAME", os.fsdecode(b"latin-1 \xe9"))
    agent = connect(program=("-P", "-m", "backburner"))
    agent.initialize()

    text = agent.refusal("run", command="true", environment={"A": "b"})

    assert text == "the environment variable 'OLD_NAME' is not valid UTF-8; unset it"
    assert agent.data("run", command="true", wait=45)["ended"]


def test_stray_output_does_not_reach_the_protocol_stream(agent: AgentClient) -> None:
    stdout = Path(f"/proc/{agent.process.pid}/fd/1").resolve()
    assert stdout == Path(f"/proc/{agent.process.pid}/fd/2").resolve()
    stdin = Path(f"/proc/{agent.process.pid}/fd/0").resolve()
    assert stdin == Path(os.devnull)


def test_a_client_that_reads_nothing_uses_little_memory(
    connect: Connect, state: Path
) -> None:
    del connect
    command = [sys.executable, "-m", "backburner", "mcp", "--state-dir", str(state)]
    request = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}\n'
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin is not None
        os.set_blocking(server.stdin.fileno(), False)
        sent, rest = 0, b""
        while sent < 20_000:
            rest = rest or request * 100
            try:
                rest = rest[os.write(server.stdin.fileno(), rest) :]
            except BlockingIOError:
                # The server has stopped reading because its output isn't read.
                if psutil.Process(server.pid).status() == psutil.STATUS_SLEEPING:
                    break
            sent += 100 * (not rest)
        memory = psutil.Process(server.pid).memory_info().rss
        server.kill()
    assert sent < 20_000
    assert memory < 60 << 20


def test_invalid_options_of_the_server_are_named(state: Path) -> None:
    for words, text in (
        (["--session", "a/b"], "bad session name 'a/b'; use up to 64 letters"),
        (["--speed"], "unrecognized arguments: --speed"),
    ):
        done = run_program(sys.executable, "-m", "backburner", "mcp", *words)
        assert done.returncode == 2
        assert text in done.stderr
        assert done.stdout == ""
    assert not state.exists()


def test_a_relative_state_directory_in_a_deleted_directory_is_refused(
    tmp_path: Path,
) -> None:
    command = 'mkdir d; cd d; rmdir ../d; exec "$0" -P -m backburner mcp --state-dir st'
    done = run_program("bash", "-c", command, sys.executable, cwd=tmp_path)
    assert done.returncode == 2
    assert "can't tell where st is" in done.stderr
    assert "use an absolute path" in done.stderr


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.agents)])
def test_no_task_is_lost_or_doubled_when_server_and_host_are_killed_at_any_moment(
    connect: Connect, care: HostCare, person: RemoteSystem, rounds: int
) -> None:
    chance = random.Random(int(os.environ["BACKBURNER_SEED"]))  # noqa: S311 - no secret
    promised: dict[int, str] = {}
    commands: set[str] = set()
    agent = connect()
    agent.initialize()
    for number in range(rounds):
        begun: dict[int, str] = {}
        for piece in range(3):
            command = f": round {number}, piece {piece}"
            commands.add(command)
            begun[agent.begin("run", command=command, wait=0)] = command
        victim = chance.choice(["server", "host", "both", "neither"])
        if victim in {"host", "both"}:
            for host in care.hosts():
                with contextlib.suppress(psutil.NoSuchProcess):
                    host.kill()
        if victim in {"server", "both"}:
            agent.process.kill()
            agent.process.wait(PATIENCE)
        for request, command in begun.items():
            try:
                answer = agent.answer(request)
            except TimeoutError:
                if victim in {"server", "both"}:
                    continue  # the call was not confirmed
                raise
            assert "result" in answer, answer
            data = answer["result"]["structuredContent"]
            promised[data["task"]["id"]] = command
        if victim in {"server", "both"}:
            agent = connect()
            agent.initialize()

    agent.call("wait", wait=45)
    listed = {it["id"]: it["command"] for it in agent.data("list", limit=200)["tasks"]}
    known = {it.id: it.args[0] for it in person.list()}
    assert {it: known[it] for it in promised} == promised
    assert len({*known.values()}) == len(known)
    assert {*known.values()} <= commands
    assert {**known, **listed} == known
