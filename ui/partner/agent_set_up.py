"""How the program of an agent is started: shut off from what is the person's."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .messages import GENERAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..program.config import PartnerTable
    from .answer import Json

_KEY: Final = "BACKBURNER_PARTNER_KEY"
_FOLDERS: Final = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
}
_OPENCODE: Final = {
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
}


def program_of(table: PartnerTable) -> str:
    """Return what the program of an agent is called."""
    return Path(table.command[0]).name


def agent_environment(
    table: PartnerTable, folder: Path, key: str, variables: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of an agent.

    Args:
        table: Which agent.
        folder: What it keeps is below this one, unless it has the person's home.
        key: Of its model; empty for none.
        variables: Those of this program.
    """
    given = dict(variables)
    if not table.own_home:
        home = folder / "home"
        given["HOME"] = str(home)
        given |= {name: str(home / it) for name, it in _FOLDERS.items()}
        given.pop("XDG_RUNTIME_DIR", None)
    if key:
        given[table.key_variable or _KEY] = key
    if program_of(table) == "opencode":
        given |= _OPENCODE
        # It opens a port that everybody on this machine can reach.
        given["OPENCODE_SERVER_PASSWORD"] = secrets.token_hex(16)
        # The last word: no configuration of a project may say otherwise.
        given["OPENCODE_CONFIG_CONTENT"] = json.dumps(_opencode(table, bool(key)))
    return given


def _opencode(table: PartnerTable, has_key: bool) -> Json:  # noqa: FBT001 - two things
    may: Json = {"*": "deny", "backburner_*": "allow"}
    config: Json = {
        "autoupdate": False,
        "share": "disabled",
        "snapshot": False,
        "lsp": False,
        "formatter": False,
        "permission": may,
        "default_agent": "backburner",
        "agent": {
            "backburner": {"mode": "primary", "prompt": GENERAL, "permission": may},
            "build": {"disable": True},
            "plan": {"disable": True},
            "title": {"disable": True},
        },
    }
    if not table.url:
        return config | ({"model": table.model} if table.model else {})
    options: Json = {"baseURL": table.url}
    if has_key:
        options["apiKey"] = f"{{env:{table.key_variable or _KEY}}}"
    provider: Json = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "partner",
        "options": options,
        "models": {table.model: {"name": table.model}},
    }
    return config | {
        "enabled_providers": ["partner"],
        "provider": {"partner": provider},
        "model": f"partner/{table.model}",
        "small_model": f"partner/{table.model}",
    }
