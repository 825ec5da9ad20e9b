"""A client of a session's host that loads within milliseconds.

It implements docs/protocol.md itself, and avoids slow imports.
"""

from __future__ import annotations

import _socket
import os
import sys

from ..program.folders import state_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

PROTOCOL: Final = 1

_LONG: Final = 3.0  # seconds until the user is told the reason for the wait
_TIMEOUT: Final = 60.0
_LONGEST: Final = 107
_KIND: Final = 0o170000  # the file type in a mode; avoids an import of `stat`
_SOCKET: Final = 0o140000


def session_folder(options: dict[str, Any]) -> str | None:
    """Return the folder named by `session` and `state`; None if the name is invalid."""
    given = os.environ.get("BACKBURNER_SESSION", "")
    if "session" not in options and "state" not in options and "/" in given:
        return given
    name = str(options.get("session") or given or "main")
    # As in `check_session_name`, except for the length.
    known = name.isascii() and all(it.isalnum() or it in "._-" for it in name)
    if not known or not name[0].isalnum():
        return None
    return f"{state_folder(str(options.get('state', '')))}/{name}"


class LeanClient:
    """A connection to a host of this protocol; answers arrive in order."""

    def __init__(self, sock: Any, folder: str) -> None:  # noqa: ANN401 - of a module without types
        self._sock = sock
        self._folder = folder
        self._was_told = False

    def close(self) -> None:
        """Disconnect."""
        self._sock.close()

    def greet(self, hello: dict[str, Any], *more: dict[str, Any]) -> bool:
        """Send `Hello` and more messages; return whether the host serves this client.

        Raises:
            TimeoutError: If there is no answer within a minute.
            OSError: If the messages can't be sent.
        """
        first = {"type": "Hello", "protocol": PROTOCOL, "pid": os.getpid(), **hello}
        data = b"".join(map(_frame, (first, *more)))
        while data:
            data = data[self._sock.send(data) :]
        answer = self._read()
        return answer is not None and answer["type"] == "Welcome"

    def answer(self) -> Any:  # noqa: ANN401 - JSON
        """Return the next message; None if the host is gone.

        Raises:
            TimeoutError: If none arrives within a minute.
        """
        answer = self._read()
        if answer is None or answer["type"] != "Told":
            return None
        return answer["message"]

    def _read(self) -> Any:  # noqa: ANN401 - JSON
        header = self._exactly(4)
        if header is None:
            return None
        payload = self._exactly(int.from_bytes(header, "big"))
        import json  # noqa: PLC0415 - as in `_frame`

        return None if payload is None else json.loads(payload)

    def _exactly(self, count: int) -> bytes | None:
        data = bytearray()
        while len(data) < count:
            try:
                piece = self._sock.recv(count - len(data))
            except TimeoutError:
                if self._was_told:
                    raise
                self._tell()
                continue
            except OSError:
                return None
            if not piece:
                return None
            data += piece
        return bytes(data)

    def _tell(self) -> None:
        """Report the reason for the wait on stderr, and extend the timeout."""
        from ...actors.host.waited_for import waited_for  # noqa: PLC0415 - seldom needed
        from ..program.long_waits import say  # noqa: PLC0415 - the same

        say(os.path.basename(self._folder), waited_for(self._folder))  # noqa: PTH119 - a text
        self._sock.settimeout(_TIMEOUT)
        self._was_told = True


def connect(folder: str) -> LeanClient | None:
    """Connect to the host of the session in this folder.

    Returns:
        A client; None if no host of this user listens there.

    Raises:
        OSError: If nothing listens there.
    """
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.settimeout(_LONG)
    fd = -1
    path = f"{folder}/host.sock"
    if len(os.fsencode(path)) > _LONGEST:
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        path = f"/proc/self/fd/{fd}/host.sock"
    is_own = False
    try:
        if os.lstat(path).st_mode & _KIND == _SOCKET:
            sock.connect(path)
            # As in `actors/host/address.py`: the host gets the whole environment.
            peer = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
            is_own = int.from_bytes(peer[4:8], sys.byteorder) == os.geteuid()
    finally:
        if fd >= 0:
            os.close(fd)
        if not is_own:
            sock.close()
    return LeanClient(sock, folder) if is_own else None


def _frame(message: dict[str, Any]) -> bytes:
    import json  # noqa: PLC0415 - a host that has to be started loads meanwhile

    payload = json.dumps(message).encode()
    return len(payload).to_bytes(4, "big") + payload
