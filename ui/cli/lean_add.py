"""`backburner add` with few imports.

They load within milliseconds; a little longer if the session has no host. All other
cases are left to the full command line.
"""

from __future__ import annotations

import os
import sys

from ..program.folders import config_file
from .lean_client import connect, session_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_WITH_VALUE: Final = {"-w": "directory", "-l": "label", "--session": "session"} | {
    "--state-dir": "state",
    "--workdir": "directory",
    "--label": "label",
}
_FLAGS: Final = {"-p": "brief", "--print-id": "brief", "--json": "json"}


def try_add(arguments: list[str]) -> int | None:
    """Add a task for the arguments of `add`, through the session's host.

    Returns:
        The exit status; None if the full command line has to handle it: no host can be
        started, it does not answer as expected, or an option is unknown here.
    """
    options = _parse(arguments)
    if options is None or _may_have_to_confirm():
        return None
    try:
        folder = session_folder(options)
        directory = os.path.abspath(str(options.get("directory", os.getcwd())))  # noqa: PTH100, PTH109 - pathlib takes as long to load as all of this
        if folder is None or not os.path.isdir(directory):  # noqa: PTH112 - the same
            return None
        directory.encode()
        answer = _ask(folder, directory, options)
    except (OSError, ValueError):
        return None
    if answer is None:
        return None
    if answer["type"] != "TaskAdded":
        sys.stderr.write(f"backburner: {answer.get('text')}\n")
        return 2 if answer.get("code") == "invalid" else 1
    task = answer["task"]
    text = told = f"added #{task['id']}"
    if options.get("json"):
        import json  # noqa: PLC0415 - seldom needed

        text = json.dumps(task)
    elif options.get("brief"):
        text = str(task["id"])
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        error.add_note(told)
        raise
    return 0


def _may_have_to_confirm() -> bool:
    """Return whether the configuration may require confirmation of commands."""
    try:
        fd = os.open(config_file(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return b"confirm" in os.read(fd, 1 << 20)
    except OSError:
        return True
    finally:
        os.close(fd)


def command_line(words: list[str]) -> str:
    """Return the command line for the shell: a single word as it is, several quoted."""
    if len(words) == 1:
        return words[0]
    import shlex  # noqa: PLC0415 - most commands are one word

    return shlex.join(words)


def _parse(arguments: list[str]) -> dict[str, Any] | None:
    options: dict[str, Any] = {"environment": {}}
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word == "--":
            index += 1
            break
        if not word.startswith("-"):
            break
        if word in _FLAGS:
            options[_FLAGS[word]] = True
            index += 1
            continue
        if index + 1 >= len(arguments):
            return None
        value = arguments[index + 1]
        if word in {"-e", "--env"} and value.find("=") > 0:
            name, _, content = value.partition("=")
            options["environment"][name] = content
        elif word in _WITH_VALUE and value:
            options[_WITH_VALUE[word]] = value
        else:
            return None
        index += 2
    words = arguments[index:]
    if not words or not " ".join(words).strip():
        return None
    options["words"] = words
    return options


def _ask(folder: str, directory: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    try:
        client = connect(folder)
    except (FileNotFoundError, ConnectionRefusedError):
        from ..program.long_waits import telling  # noqa: PLC0415 - seldom needed
        from .lean_host import start_host  # noqa: PLC0415 - the same

        with telling(os.path.basename(folder), lambda: _waited_for(folder)):  # noqa: PTH119 - a text
            is_there = start_host(folder)
        client = connect(folder) if is_there else None
    if client is None:
        return None
    import binascii  # noqa: PLC0415 - built in

    environment = {**os.environ, **options["environment"]}
    packed = b"".join(
        os.fsencode(f"{it}={value}") + b"\0" for it, value in environment.items()
    )
    command = command_line(options["words"])
    label = options.get("label") or command.strip()
    try:
        hello = {
            "program": "backburner add",
            "directory": directory,
            "environment": binascii.b2a_base64(packed, newline=False).decode(),
        }
        request = {"description": label, "kind": "bash", "args": [command]}
        add = {"type": "AddTask", "request": request, "reply_to": 1}
        if not client.greet(hello, add):
            return None
        # The host has the request, so it must not be sent again.
        answer = client.answer()
    except TimeoutError:
        text = f"the session's host does not answer: {_waited_for(folder)}; it adds the"
        text += " task if it continues; see: backburner status"
        return {"type": "Refused", "text": text}
    finally:
        client.close()
    if answer is None:
        text = "the session's host died before it answered; see: backburner status"
        return {"type": "Refused", "text": text}
    return answer


def _waited_for(folder: str) -> str:
    from ...actors.host.waited_for import waited_for  # noqa: PLC0415 - seldom needed

    return waited_for(folder)
