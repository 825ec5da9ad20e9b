"""An agent that speaks the Agent Client Protocol (ACP), version 1.

Its process is started on first use, and again on use after its end. All code except the
start runs on the thread of a loop.
"""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING, Final, cast

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from ..agents.loop import READ
from .agent_messages import AgentMessages, Failure
from .agent_process import AgentProcess
from .agent_set_up import (
    agent_command,
    agent_environment,
    make_files,
    program_of,
    work_folder,
)
from .answer import EndpointError, Json
from .known_agents import known_agent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..agents.loop import Timer
    from ..program.config import PartnerTable
    from .key import Key
    from .post_loop import PostLoop

VERSION: Final = 1
"""The version of the protocol."""

_ERROR_KEPT: Final = 4096  # bytes of its standard error
_LAST_WORDS: Final = 2.0  # seconds between the end of its output and its exit
_CHUNK: Final = 1 << 16


class AgentPatience(msgspec.Struct, frozen=True):
    """Timeouts for an agent, in seconds.

    Attributes:
        start: For its answer to the first request.
        session: For a session, which takes half a minute if an MCP server does not
            answer.
        stop: For the end of a canceled answer.
    """

    start: float = 60.0
    session: float = 120.0
    stop: float = 10.0


class Agent:
    """An agent; see the module."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is one independent thing
        self,
        loop: PostLoop,
        table: PartnerTable,
        key: Key,
        folder: Path,
        tell: Callable[[str], None],
        patience: AgentPatience,
    ) -> None:
        self._loop = loop
        self._table = table
        self._key = key
        self._folder = folder
        self._tell = tell
        self.patience = patience
        self.name = brief(safe_line(program_of(table)), 40)
        """The name of its program."""
        at_home = "" if table.own_home else f" with HOME={folder}/home"
        self.messages = AgentMessages(loop, self.name, tell, self.end, at_home)
        """The messages exchanged with it."""
        self.life = 0
        """Number of starts so far."""
        self._process: AgentProcess | None = None
        self._ending: set[AgentProcess] = set()
        self._starting = False
        self._ready = False
        self._stopped = False
        self._loads = False
        self._awaited: list[Callable[[Failure | None], None]] = []
        self._closing: Timer | None = None
        self._complaint = b""
        self._known = known_agent(table.command)
        self._was_told = self._known is not None
        self._is_toolless = False

    @property
    def is_ready(self) -> bool:
        """Whether it is running, and accepts requests."""
        return self._ready

    @property
    def is_busy(self) -> bool:
        """Whether it has pending requests, or is being started."""
        return self.messages.is_awaited or bool(self._awaited)

    @property
    def can_load(self) -> bool:
        """Whether it can load a session of an earlier process."""
        return self._loads

    @property
    def command(self) -> str:
        """Its command, which identifies it after a restart."""
        return " ".join(self._table.command)

    def place(self, directory: str) -> Json:
        """Return its working directory and tools, for `session/new`."""
        if self._known is None:
            return {"cwd": directory}
        if self._known.is_apart:
            directory = str(work_folder(self._folder))
        meta = {"_meta": self._known.session} if self._known.session else {}
        return {"cwd": directory, **meta}

    def when_ready(self, then: Callable[[Failure | None], None]) -> None:
        """Call `then` when it is ready: with None, or with a failure."""
        if self._ready:
            then(None)
            return
        self._awaited.append(then)
        if not self._starting:
            self._start()

    def tell_toolless(self) -> None:
        """Warn the person, once, that it does not use our tools."""
        if not self._is_toolless:
            self._is_toolless = True
            self._tell(
                f"{self.name} did not start the MCP server of backburner: it can"
                " answer, but start no task"
            )

    def end(self, text: str = "", *, died: bool = False) -> None:
        """End its process, and fail pending requests. Never blocks."""
        self._ready = self._starting = False
        if (process := self._process) is not None:
            self._process = None
            self._unwatch(process)
            process.end()
            self._ending.add(process)
            self._loop.watch(process.pidfd, READ, lambda: self._reap(process))
        self._fail(Failure(text or f"{self.name} was ended", died=died))

    def stop(self) -> None:
        """End it permanently. Blocks for half a second at most."""
        self._stopped = True
        if (process := self._process) is not None:
            self._process = None
            self._unwatch(process)
            self._ending.add(process)
        for it in self._ending:
            it.finish()

    # Start and end.

    def _start(self) -> None:
        self._starting = True
        self.life += 1
        self._complaint = b""
        life = self.life
        threading.Thread(
            target=self._run, args=(life,), name="backburner-partner-start", daemon=True
        ).start()

    def _run(self, life: int) -> None:
        """Start the process, on a thread of its own, because that takes a moment."""
        problem = ""
        process: AgentProcess | None = None
        try:
            key = self._key.get()
            environment = agent_environment(self._table, self._folder, key, os.environ)
            make_files(self._table, self._folder)
            command = agent_command(self._table, self._folder)
            process = AgentProcess(command, environment)
        except EndpointError as error:
            problem = str(error)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            problem = (
                f"can't start {self.name}: {why or error}; correct [partner] command"
            )
        taken = self._loop.post(lambda: self._started(life, process, problem))
        if not taken and process is not None:
            process.finish()

    def _started(self, life: int, process: AgentProcess | None, problem: str) -> None:
        if process is None:
            if life == self.life:
                self._starting = False
                self._fail(Failure(safe_line(problem)))
            return
        if self._stopped or life != self.life or not self._starting:
            process.finish()
            return
        self._process = process
        stdin, stdout, stderr = process.streams
        self.messages.open(stdout, stdin, self._output_ended)
        os.set_blocking(stderr, False)
        self._loop.watch(stderr, READ, lambda: self._read_error(stderr))
        self._loop.watch(process.pidfd, READ, self._exited)
        params: Json = {
            "protocolVersion": VERSION,
            "clientCapabilities": {
                "fs": {"readTextFile": False, "writeTextFile": False},
                "terminal": False,
            },
            "clientInfo": {"name": "backburner", "version": "1"},
        }
        start = self.patience.start
        self.messages.request("initialize", params, self._initialized, start)

    def _initialized(self, result: Json | Failure) -> None:
        if isinstance(result, Failure):
            if result.answered:
                self.end(result.text)
            return  # otherwise the waiting callers were notified
        version: object = result.get("protocolVersion")
        if version != VERSION:
            spoken = brief(safe_line(repr(version)), 20)
            self.end(
                f"{self.name} speaks version {spoken} of ACP, and backburner version"
                f" {VERSION}; use a version of it that supports that"
            )
            return
        found: object = result.get("agentCapabilities")
        able = cast("Json", found) if isinstance(found, dict) else {}
        self._loads = able.get("loadSession") is True
        self._starting, self._ready = False, True
        if not self._was_told:
            self._was_told = True
            self._tell(
                f"{self.name} may have tools of its own, which backburner can't turn"
                " off: they are refused only where it asks for permission"
            )
        awaited, self._awaited = self._awaited, []
        for then in awaited:
            then(None)

    def _unwatch(self, process: AgentProcess) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        self.messages.close()
        self._loop.unwatch(process.streams[2])
        self._loop.unwatch(process.pidfd)

    def _reap(self, process: AgentProcess) -> None:
        self._loop.unwatch(process.pidfd)
        self._ending.discard(process)
        process.reap()

    def _output_ended(self) -> None:
        text = f"{self.name} closed its output"
        self._closing = self._loop.call_later(
            _LAST_WORDS, lambda: self.end(text, died=True)
        )

    def _exited(self) -> None:
        if (process := self._process) is None:
            return
        self._process = None
        self._read_error(process.streams[2])
        self._unwatch(process)
        # With all its descendants.
        process.end()
        how = process.reap()
        said = self._complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
        text = f"{self.name} ended ({how})"
        if said := safe_line(said).strip():
            text += f": {brief(said, 200)}"
        if not self._ready:
            text += "; correct [partner] command, or try it by itself"
        died = self._ready
        self._ready = self._starting = False
        self._fail(Failure(text, died=died))

    def _read_error(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.unwatch(fd)
        self._complaint = (self._complaint + data)[-_ERROR_KEPT:]

    def _fail(self, failure: Failure) -> None:
        awaited, self._awaited = self._awaited, []
        for then in awaited:
            then(failure)
        self.messages.fail(failure)
