"""The start of agents whose own tools can be turned off."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from backburner.ui.partner.agent_set_up import (
    agent_command,
    agent_environment,
    make_files,
    work_folder,
)
from backburner.ui.partner.known_agents import known_agent
from backburner.ui.program.config import PartnerTable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("opencode acp", "opencode"),
        ("/opt/bin/gemini --acp", "gemini"),
        ("npx -y @google/gemini-cli@0.61.0 --acp", "gemini"),
        ("npx @agentclientprotocol/claude-agent-acp", "claude-agent-acp"),
        ("npx @zed-industries/claude-code-acp@latest", "claude-agent-acp"),
        ("codex-acp", "codex-acp"),
        ("docker run gemini", ""),
        ("mine", ""),
    ],
)
def test_an_agent_is_known_by_its_program_or_its_package(
    command: str, program: str
) -> None:
    known = known_agent(command.split())
    assert (known.programs[0] if known else "") == program


def test_gemini_gets_a_policy_that_allows_only_our_tools(tmp_path: Path) -> None:
    table = PartnerTable(command=("gemini", "--acp"))
    settings = tmp_path / "home/.gemini/settings.json"
    make_files(table, tmp_path)
    first = settings.read_text()
    settings.write_text("{}")  # a change by the person
    make_files(table, tmp_path)
    assert json.loads(first)["privacy"] == {"usageStatisticsEnabled": False}
    assert settings.read_text() == "{}"
    command = agent_command(table, tmp_path)
    policy = tmp_path / command[command.index("--admin-policy") + 1]
    allowed, denied = tomllib.loads(policy.read_text())["rule"]
    assert "mcp_backburner_run" in allowed["toolName"]
    assert (denied["toolName"], denied["decision"]) == ("*", "deny")
    assert allowed["priority"] > denied["priority"]
    assert work_folder(tmp_path).is_dir()


def test_the_person_s_settings_stay_except_for_required_ones(tmp_path: Path) -> None:
    table = PartnerTable(command=("codex-acp",))
    given = {"model": "mine", "features": {"shell_tool": True, "other": True}}
    variables = {"CODEX_CONFIG": json.dumps(given), "CODEX_HOME": "/home/me/.codex"}
    environment = agent_environment(table, tmp_path, "", variables)
    config = json.loads(environment["CODEX_CONFIG"])
    assert config["model"] == "mine"
    assert config["features"]["other"] is True
    assert config["features"]["shell_tool"] is False
    assert "CODEX_HOME" not in environment
    mine = PartnerTable(command=("codex-acp",), own_home=True)
    environment = agent_environment(mine, tmp_path, "", variables)
    assert environment["CODEX_HOME"] == "/home/me/.codex"
    variables["CODEX_CONFIG"] = "not JSON"
    environment = agent_environment(table, tmp_path, "", variables)
    assert json.loads(environment["CODEX_CONFIG"])["web_search"] == "disabled"


def test_an_unknown_agent_is_started_as_configured(tmp_path: Path) -> None:
    table = PartnerTable(command=("mine", "--acp"))
    make_files(table, tmp_path)
    assert agent_command(table, tmp_path) == ["mine", "--acp"]
    assert not work_folder(tmp_path).exists()
