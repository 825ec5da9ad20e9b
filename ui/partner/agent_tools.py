"""Our MCP server for the chat's agent, connected through a relay.

The agent starts `backburner mcp --relay`, which copies between its standard streams and
a socket in a private folder. The server itself runs in this process, so that its calls
belong to the conversation, and survive the agent.
"""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

from ...actors.host import address
from ..agents.loop import READ
from ..agents.server import Server
from .messages import INSTRUCTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from ..agents.loop import Loop
    from .answer import Json
    from .partner_session import PartnerSession


class AgentTools:
    """The servers of one conversation.

    Raises:
        OSError: If the socket can't be created.
    """

    def __init__(
        self,
        loop: Loop,
        session: PartnerSession,
        folder: Path,
        number: int,
        directory: str,
    ) -> None:
        self._loop = loop
        self._session = session
        self._folder = folder
        self._instructions = INSTRUCTIONS.format(directory=directory)
        self._name = f"mcp-{number}.sock"
        self._servers: dict[Server, tuple[int, int]] = {}
        self.was_used = False
        """Whether the agent has connected since `forget`."""
        self._socket = address.listen(folder, name=self._name)
        self._socket.setblocking(False)  # noqa: FBT003 - its name
        loop.watch(self._socket.fileno(), READ, self._accept)

    @property
    def are_lost(self) -> bool:
        """Whether the agent was connected to the tools and is not any more."""
        sources = (source for source, _ in self._servers.values())
        return self.was_used and not any(map(_is_open, sources))

    def forget(self) -> None:
        """Reset the connection state, for another agent."""
        self.was_used = False

    def description(self) -> Json:
        """Return the description of the server for an agent."""
        relay = ["-P", "-m", "backburner", "mcp", "--relay"]
        return {
            "name": "backburner",
            "command": sys.executable,
            "args": [*relay, str(self._folder), self._name],
            "env": [],
        }

    def close(self) -> None:
        """Close all servers."""
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        for server in [*self._servers]:
            self._gone(server)

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        connection.setblocking(False)  # noqa: FBT003 - its name
        source = connection.detach()
        target = os.dup(source)

        server = Server(
            self._loop,
            lambda _: self._session,
            "",
            source,
            target,
            ended=lambda: self._gone(server),
            instructions=self._instructions,
        )
        self._servers[server] = (source, target)
        self.was_used = True

    def _gone(self, server: Server) -> None:
        self._session.watchers.discard(server)
        server.close()
        for fd in self._servers.pop(server, ()):
            os.close(fd)


def _is_open(fd: int) -> bool:
    """Return whether the peer has the connection open, although nothing was read."""
    poll = select.poll()
    poll.register(fd, select.POLLRDHUP)
    return not poll.poll(0)
