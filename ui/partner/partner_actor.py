"""The partner as an actor, which receives messages and sends answers to the chat.

It has a thread of its own with a loop, which handles descriptors, timers and messages;
only the requests to the endpoint run on other threads.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

import pykka

from ...actors.own_files import open_folder
from ...actors.rules.safe_text import is_unicode
from ...actors.runtime.sending import logger, post
from ..dialogue.entries import MAIN_CONVERSATION
from ..dialogue.partner import (
    PARTNER_ORIGIN,
    AllowCommands,
    ChatOpened,
    PartnerFailed,
    Spoken,
    StopAnswer,
)
from ..dialogue.trust import Trust
from ..program.config import ConfigError
from .agent import Agent, AgentPatience
from .agent_talk import AgentTalk
from .agent_tools import AgentTools
from .answer import AnswerGatherer, EndpointError
from .endpoint import Canceled, Completion, Endpoint
from .endpoint_talk import EndpointTalk
from .key import Key
from .memory import Memory, Record
from .messages import INSTRUCTIONS
from .partner_session import PartnerSession
from .post_loop import PostLoop
from .session_link import SessionLink
from .talk import Place, Talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors import DeadLetters, QueueRequest, Recipient, Task
    from ..dialogue.partner import PartnerControl, PartnerMessage
    from ..program.config import AgentsTable, PartnerTable
    from .answer import Json, Piece

_FOLDER: Final = "partner"
_ALLOWING: Final = 45.0  # seconds; an agent abandons a call after a minute
_CLOSE_TIMEOUT: Final = 2.0


class EndpointModel:
    """Sends requests to an endpoint, each on a thread of its own."""

    def __init__(self, loop: PostLoop, table: PartnerTable, key: Key) -> None:
        self._loop = loop
        self._table = table
        self._key = key

    def ask(
        self,
        body: Json,
        take: Callable[[Piece], None],
        done: Callable[[AnswerGatherer | str], None],
    ) -> Callable[[], None]:
        """See `Model`."""
        return _Request(self._loop, self._table, self._key, body, take, done).cancel


class _Request:
    def __init__(  # noqa: PLR0913, PLR0917 - each is one independent thing
        self,
        loop: PostLoop,
        table: PartnerTable,
        key: Key,
        body: Json,
        take: Callable[[Piece], None],
        done: Callable[[AnswerGatherer | str], None],
    ) -> None:
        self._loop = loop
        self._table = table
        self._key = key
        self._body = body
        self._take = take
        self._done = done
        self._completion: Completion | None = None
        self._canceled = False
        threading.Thread(
            target=self._run, name="backburner-partner-request", daemon=True
        ).start()

    def cancel(self) -> None:
        """Prevent further callbacks. Only on the thread of the loop."""
        self._canceled = True
        if (completion := self._completion) is not None:
            completion.cancel()

    def _run(self) -> None:
        result: AnswerGatherer | str
        try:
            endpoint = Endpoint(self._table.url, self._table.model, self._key.get())
            completion = self._completion = Completion(endpoint, self._body)
            if self._canceled:
                return
            result = completion.run(self._tell_piece)
        except Canceled:
            return
        except EndpointError as error:
            self._key.forget()
            result = str(error)
        except Exception as error:  # noqa: BLE001 - told
            logger.exception("A request to the partner failed")
            result = f"internal error: {error!r}; see the log"
        self._loop.post(lambda: None if self._canceled else self._done(result))

    def _tell_piece(self, piece: Piece) -> None:
        self._loop.post(lambda: None if self._canceled else self._take(piece))


class PartnerActor:
    """The partner; see the module."""

    def __init__(  # noqa: PLR0913 - all it talks to
        self,
        queue: Recipient[QueueRequest],
        dead_letters: DeadLetters,
        *,
        table: PartnerTable,
        rules: Callable[[], AgentsTable],
        directory: Path | None,
        grace: float,
        key: str = "",
        patience: AgentPatience = AgentPatience(),  # noqa: B008 - frozen
    ) -> None:
        self._dead_letters = dead_letters
        self._table = table
        self._rules = rules
        self._loop = PostLoop()
        self._memory = Memory(directory)
        self._trust = Trust()
        self._key = Key(table, key)
        self._model = EndpointModel(self._loop, table, self._key)
        self._directory = directory
        self._patience = patience
        self._agent: Agent | None = None
        self._temporary: Path | None = None
        self._tools: list[AgentTools] = []
        self._link = SessionLink(
            self._loop,
            queue,
            dead_letters,
            grace=grace,
            changed=self._task_changed,
            forgotten=self._tasks_forgotten,
            failed=self._session_failed,
        )
        self._talks: dict[str, tuple[Talk, PartnerSession]] = {}
        self._chat: Recipient[PartnerMessage] | None = None
        self._serves = False
        self._stopped = False
        self._thread = threading.Thread(
            target=self._run, name="backburner-partner", daemon=True
        )
        self._thread.start()

    def tell(self, message: Spoken | PartnerControl, /) -> None:
        """Receive a message. Never blocks.

        Raises:
            pykka.ActorDeadError: If the partner was stopped.
        """
        if not self._loop.post(lambda: self._handle(message)):
            raise pykka.ActorDeadError("the partner was stopped")

    @property
    def serves(self) -> bool:
        """Whether this process is the session's partner."""
        return self._serves

    def stop(self) -> None:
        """Stop; cancels all work. Blocks for a moment."""
        if self._loop.post(self._stop):
            self._thread.join(_CLOSE_TIMEOUT)

    # On its own thread.

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._loop.run()
            except ConfigError as error:
                self._fail(str(error))
            except Exception as error:  # noqa: BLE001 - told
                # Only this message is affected. Report its failure to callers that wait
                # for it.
                logger.exception("The partner failed")
                self._fail(f"internal error: {error!r}; see the log")
                for talk, _ in self._talks.values():
                    self._loop.post(talk.give_up)
        self._loop.close()
        self._memory.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _stop(self) -> None:
        self._stopped = True
        for talk, _ in self._talks.values():
            talk.abandon()
        for tools in self._tools:
            tools.close()
        if self._agent is not None:
            self._agent.stop()
        self._link.leave()
        self._loop.stop()

    def _handle(self, message: Spoken | PartnerControl) -> None:
        match message:
            case ChatOpened(reply_to=chat):
                self._chat = chat
                self._claim()
            case Spoken(conversation=where, text=text):
                # Otherwise the partner of another chat receives it too, and answers.
                if self._serves:
                    self._talk(where).hear(text)
            case StopAnswer(conversation=where):
                if where in self._talks:
                    self._talk(where).stop()
            case AllowCommands(pattern=pattern, command=command):
                self._trust.add(pattern=pattern, command=command)
                if self._serves:
                    self._memory.add(Record(allowed=pattern, exactly=command))
            case _:
                assert_never(message)

    def _claim(self) -> None:
        """Become the partner of the session once no other chat has one."""
        try:
            if self._memory.claim(wait=False):
                self._begin()
                return
        except OSError as error:
            self._fail(f"can't save the conversation: {error.strerror}")
            return
        threading.Thread(
            target=self._wait_for_claim, name="backburner-partner-claim", daemon=True
        ).start()

    def _wait_for_claim(self) -> None:
        problem = ""
        try:
            self._memory.claim(wait=True)
        except OSError as error:
            problem = f"can't save the conversation: {error.strerror}"
        taken = self._loop.post(
            lambda: self._fail(problem) if problem else self._begin()
        )
        if not taken:
            self._memory.close()

    def _begin(self) -> None:
        try:
            records = self._memory.load()
        except OSError as error:
            self._fail(f"can't read the conversation: {error.strerror}")
            return
        self._serves = True
        for it in records:
            self._trust.add(pattern=it.allowed, command=it.exactly)
            if it.conversation:
                self._talk(it.conversation).remember(it)
        self._link.open()
        self._link.when_ready(lambda problem: None if problem else self._resume())

    def _resume(self) -> None:
        for task in self._link.tasks.values():
            if task.origin.startswith(PARTNER_ORIGIN):
                self._talk(task.origin.removeprefix(PARTNER_ORIGIN))
        for talk, _ in [*self._talks.values()]:
            talk.resume()

    def _talk(self, name: str) -> Talk:
        if name not in self._talks:
            session = PartnerSession(
                self._table.name,
                name,
                self._loop,
                self._rules,
                lambda _: self._link,
                self._trust,
            )
            place = Place(name, self._loop, session, self._memory.add, self._tell)
            talk = (
                self._agent_talk(place)
                if self._table.command
                else EndpointTalk(
                    place,
                    self._model,
                    INSTRUCTIONS.format(directory=_working_directory()),
                    self._table.rounds,
                )
            )
            self._talks[name] = (talk, session)
        return self._talks[name][0]

    def _agent_talk(self, place: Place) -> Talk:
        session = place.session
        session.patience = _ALLOWING
        if self._agent is None:
            self._agent = self._make_agent()
        directory, number = _working_directory(), len(self._tools) + 1
        tools = AgentTools(self._loop, session, self._folder(), number, directory)
        self._tools.append(tools)
        return AgentTalk(place, self._agent, tools, directory)

    def _make_agent(self) -> Agent:
        return Agent(
            self._loop,
            self._table,
            self._key,
            self._folder(),
            self._tell_of_agent,
            self._patience,
        )

    def _folder(self) -> Path:
        """Return the private folder of the agent."""
        if self._directory is not None:
            folder = self._directory / _FOLDER
            os.close(open_folder(folder))
            return folder
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="backburner-"))
        return self._temporary

    def _tell_of_agent(self, text: str) -> None:
        """Report actions of an agent in conversations that wait for it."""
        busy = [name for name, (talk, _) in self._talks.items() if not talk.is_idle]
        for name in busy or [MAIN_CONVERSATION]:
            self._tell(PartnerFailed(name, text))

    def _task_changed(self, task: Task) -> None:
        for talk, session in [*self._talks.values()]:
            if task.origin == session.origin or session.sees_all:
                session.task_changed(task)
            if task.origin == session.origin:
                talk.task_changed(task)

    def _tasks_forgotten(self) -> None:
        for _, session in [*self._talks.values()]:
            session.tasks_forgotten()

    def _session_failed(self, text: str) -> None:
        for _, session in [*self._talks.values()]:
            session.host_failed(text)

    def _tell(self, message: PartnerMessage) -> None:
        if self._chat is not None:
            post(self._chat, message, self._dead_letters)

    def _fail(self, text: str) -> None:
        self._tell(PartnerFailed(MAIN_CONVERSATION, text))


def _working_directory() -> str:
    try:
        directory = os.getcwd()  # noqa: PTH109 - a text
    except OSError:
        return "/"
    return directory if is_unicode(directory) else "/"
