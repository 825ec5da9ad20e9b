"""Claude Code, Codex and Gemini CLI with a scripted model.

`make test-agents` makes their environments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from host_care import HostCare
from programs import run_program
from scripted_models import Asked, Reply, ScriptedModels, Use

from tests.ui.agents.peer_places import environment_of
from tests.ui.partner.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.agents

SERVER: Final = ("backburner", "--", "backburner", "mcp")
_KEPT: Final = ("BACKBURNER_PEERS", "LANG", "PATH", "TMPDIR")
_CODEX_MODEL: Final[dict[str, Any]] = {
    "model": "scripted",
    "model_provider": "scripted",
    "model_providers": {
        "scripted": {
            "name": "scripted",
            "env_key": "SCRIPTED_KEY",
            "wire_api": "responses",
        }
    },
}


@dataclass(frozen=True)
class Peer:
    """A third-party agent.

    Attributes:
        place: Where `make test-agents` has put it.
        program: Its program there.
        adapter: What speaks ACP for it, and its arguments.
        shell: Its tool that runs a command, and that tool's argument.
    """

    place: str
    program: str
    adapter: tuple[str, ...]
    shell: tuple[str, str]


CLAUDE: Final = Peer(
    "claude",
    "@anthropic-ai/claude-code-*/claude",
    (".bin/claude-agent-acp",),
    ("Bash", "command"),
)
CODEX: Final = Peer("codex", ".bin/codex", (".bin/codex-acp",), ("exec_command", "cmd"))
GEMINI: Final = Peer(
    "gemini",
    ".bin/gemini",
    (".bin/gemini", "--acp", "--model", "gemini-2.5-flash"),
    ("run_shell_command", "command"),
)


class Model:
    """Calls a tool of the agent, then our `run`, then says the result."""

    def __init__(self, own: Use | None, command: str) -> None:
        self._script = [it for it in (own,) if it is not None]
        self._command = command
        self._looked = self._ran = False

    def __call__(self, asked: Asked) -> Reply:
        if self._script:
            return self._script.pop()
        if self._ran:
            return f"It said: {asked.results[-1]}"
        if "ToolSearch" in asked.tools and not self._looked:
            # Claude Code shows a model the tools of servers only on request.
            self._looked = True
            return Use("ToolSearch", {"query": "select:mcp__backburner__run"})
        self._ran = True
        return Use(asked.tool("run"), {"command": self._command, "wait": 40})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty home, in an environment without user settings."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in {*os.environ} - {*_KEPT}:
        monkeypatch.delenv(name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with HostCare() as care:
        given = {"HOME": str(folder), "PATH": path, "TERM": "dumb", **care.environ}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield folder


def point_at(models: ScriptedModels, home: Path, patch: pytest.MonkeyPatch) -> None:
    """Make all agents use this model and no other service."""
    codex = json.loads(json.dumps(_CODEX_MODEL))
    codex["model_providers"]["scripted"]["base_url"] = f"{models.url}/v1"
    given = {
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": models.url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CODEX_CONFIG": json.dumps(codex),
        "GEMINI_API_KEY": "none",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GOOGLE_GEMINI_BASE_URL": models.url,
        "MODEL_PROVIDER": "scripted",
        "SCRIPTED_KEY": "none",
    }
    for name, value in given.items():
        patch.setenv(name, value)
    settings = home / ".gemini" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        json.dumps(
            {
                "general": {"enableAutoUpdate": False},
                "privacy": {"usageStatisticsEnabled": False},
                "security": {"auth": {"selectedType": "gemini-api-key"}},
            }
        )
    )


def program(peer: Peer, name: str) -> str:
    """Return the path of an agent's program; skip the test if it is missing."""
    return str(min((environment_of(peer.place) / "node_modules").glob(name)))


def say(*command: str) -> str:
    """Run a command; return what it prints."""
    done = run_program(*command, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("peer", [CLAUDE, CODEX, GEMINI], ids=lambda it: it.place)
@pytest.mark.usefixtures("home")
def test_an_agent_runs_no_tool_of_its_own_as_the_partner(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [program(peer, peer.adapter[0]), *peer.adapter[1:]]
    ran = tmp_path / "ran"
    shell, argument = peer.shell
    own = Use(shell, {argument: f"touch {ran}", "description": "x"})
    with ScriptedModels(Model(own, "echo by hand | rev")) as models:
        point_at(models, tmp_path / "main/partner/home", monkeypatch)
        stage = Stage(tmp_path / "main", command=command)
        try:
            partner = stage.open()
            stage.say(partner, "start it")
            assert ": echo by hand | rev\n" in stage.chat.question()
            stage.allow(1)
            answer = stage.chat.answer()
            while "It said" not in answer:
                answer = stage.chat.answer()
        finally:
            stage.close()
    assert "dnah yb" in answer
    assert not ran.exists()
    assert models.asked
    for asked in models.asked:
        assert shell not in asked.tools


def set_up(peer: Peer, path: str) -> Sequence[str]:
    """Set up the server by the guide; return the command that asks a model once."""
    match peer.place:
        case "claude":
            say(path, "mcp", "add", "--scope", "user", *SERVER)
            assert "Connected" in say(path, "mcp", "list")
            return (path, "-p", "--allowedTools", "mcp__backburner", "--", "start it")
        case "codex":
            say(path, "mcp", "add", *SERVER)
            assert "enabled" in say(path, "mcp", "list")
            provider = json.loads(os.environ["CODEX_CONFIG"])["model_providers"]
            pairs = ", ".join(
                f"{name}={json.dumps(value)}"
                for name, value in provider["scripted"].items()
            )
            approved = "mcp_servers.backburner.default_tools_approval_mode=approve"
            options = (
                "model=scripted",
                "model_provider=scripted",
                f"model_providers.scripted={{{pairs}}}",
                approved,
            )
            words = [word for it in options for word in ("-c", it)]
            return (path, "exec", "--skip-git-repo-check", *words, "start it")
        case _:
            words = [it for it in SERVER if it != "--"]
            say(path, "mcp", "add", "--scope", "user", *words)
            assert "Connected" in say(path, "mcp", "list")
            return (path, "-m", "gemini-2.5-flash", "--yolo", "-p", "start it")


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        (CLAUDE, "agent:claude-code"),
        (CODEX, "agent:codex-mcp-client"),
        (GEMINI, "agent:gemini-cli-mcp-client"),
    ],
    ids=lambda it: getattr(it, "place", ""),
)
def test_an_agent_set_up_by_the_guide_runs_a_task(
    peer: Peer, origin: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(peer, peer.program)
    monkeypatch.chdir(home)
    say("backburner", "host", "start")
    with ScriptedModels(Model(None, "echo by hand | rev")) as models:
        point_at(models, home, monkeypatch)
        output = say(*set_up(peer, path))
    assert "It said: " in output
    assert "dnah yb" in output
    state = home / ".local/state/backburner/main"
    with RemoteSystem(HostSettings(directory=str(state))) as person:
        task = person.get(1)
    assert (task.status, task.origin) == ("complete", origin)
