"""The start of an agent's program, isolated from the person's files."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ...actors.own_files import open_below, open_folder
from .known_agents import FOLDER, OPENCODE, known_agent
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


def program_of(table: PartnerTable) -> str:
    """Return the name of an agent's program."""
    return Path(table.command[0]).name


def agent_command(table: PartnerTable, folder: Path) -> list[str]:
    """Return the command that starts an agent, with its files below the folder."""
    known = known_agent(table.command)
    added = () if known is None else known.arguments
    return [*table.command, *(it.replace(FOLDER, str(folder)) for it in added)]


def make_files(table: PartnerTable, folder: Path) -> None:
    """Create the files for the start of an agent, in a private folder.

    Raises:
        OSError: If that fails.
    """
    known = known_agent(table.command)
    home = folder / "home"
    if not table.own_home:
        os.close(open_folder(home))
    if known is None:
        return
    if known.is_apart:
        os.close(open_folder(work_folder(folder)))
    for name, text in known.files.items():
        _write(folder / name, text)
    if not table.own_home:
        for name, text in known.first_settings.items():
            path = home / name
            if not path.exists():
                _write(path, text)


def work_folder(folder: Path) -> Path:
    """Return the working directory of an agent that works outside of projects."""
    return folder / "work"


def _write(path: Path, text: str) -> None:
    parent = open_folder(path.parent)
    try:
        flags = os.O_WRONLY | os.O_CREAT
        with os.fdopen(open_below(parent, path, flags), "w", encoding="utf-8") as file:
            file.truncate()
            file.write(text)
    finally:
        os.close(parent)


def agent_environment(
    table: PartnerTable, folder: Path, key: str, variables: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of an agent.

    Args:
        table: The configuration of the agent.
        folder: Contains its files, unless it uses the person's home.
        key: The API key of its model; empty for none.
        variables: The environment of this program.
    """
    given = dict(variables)
    known = known_agent(table.command)
    if not table.own_home:
        home = folder / "home"
        given["HOME"] = str(home)
        given |= {name: str(home / it) for name, it in _FOLDERS.items()}
        for name in ("XDG_RUNTIME_DIR", *(known.homes if known else ())):
            given.pop(name, None)
    if key:
        given[table.key_variable or _KEY] = key
    if known is not None:
        given |= known.variables
        for name, wanted in known.settings.items():
            given[name] = _merged(given.get(name, ""), wanted)
    if known is OPENCODE:
        # It opens a port that all users of this machine can reach.
        given["OPENCODE_SERVER_PASSWORD"] = secrets.token_hex(16)
        # Takes precedence over any configuration of a project.
        given["OPENCODE_CONFIG_CONTENT"] = json.dumps(_opencode(table, bool(key)))
    return given


def _merged(text: str, wanted: Json) -> str:
    """Return a JSON object, with required members added."""
    try:
        found: object = json.loads(text or "{}")
    except ValueError:
        found = None
    members = cast("Json", found) if isinstance(found, dict) else {}
    for name, value in wanted.items():
        there: object = members.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            value = {**cast("Json", there), **cast("Json", value)}  # noqa: PLW2901
        members[name] = value
    return json.dumps(members)


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
