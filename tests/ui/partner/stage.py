"""A session with the partner of a chat, without the chat."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, Final

from backburner.actors import BashKind, HoldTask, MessageSaid, Subscribe, TaskSystem
from backburner.ui.dialogue.partner import (
    ChatOpened,
    PartnerDoes,
    PartnerFailed,
    PartnerSays,
    Spoken,
)
from backburner.ui.partner.agent import AgentPatience
from backburner.ui.partner.partner_actor import PartnerActor
from backburner.ui.program.config import AgentsTable, PartnerTable
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIN: Final = "main"
TOOLS_OF_ITS_OWN: Final = "may have tools of its own"


class Chat:
    """Records the messages to a chat from the partner and the queue."""

    def __init__(self) -> None:
        self._heard: queue.Queue[Any] = queue.Queue()

    def tell(self, message: object, /) -> None:
        self._heard.put(message)

    def wait(self, matches: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - any message
        """Return the next message that matches; drop the messages before it."""
        while True:
            message = self._heard.get(timeout=PATIENCE)
            if matches(message):
                return message

    def answer(self) -> str:
        """Wait for a complete answer, and return its text."""
        text = ""
        while True:
            says = self.wait(lambda it: isinstance(it, PartnerSays))
            text += says.text
            if says.done:
                return text

    def idle(self) -> None:
        """Wait until the partner has finished."""
        self.wait(lambda it: isinstance(it, PartnerDoes) and not it.what)

    def failure(self) -> str:
        """Wait for a failure, and return its text.

        The warning about an agent's own tools doesn't count.
        """
        return self.wait(
            lambda it: isinstance(it, PartnerFailed) and TOOLS_OF_ITS_OWN not in it.text
        ).text

    def question(self) -> str:
        """Wait for a question to the person, and return its text."""
        return self.wait(lambda it: isinstance(it, MessageSaid)).message.text


class Stage:
    """A session, and chats with a partner.

    Args:
        folder: Of the session.
        table: The settings of the partner.
    """

    def __init__(self, folder: Path, **table: Any) -> None:  # noqa: ANN401 - settings
        self.folder = folder
        self._table = table
        self.chat = Chat()
        self.system = TaskSystem(directory=folder, kinds=(BashKind(),))
        self.system.start()
        self.rules = AgentsTable()
        self.partners: list[PartnerActor] = []
        self.patience = AgentPatience()

    def open(self, **table: Any) -> PartnerActor:  # noqa: ANN401 - settings
        """Open a chat with a partner."""
        shows: Subscribe = Subscribe(self.chat, shows=True)
        self.system.queue.tell(shows)
        partner = PartnerActor(
            self.system.queue,
            self.system.dead_letters,
            table=PartnerTable(**{**self._table, **table}),
            rules=lambda: self.rules,
            directory=self.folder,
            grace=5.0,
            patience=self.patience,
        )
        self.partners.append(partner)
        partner.tell(ChatOpened(self.chat))
        return partner

    def say(self, partner: PartnerActor, text: str, where: str = MAIN) -> None:
        """Say something."""
        partner.tell(Spoken(where, text, self.chat))

    def allow(self, task_id: int) -> None:
        """Allow the command in question."""
        self.system.queue.tell(HoldTask(task_id, held=False))

    def close(self) -> None:
        """Stop the chats and the session."""
        for partner in self.partners:
            partner.stop()
        self.system.stop()
