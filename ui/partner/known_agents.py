"""The agents whose own tools can be disabled, and the settings for that.

The settings were tested with each agent and a model that requests its shell; `make
test-agents` repeats that with the versions that it names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ..agents.tools import TOOLS
from .answer import Json

FOLDER: Final = "{folder}"
"""Placeholder for the folder of the partner in arguments."""

_STARTERS: Final = {"bunx", "node", "npm", "npx", "pnpm", "pnpx", "yarn"}


class KnownAgent(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that keep an agent from using tools of its own.

    Attributes:
        programs: The names of its program or package.
        arguments: Added to its command; `FOLDER` in them is replaced.
        variables: Added to its environment.
        settings: Environment variables that hold a JSON object. These members override
            those given by the person.
        homes: Variables that point to the person's settings; removed if the agent has a
            home of its own.
        files: Written in the folder of the partner before each start.
        first_settings: Written below a home of its own, unless the file exists.
        session: The `_meta` of new sessions.
        is_apart: Whether it works in a folder of its own, because it would obey the
            settings of a project.
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
        # Otherwise it installs packages that it does not need.
        "npm_config_offline": "true",
    },
)
"""Its configuration is generated from `[partner]`: see `agent_set_up`."""

_CLAUDE: Final = KnownAgent(
    programs=("claude-agent-acp", "claude-code-acp"),
    variables={
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    },
    homes=("CLAUDE_CONFIG_DIR",),
    session={
        "disableBuiltInTools": True,  # the name in older versions
        "claudeCode": {
            "options": {
                "tools": [],
                "settingSources": [],
                "strictMcpConfig": True,
                "allowedTools": ["mcp__backburner"],
                "settings": {
                    "disableAllHooks": True,
                    # Otherwise a model decides about permissions.
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
    # There are two programs of this name: one takes arguments, the other a variable.
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
    """Return the settings for the agent of a command; None if it is unknown.

    Args:
        command: Program and arguments. A package may be started by another program, as
            in `npx -y @google/gemini-cli@1 --acp`.
    """
    names = [word.rpartition("/")[2].partition("@")[0] for word in command]
    if names[0] not in _STARTERS:
        names = names[:1]
    return next((_KNOWN[it] for it in names if it in _KNOWN), None)
