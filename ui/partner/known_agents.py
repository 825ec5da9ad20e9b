"""The agents whose own tools can be turned off, and how that is done for each.

What is set here was tried with each of them and a model that asks for its shell:
`make test-agents` does so with the versions that it names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ..agents.tools import TOOLS
from .answer import Json

FOLDER: Final = "{folder}"
"""Stands for the folder of the partner in arguments."""

_STARTERS: Final = {"bunx", "node", "npm", "npx", "pnpm", "pnpx", "yarn"}


class KnownAgent(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an agent from using tools of its own.

    Attributes:
        programs: What its program is called, or its package.
        arguments: Added to its command; `FOLDER` in them is replaced.
        variables: Added to its environment.
        settings: Variables of its environment that hold a JSON object. These members
            win over those that the person has given.
        homes: Variables that lead it to the person's settings; it does not get them if
            it has a home of its own.
        files: Written in the folder of the partner before each start.
        first_settings: Written below a home of its own where there is no such file.
        session: The `_meta` of a session that it is asked for.
        is_apart: Whether it works in a folder of its own, since it would do what the
            settings of a project say.
    """

    programs: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    settings: Mapping[str, Json] = {}
    homes: tuple[str, ...] = ()
    files: Mapping[str, str] = {}
    first_settings: Mapping[str, str] = {}
    session: Json = {}
    is_apart: bool = False


OPENCODE: Final = KnownAgent(
    programs=("opencode", "opencode-ai"),
    variables={
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_CLAUDE_CODE": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        "OPENCODE_DISABLE_EXTERNAL_SKILLS": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
        "OPENCODE_DISABLE_SHARE": "1",
        "OPENCODE_PURE": "1",
        # Else it installs what it does not need.
        "npm_config_offline": "true",
    },
)
"""Its own configuration is made of what `[partner]` says: see `agent_set_up`."""

_CLAUDE: Final = KnownAgent(
    programs=("claude-agent-acp", "claude-code-acp"),
    variables={
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    },
    homes=("CLAUDE_CONFIG_DIR",),
    session={
        "disableBuiltInTools": True,  # that of older ones
        "claudeCode": {
            "options": {
                "tools": [],
                "settingSources": [],
                "strictMcpConfig": True,
                "allowedTools": ["mcp__backburner"],
                "settings": {
                    "disableAllHooks": True,
                    # Else a model decides what is allowed.
                    "permissions": {"defaultMode": "default"},
                },
            }
        },
    },
)

_CODEX_FEATURES: Final = (
    "shell_tool",
    "unified_exec",
    "multi_agent",
    "view_image",
    "apps",
    "goals",
    "hooks",
    "image_generation",
    "browser_use",
    "computer_use",
    "plugins",
    "sleep_tool",
    "tool_suggest",
)
_CODEX_SETTINGS: Final[Mapping[str, str | bool]] = {
    "web_search": "disabled",
    "include_apply_patch_tool": False,
    "mcp_servers.backburner.default_tools_approval_mode": "approve",
}
_CODEX: Final = KnownAgent(
    programs=("codex-acp",),
    # There are two of this name: one takes arguments, the other a variable.
    arguments=tuple(
        word
        for name, value in (
            *((f"features.{it}", False) for it in _CODEX_FEATURES),
            ("web_search", "disabled"),
            ("include_apply_patch_tool", False),
            ("sandbox_mode", "read-only"),
            ("approval_policy", "on-request"),
        )
        for word in ("-c", f"{name}={json.dumps(value)}")
    ),
    variables={"INITIAL_AGENT_MODE": "read-only"},
    settings={
        "CODEX_CONFIG": {
            "features": dict.fromkeys(_CODEX_FEATURES, False),
            **_CODEX_SETTINGS,
        }
    },
    homes=("CODEX_HOME",),
    is_apart=True,
)

_GEMINI_POLICY: Final = "gemini-policy.toml"
_GEMINI: Final = KnownAgent(
    programs=("gemini", "gemini-cli"),
    arguments=(
        "--admin-policy",
        f"{FOLDER}/{_GEMINI_POLICY}",
        "--allowed-mcp-server-names",
        "backburner",
        "--extensions",
        "none",
    ),
    # It starts no MCP server in a folder that is not trusted.
    variables={"GEMINI_CLI_TRUST_WORKSPACE": "true"},
    homes=("GEMINI_CLI_HOME",),
    files={
        _GEMINI_POLICY: f"""\
[[rule]]
toolName = {json.dumps([f"mcp_backburner_{it}" for it in TOOLS])}
decision = "allow"
priority = 999

[[rule]]
toolName = "*"
decision = "deny"
priority = 100
"""
    },
    first_settings={
        ".gemini/settings.json": json.dumps(
            {
                "general": {"enableAutoUpdate": False},
                "privacy": {"usageStatisticsEnabled": False},
            }
        )
    },
    is_apart=True,
)

_KNOWN: Final = {
    name: it for it in (OPENCODE, _CLAUDE, _CODEX, _GEMINI) for name in it.programs
}


def known_agent(command: Sequence[str]) -> KnownAgent | None:
    """Return what is known of the agent that a command starts; None for nothing.

    Args:
        command: Program and arguments. That of a package may be started by another,
            as in `npx -y @google/gemini-cli@1 --acp`.
    """
    names = [word.rpartition("/")[2].partition("@")[0] for word in command]
    if names[0] not in _STARTERS:
        names = names[:1]
    return next((_KNOWN[it] for it in names if it in _KNOWN), None)
