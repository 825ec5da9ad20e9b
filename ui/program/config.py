"""The settings of the chat, from a TOML file.

slots = 4
theme = "dark"

[notifications]
only_when_unfocused = false
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import msgspec

from ...actors.own_files import check_trusted, kind_of
from ...actors.rules.amounts import parse_memory
from ...actors.rules.nodes import ADDRESS
from ...actors.rules.resources import checked_resources
from ...actors.rules.safe_text import safe_line
from .folders import CONFIG, config_file, given_config

Theme = Literal["auto", "dark", "light"]

# Compiled on first use, to keep the start fast.
_PROBLEM: Final = r"(?s)(?P<reason>.*?)(?: - at `\$\.?(?P<key>.*)`)?"
_UNKNOWN: Final = r"(?s)Object contains unknown field `(.*)`"
_NO_CHOICE: Final = r"(?s)Invalid enum value '(.*)'"
_TYPES: Final = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`str`": "a text",
    "`object`": "a table",
    "`array`": "a list",
}


_LONGEST: Final = 1 << 20
_NO_CONTENT: Final = {stat.S_IFDIR, stat.S_IFSOCK, stat.S_IFBLK}
"""File types that can't be read as text; a pipe and `/dev/null` can."""


class ConfigError(Exception):
    """A configuration can't be used; the text names file, key and reason.

    The text is safe to show.
    """

    def __init__(self, text: str) -> None:
        super().__init__(safe_line(text))


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all tables of settings; an unknown key is an error."""


class Notifications(Settings, frozen=True):
    """Notifications of ended tasks.

    Attributes:
        bell: Whether to ring the terminal's bell.
        desktop: Whether to show a desktop notification, if the terminal supports it.
        only_when_unfocused: Whether to do neither while the window has the focus.
        each: Whether to notify of each task that ends.
        all_done: Whether to notify once when the last of several tasks has ended and
            none is left; in the chat this replaces the notification of that task.
        command: A command line for `sh` that is run for each notification while no chat
            is open on the session; empty for none.
        ntfy: The URL of an ntfy topic that receives the same notifications; empty for
            none.
    """

    bell: bool = True
    desktop: bool = True
    only_when_unfocused: bool = True
    each: bool = True
    all_done: bool = True
    command: str = ""
    ntfy: Annotated[str, msgspec.Meta(pattern=r"\A(https?://.+)?\Z")] = ""


class HostTable(Settings, frozen=True):
    """The host: the process in which a session runs.

    Attributes:
        enabled: Whether a chat runs its session in a host, which keeps running when you
            leave.
        linger: Seconds after which an idle host without clients ends; 0 for never.
    """

    enabled: bool = True
    linger: Annotated[float, msgspec.Meta(ge=0, le=31_536_000)] = 60.0


class AgentsTable(Settings, frozen=True):
    """Permissions of agents that use a session by `backburner mcp`.

    Attributes:
        see_all: Whether agents see all tasks, not only their own.
        end_all: Whether agents may cancel all tasks that they see, not only their own.
        deny: Shell patterns for whole commands that agents may not run:
            `["git push*", "sudo *"]`. A guard against mistakes: a command can be
            written in a way that no pattern matches.
        ask: Patterns of the same kind for commands that you allow in the chat before
            they run; `["*"]` for all. They are refused while no chat is open.
    """

    see_all: bool = False
    end_all: bool = False
    deny: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


class PartnerTable(Settings, frozen=True):
    """The chat's partner, which answers your messages: a language model or an agent.

    Attributes:
        url: The base URL of an endpoint with the OpenAI chat completions API:
            `"http://localhost:11434/v1"`. Empty for none.
        model: The name of the model there.
        command: Instead of an endpoint, the command of an agent for the Agent
            Client Protocol (ACP), as a list: `["opencode", "acp"]`.
        own_home: Whether the agent uses your home directory, with its logins and
            settings there. By default it has its own home in the session's folder.
        key_command: A command that prints the key of the endpoint, as a list:
            `["pass", "show", "model-key"]`.
        key_variable: The environment variable that holds the key, if no command prints
            it. An agent gets the key in this variable.
        name: The partner's name in the chat.
        rounds: Maximum number of requests to the model in a turn, each with the results
            of the tools that it called.
    """

    url: str = ""
    model: str = ""
    command: tuple[str, ...] = ()
    own_home: bool = False
    key_command: tuple[str, ...] = ()
    key_variable: str = ""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=20)] = "assistant"
    rounds: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 30

    def problem(self) -> str | None:
        """Return which settings contradict each other; None if none do."""
        if self.url and not self.url.startswith(("http://", "https://")):
            return (
                "partner.url: expected an address that begins with http:// or https://"
            )
        if self.url and not self.model:
            return "partner.model: missing; give the name of the model at partner.url"
        if self.command and not self.command[0]:
            return 'partner.command: expected a program, such as ["opencode", "acp"]'
        if self.name == "you" or self.name != safe_line(self.name).strip():
            return "partner.name: expected a name that is not yours, such as assistant"
        return None


class ClusterTable(Settings, frozen=True):
    """The Ray cluster on which tasks run with `--engine ray`.

    Attributes:
        address: `HOST:PORT` of its head, or `auto` for the cluster that this machine
            belongs to, or that `RAY_ADDRESS` names.
        python: The absolute path of a Python that has Ray; by default the one that runs
            this program.
        environment: Names of environment variables that are passed to the cluster,
            besides `LANG`, `LC_*`, `TZ`, `PYTHONUNBUFFERED` and `BACKBURNER_*`.
        slots: Maximum number of tasks that are submitted to the cluster, including
            those that wait for capacity there.
        ship_limit: Maximum size of a directory that is copied with a task (`--ship`):
            `"1G"`.
        lease: Seconds that jobs continue on the cluster without the host of their
            session.
        leave_out: Patterns of names and paths that `--ship` doesn't copy: `["data",
            "*.ckpt"]`, besides files that git ignores, and `.git`.
    """

    address: Annotated[str, msgspec.Meta(pattern=ADDRESS)] = "auto"
    python: Annotated[str, msgspec.Meta(pattern=r"\A(/.*)?\Z")] = ""
    environment: tuple[str, ...] = ()
    slots: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1000
    ship_limit: str = "100M"
    lease: Annotated[float, msgspec.Meta(ge=10, le=86_400)] = 60
    leave_out: tuple[str, ...] = ()

    def problem(self) -> str | None:
        """Return which settings are invalid; None if none are."""
        try:
            parse_memory(self.ship_limit)
        except ValueError as error:
            return f"cluster.ship_limit: {error}"
        return None


class Config(Settings, frozen=True):
    """All settings.

    Attributes:
        slots: Maximum number of tasks that run at a time.
        grace: The grace period: seconds between SIGTERM and SIGKILL.
        history: Maximum number of finished tasks that are kept.
        output_limit: Bytes of output; a task that exceeds them fails.
        session_output_limit: Bytes of output of all tasks of a session together; if
            they exceed it, the oldest finished tasks are forgotten.
        theme: `dark`, `light`, or `auto`, by the background of the terminal.
        mouse: Whether the chat uses wheel and clicks; if not, the terminal selects
            text.
        ascii: Whether to draw with ASCII only, even in a UTF-8 locale.
        pause_on_failure: Whether a group starts no more tasks when one of them fails,
            until `/resume --group NAME`; `/group NAME --pause-on-failure on` sets it
            for one group.
        resources: Names and amounts of resources that tasks reserve with `--need`:
            `gpu = 2`, `memory = "16G"`.
        confirm: Shell patterns for whole commands that a person confirms before they
            are added: `["rm -rf*", "*--force*"]`. `--yes` confirms them; without a
            person they are refused. A guard against mistakes.
        template: Templates: commands with a name and options, a table for each, such
            as `[template.test]`; see docs/templates.md.
        notifications: Notifications of ended tasks.
        host: The process in which a session runs.
        agents: Permissions of agents that use a session by `backburner mcp`.
        partner: The chat's partner, which answers your messages.
        cluster: The Ray cluster on which tasks run with `--engine ray`.
    """

    slots: Annotated[int, msgspec.Meta(ge=1)] = 8
    grace: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 5.0
    history: Annotated[int, msgspec.Meta(ge=0)] = 1000
    output_limit: Annotated[int, msgspec.Meta(ge=1)] = 1 << 30
    session_output_limit: Annotated[int, msgspec.Meta(ge=1)] = 10 << 30
    theme: Theme = "auto"
    mouse: bool = True
    ascii: bool = False
    resources: dict[str, float | str] = {}
    confirm: tuple[str, ...] = ()
    template: dict[str, dict[str, object]] = {}
    pause_on_failure: bool = False
    notifications: Notifications = Notifications()
    host: HostTable = HostTable()
    agents: AgentsTable = AgentsTable()
    partner: PartnerTable = PartnerTable()
    cluster: ClusterTable = ClusterTable()


def agents_rules(config: Config) -> AgentsTable:
    """Return the rules for agents, who must ask for commands that people confirm."""
    agents = config.agents
    return msgspec.structs.replace(agents, ask=(*agents.ask, *config.confirm))


def default_path() -> Path:
    """Return the default path of the configuration."""
    return Path(config_file())


def use_in_jobs(path: Path | None) -> None:
    """Make jobs of this program use the same configuration.

    Args:
        path: The file; None for the default one.
    """
    if path is not None:
        os.environ[CONFIG] = str(path.absolute())


def load(path: Path | None = None) -> Config:
    """Read the configuration.

    Args:
        path: The file, which must exist; None for `default_path`, which need not exist,
            unless it was passed on by the program that added this job.

    Raises:
        ConfigError: If it can't be read, or has an invalid setting.
    """
    file = default_path() if path is None else path
    text = read_text(file)
    if text is None:
        if path is None and not given_config():
            return Config()
        raise ConfigError(f"can't read {file}: {os.strerror(errno.ENOENT)}")
    try:
        config = msgspec.convert(read_toml(file, text), Config)
        checked_resources(config.resources)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {_explained(str(error))}") from error
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from error
    if (problem := config.partner.problem() or config.cluster.problem()) is not None:
        raise ConfigError(f"{file}: {problem}")
    return config


def read_text(file: Path) -> str | None:
    """Read a file of settings that only this user and root may write; may block.

    Returns:
        Its text; None if there is no such file.

    Raises:
        ConfigError: If it can't be read.
    """
    try:
        return _read(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"can't read {file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"can't read {file}: {error}") from error


def read_toml(file: Path, text: str) -> dict[str, object]:
    """Parse the text of a file.

    Raises:
        ConfigError: If it is not valid TOML.
    """
    import tomllib  # noqa: PLC0415 - most have no configuration

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: nested too deeply") from error


def _read(file: Path) -> str:
    fd = _open_at_once(file)
    try:
        # It may name a command that the host of a session runs.
        check_trusted(os.fstat(fd), file)
        is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
        data = b""
        # Read at most one byte more than allowed: a device may never end.
        while len(data) <= _LONGEST and (part := os.read(fd, _LONGEST)):
            data += part
    finally:
        os.close(fd)
    if is_pipe and not data:
        raise ConfigError(f"{file} is a pipe without a writer")
    if len(data) > _LONGEST:
        raise ConfigError(f"{file}: longer than {_LONGEST >> 20} MiB; shorten it")
    try:
        # Some editors start a file with a byte order mark.
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not valid UTF-8: save it as UTF-8") from error


def _open_at_once(file: Path) -> int:
    found = file.stat()
    if stat.S_IFMT(found.st_mode) in _NO_CONTENT:
        what = kind_of(found)
        raise ConfigError(f"{file} is {what}, not a file; put a file in its place")
    # O_NONBLOCK, because opening a pipe would wait for a writer.
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    os.set_blocking(fd, True)
    return fd


def _explained(problem: str) -> str:
    """Translate an error of msgspec to the terms of the file."""
    match = re.fullmatch(_PROBLEM, problem)
    reason, key = (match["reason"], match["key"] or "") if match else (problem, "")
    if unknown := re.fullmatch(_UNKNOWN, reason):
        table: Settings = getattr(Config(), key, Config())
        known = ", ".join(table.__struct_fields__)
        name = f"{key}.{unknown[1]}" if key else unknown[1]
        return f"{name}: no such setting; there are: {known}"
    if choice := re.fullmatch(_NO_CHOICE, reason):
        reason = f"expected one of {', '.join(get_args(Theme))}, got {choice[1]!r}"
    for word, meaning in _TYPES.items():
        reason = reason.replace(word, meaning)
    return f"{key}: {reason[:1].lower()}{reason[1:]}"
