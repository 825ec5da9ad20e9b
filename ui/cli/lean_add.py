"""`backburner add` on a host that is there, without loading what it does not need.

It speaks the protocol of docs/protocol.md by itself: what it imports is loaded within
milliseconds. Whatever is out of the ordinary is left to the whole command line.
"""

from __future__ import annotations

import _socket
import json
import os
import sys
from typing import Any, Final

PROTOCOL: Final = 1

_TIMEOUT: Final = 30.0
_LONGEST: Final = 107
_KIND: Final = 0o170000  # of a file, in its mode; `stat` has these too, and costs more
_SOCKET: Final = 0o140000
_WITH_VALUE: Final = {"-w": "directory", "-l": "label", "--session": "session"} | {
    "--state-dir": "state",
    "--workdir": "directory",
    "--label": "label",
}
_FLAGS: Final = {"-p": "brief", "--print-id": "brief", "--json": "json"}


def try_add(arguments: list[str]) -> int | None:
    """Add a task to the session's host.

    Args:
        arguments: Those after `add`.

    Returns:
        The exit status; None if the whole command line has to see to it: there is no
        host, it does not answer as expected, or an option is not known here.
    """
    options = _parse(arguments)
    if options is None:
        return None
    try:
        folder = _folder(options)
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
    if options.get("json"):
        text = json.dumps(task)
    elif options.get("brief"):
        text = str(task["id"])
    else:
        text = f"added #{task['id']}"
    sys.stdout.write(f"{text}\n")
    return 0


def command_line(words: list[str]) -> str:
    """Return what a shell is to run: one word is a command line, several are quoted."""
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
        elif word in _WITH_VALUE:
            options[_WITH_VALUE[word]] = value
        else:
            return None
        index += 2
    words = arguments[index:]
    if not words or not " ".join(words).strip():
        return None
    options["words"] = words
    return options


def _folder(options: dict[str, Any]) -> str | None:
    given = os.environ.get("BACKBURNER_SESSION", "")
    if "session" not in options and "state" not in options and "/" in given:
        return given
    name = str(options.get("session") or given or "main")
    if "/" in name or name in {".", ".."}:
        return None
    state = str(options.get("state", ""))
    if not state:
        base = os.environ.get("XDG_STATE_HOME", "") or os.path.expanduser(  # noqa: PTH111 - see above
            "~/.local/state"
        )
        state = f"{base}/backburner"
    return f"{state}/{name}"


def _ask(folder: str, directory: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    import binascii  # noqa: PLC0415 - built in

    environment = {**os.environ, **options["environment"]}
    packed = b"".join(
        os.fsencode(f"{it}={value}") + b"\0" for it, value in environment.items()
    )
    command = command_line(options["words"])
    label = options.get("label") or command.strip()
    sock = _connect(folder)
    if sock is None:
        return None
    try:
        hello = {
            "type": "Hello",
            "protocol": PROTOCOL,
            "program": "backburner add",
            "pid": os.getpid(),
            "directory": directory,
            "environment": binascii.b2a_base64(packed, newline=False).decode(),
        }
        request = {"description": label, "kind": "bash", "args": [command]}
        add = {"type": "AddTask", "request": request, "reply_to": 1}
        data = _frame(hello) + _frame(add)
        while data:
            data = data[sock.send(data) :]
        answer = _read(sock)
        if answer is None or answer["type"] != "Welcome":
            return None
        # From here on nobody else may add it once more.
        answer = _read(sock)
        if answer is None or answer["type"] != "Told":
            text = "the session's host died before it answered; see: backburner status"
            return {"type": "Refused", "text": text}
        return answer["message"]
    finally:
        sock.close()


def _connect(folder: str) -> Any:  # noqa: ANN401 - of a module without types
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.settimeout(_TIMEOUT)
    fd = -1
    path = f"{folder}/host.sock"
    if len(os.fsencode(path)) > _LONGEST:
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        path = f"/proc/self/fd/{fd}/host.sock"
    try:
        if os.lstat(path).st_mode & _KIND != _SOCKET:
            return None
        sock.connect(path)
    finally:
        if fd >= 0:
            os.close(fd)
    # As `actors/host/address.py` has it: it will be told all of the environment.
    peer = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return sock if int.from_bytes(peer[4:8], sys.byteorder) == os.geteuid() else None


def _frame(message: dict[str, Any]) -> bytes:
    payload = json.dumps(message).encode()
    return len(payload).to_bytes(4, "big") + payload


def _read(sock: Any) -> Any:  # noqa: ANN401 - the same
    header = _exactly(sock, 4)
    if header is None:
        return None
    payload = _exactly(sock, int.from_bytes(header, "big"))
    return None if payload is None else json.loads(payload)


def _exactly(sock: Any, count: int) -> bytes | None:  # noqa: ANN401 - the same
    data = b""
    while len(data) < count:
        try:
            piece = sock.recv(count - len(data))
        except OSError:
            return None
        if not piece:
            return None
        data += piece
    return data
