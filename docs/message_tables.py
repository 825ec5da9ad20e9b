"""Tables of senders, messages and recipients, generated from unions and code."""

from __future__ import annotations

import ast
import inspect
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from backburner.actors import messages
from backburner.ui.chat.model import messages as chat_messages
from backburner.ui.dialogue import messages as ui_messages
from backburner.ui.dialogue.lookups import LookUp
from backburner.ui.dialogue.partner import Spoken
from house import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path(__file__).parents[1]


def _files(*patterns: str) -> frozenset[str]:
    return frozenset(
        str(path.relative_to(ROOT))
        for pattern in patterns
        for path in ROOT.glob(pattern)
    )


class Party(msgspec.Struct, frozen=True):
    """A sender or recipient of messages.

    Attributes:
        name: Its name in the tables.
        takes: The union of the messages that it receives.
        known_as: Its class and unions; a sender to it imports one of them.
        files: Its source files.
    """

    name: str
    takes: object = None
    known_as: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()


QUEUE: Final = Party(
    "the QueueActor",
    messages.QueueMessage,
    frozenset({"QueueActor", "QueueMessage", "QueueRequest", "Wiped"}),
    _files("actors/queue_actor.py", "actors/queue/*.py", "actors/journal/writer.py"),
)
RUNNER: Final = Party(
    "the RunnerActor",
    messages.RunnerMessage,
    frozenset({"RunnerActor", "RunnerMessage"}),
    frozenset({"actors/runner_actor.py"}),
)
TASK_ACTORS: Final = Party(
    "TaskActors",
    messages.TaskActorMessage,
    frozenset({"TaskActor", "TaskActorMessage"}),
    _files("actors/task_actor.py", "actors/job/*.py"),
)
REMOVAL: Final = Party(
    "the RemovalActor",
    messages.RemovalMessage,
    frozenset({"RemovalActor", "RemovalMessage"}),
    frozenset({"actors/journal/removal.py"}),
)
SYSTEM: Final = Party(
    "the TaskSystem",
    files=frozenset(
        {
            "actors/system.py",
            "actors/session/starting.py",
            "actors/session/shutdown.py",
            "actors/session/blocking.py",
        }
    ),
)
CONNECTION: Final = Party(
    "a client's connection",
    files=frozenset({"actors/host/connection.py", "actors/host/request_reader.py"}),
)
LOOKUPS: Final = Party(
    "the LookupActor",
    LookUp,
    frozenset({"LookupActor"}),
    _files("ui/dialogue/lookup_actor.py", "ui/dialogue/search_actor.py"),
)
_OWNERS = _files("ui/dialogue/owner.py")
UI: Final = Party(
    "the LineActor",
    ui_messages.LineMessage,
    frozenset({"LineActor", "LineMessage", "LookedUp"}),
    _files("ui/lines/line_actor.py", "ui/dialogue/*.py") - LOOKUPS.files - _OWNERS,
)
CHAT: Final = Party(
    "the UIActor",
    chat_messages.UIMessage,
    frozenset({"UIActor", "UIMessage", "PartnerSays", "LookedUp"}),
    _files("ui/chat/**/*.py", "ui/dialogue/*.py")
    - {"ui/chat/main_thread.py"}
    - LOOKUPS.files
    - _OWNERS,
)
PARTNER: Final = Party(
    "a partner",
    Spoken,
    frozenset({"Spoken"}),
    frozenset({"docs/examples/butler.py"}),
)
PROGRAM: Final = Party(
    "the main thread",
    ui_messages.LineReport | chat_messages.UIReport,
    frozenset({"LineReport", "UIReport"}),
    _files("ui/**/*.py")
    - _files("ui/cli/*.py")
    - UI.files
    - CHAT.files
    - LOOKUPS.files,
)
SUBSCRIBERS: Final = Party(
    "subscribers", messages.Notification, frozenset({"Notification"})
)
ASKERS: Final = Party(
    "the sender",
    messages.QueueReply | messages.Drained,
    frozenset({"QueueReply", "Drained"}),
)
FACES: Final = {UI.name, CHAT.name}
"""A program has one of the two; they share the dialogue and don't send each other
messages."""
ANYBODY: Final = Party("any sender", known_as=frozenset({"any sender"}))
ACTORS: Final = (QUEUE, RUNNER, TASK_ACTORS, REMOVAL, UI, CHAT, LOOKUPS, PARTNER)
PARTIES: Final = (*ACTORS, SYSTEM, CONNECTION, PROGRAM, SUBSCRIBERS, ASKERS)

Message = type[msgspec.Struct]


class Sending(msgspec.Struct, frozen=True):
    """A message type that a sender sends to a recipient."""

    sender: str
    message: Message
    recipient: str


def members(union: object) -> tuple[Message, ...]:
    """Return the message types of a union, or a single message type."""
    if isinstance(union, type) and issubclass(union, msgspec.Struct):
        return (union,)
    return typing.get_args(union)


def find_sendings() -> list[Sending]:
    """Return the messages between all senders and recipients.

    An actor that creates a message sends it to all recipients of this type that it
    knows, or to itself if there is no other.

    Raises:
        ValueError: If a created message has no recipient, or a received one no sender.
    """
    types = {m.__name__: m for party in PARTIES for m in members(party.takes)}
    sendings = [
        Sending(ANYBODY.name, message, QUEUE.name)
        for message in members(messages.QueueRequest)
    ]
    for sender in PARTIES:
        made, known = _made_and_known(sender.files)
        for message in (types[name] for name in types if name in made):
            taking = [p for p in PARTIES if message in members(p.takes)]
            knows = [
                p
                for p in taking
                if p is not sender
                and not {p.name, sender.name} <= FACES
                and p.known_as & known
            ]
            if not knows and sender not in taking:
                raise ValueError(f"{sender.name} makes {message}, and nobody takes it")
            recipients = knows or [sender]
            sendings += [Sending(sender.name, message, p.name) for p in recipients]
    sent = {sending.message for sending in sendings}
    for message in types.values():
        if message not in sent:
            raise ValueError(f"nobody makes {message}")
    return sendings


def _made_and_known(files: Iterable[str]) -> tuple[set[str], set[str]]:
    made: set[str] = set()
    known: set[str] = set()
    for file in files:
        for node in ast.walk(parsed(ROOT / file)):
            match node:
                case ast.Call(func=ast.Name(id=name)):
                    made.add(name)
                case ast.ImportFrom(names=names):
                    known.update(alias.name for alias in names)
                case _:
                    pass
    return made, known


def messages_section() -> str:
    """Return the messages of each actor, and the table of all messages."""
    sendings = find_sendings()
    actors = [line for actor in ACTORS for line in _actor_lines(actor, sendings)]
    by_message: dict[Message, list[Sending]] = {}
    for sending in sendings:
        by_message.setdefault(sending.message, []).append(sending)
    meanings = [_message_row(message, of) for message, of in by_message.items()]
    return "\n".join(
        [
            *actors,
            "",
            "All messages:",
            "",
            *_table(("message", "from", "to", "meaning"), meanings),
        ]
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


def _actor_lines(actor: Party, sendings: list[Sending]) -> list[str]:
    public = {s.message for s in sendings if s.sender == ANYBODY.name}
    takes = [
        s
        for s in sendings
        if s.recipient == actor.name
        and (s.sender == ANYBODY.name or s.message not in public)
    ]
    takes += [
        s
        for s in sendings
        if s.recipient in {SUBSCRIBERS.name, ASKERS.name}
        and s.message in members(actor.takes)
    ]
    tells = [s for s in sendings if s.sender == actor.name]
    took = _grouped(((s.message, s.sender) for s in takes), "from", actor.name)
    told = _grouped(((s.message, s.recipient) for s in tells), "to", actor.name)
    return [
        f"- **{actor.name.removeprefix('the ').removesuffix('s')}**",
        *(f"    - receives {it}" for it in took),
        *(f"    - sends {it}" for it in told),
    ]


def _message_row(message: Message, sendings: list[Sending]) -> tuple[str, ...]:
    senders = list(dict.fromkeys(s.sender for s in sendings))
    if ANYBODY.name in senders:
        senders = [ANYBODY.name]
    recipients = dict.fromkeys(s.recipient for s in sendings)
    meaning = (inspect.getdoc(message) or "").split("\n\n")[0].replace("\n", " ")
    return f"`{message.__name__}`", ", ".join(senders), ", ".join(recipients), meaning


def _grouped(pairs: Iterable[tuple[Message, str]], word: str, own: str) -> list[str]:
    groups: dict[str, dict[str, None]] = {}
    for message, party in pairs:
        groups.setdefault(party, {})[f"`{message.__name__}`"] = None
    return [
        f"{' '.join(names)} {word} {'itself' if party == own else party}"
        for party, names in groups.items()
    ]
