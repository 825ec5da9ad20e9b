"""Commands of the session: conversations, and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from .. import completers
from ..answers import QuitAnswer
from ..arguments import LONGEST_NAME, UsageError, is_conversation_name
from ..effects import AskToLeave, CloseChat, Effect, Leave, ListChats, OpenChat
from ..registry import CommandSpec, Synonym, alone, also
from ..reports import names_of

if TYPE_CHECKING:
    from ..context import Context
    from ..registry import Command


_NO_CONVERSATIONS: Final = "only the drawn chat has more than one conversation"


class GoToChat(msgspec.Struct, frozen=True):
    """Go to another conversation, or begin one if `new`."""

    name: str
    new: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Go there, if this chat has conversations."""
        if not context.drawn:
            return [context.reply([_NO_CONVERSATIONS])]
        return [OpenChat(self.name, self.new)]


class CloseConversation(msgspec.Struct, frozen=True):
    """Remove an empty conversation; None means the current one."""

    name: str | None = None

    def run(self, context: Context) -> list[Effect]:
        """Remove it, if this chat has conversations."""
        if not context.drawn:
            return [context.reply([_NO_CONVERSATIONS])]
        return [CloseChat(self.name or context.where)]


def _parse_chat(rest: str) -> Command:
    words = rest.split()
    if not words:
        return ShowChats()
    if words == ["--close"]:
        return CloseConversation()
    option = words.pop(0) if words[0] in {"--new", "--close"} else ""
    if len(words) != 1 or words[0] == "--new" or not is_conversation_name(words[0]):
        raise UsageError(
            f"/chat takes one short name without spaces (up to {LONGEST_NAME}"
            " characters), such as: /chat notes"
        )
    if option == "--close":
        return CloseConversation(words[0])
    return GoToChat(words[0], new=option == "--new")


CHAT: Final = CommandSpec(
    "/chat",
    "[--new | --close] NAME",
    "go to another conversation, begin one, or remove an empty one",
    _parse_chat,
    completers.conversation(
        (("--new", "begin a conversation"), ("--close", "remove an empty conversation"))
    ),
    (
        "The beginning of a name is enough if it is unambiguous.",
        "Tasks keep running; their updates appear in the conversation that added them.",
    ),
    also("/switch"),
    private=True,
)


class ShowChats(msgspec.Struct, frozen=True):
    """List the conversations."""

    def run(self, context: Context) -> list[Effect]:
        """List them, if this chat has conversations."""
        if not context.drawn:
            return [context.reply([_NO_CONVERSATIONS])]
        return [ListChats(context.where)]


CHATS: Final = CommandSpec(
    "/chats",
    "",
    "list the conversations",
    alone("/chats", ShowChats()),
    synonyms=also("/conversations"),
    private=True,
)


class Quit(msgspec.Struct, frozen=True):
    """Leave the session.

    Attributes:
        sure: Whether to leave without asking, even if that ends tasks.
        end: Whether to end the session even if leaving would not.
    """

    sure: bool = False
    end: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Show what ends, and leave; the drawn chat asks first."""
        if context.drawn and not self.sure:
            return [AskToLeave(self.end)]
        if context.detaches and not self.end:
            return [Leave(ends=False)]
        ended, later, held, foreign = context.open.fates
        queued = [*later, *held, *foreign]
        # Queued tasks don't end: a stored session keeps them.
        kept = (
            ("starting next time:", later, ""),
            ("held until /enqueue:", held, ""),
            ("queued until a session has their kind:", foreign, ""),
        )
        ending = ("ending", ended, f"; {context.fate(now=False)}")
        lines = [
            f"{what} {names_of(tasks)}{fate}"
            for what, tasks, fate in (
                ending,
                *(kept if context.remembers else (("dropping", queued, ""),)),
            )
            if tasks
        ]
        ending, waiting = (tuple(t.id for t in ts) for ts in (ended, queued))
        ids = QuitAnswer(ending, waiting)
        return [*([context.reply(lines, ids)] if lines else []), Leave()]


class Exit(msgspec.Struct, frozen=True):
    """Handle a word that leaves other programs, such as `exit`."""

    def run(self, context: Context) -> list[Effect]:
        """Leave, or explain how: a script that ends with `exit` may expect a wait."""
        if context.drawn or context.detaches:
            return Quit().run(context)
        text = "to leave: /quit ends running tasks, the end of the input waits for them"
        return [context.reply([text])]


def _parse_quit(rest: str) -> Quit:
    if rest.strip() == "--end":
        return Quit(end=True)
    if rest.strip():
        raise UsageError("/quit takes nothing, or --end to end the session too")
    return Quit()


QUIT: Final = CommandSpec(
    "/quit",
    "[--end]",
    "leave the chat; tasks keep running in the session's host",
    _parse_quit,
    completers.options((("--end", "end the session and its running tasks"),)),
    details=(
        "--end: end the session and its running tasks",
        "Without a host (backburner --no-host, --ephemeral) leaving ends the session.",
    ),
    synonyms=(
        *also("/exit", "/q", "/leave", "/logout", "/bye"),
        Synonym("/end", "--end"),
    ),
    private=True,
)
