"""What the popup proposes for the text before the cursor: commands, then arguments."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ...dialogue import commands
from ...dialogue.commands import LAST, CommandSpec, Takes
from ...dialogue.quoting import QUOTES, UnbalancedQuoteError, read_quoted
from .board import TaskBoard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .board import Seen

_MOST: Final = 50
_LOOKED_AT: Final = 1000


class Proposal(msgspec.Struct, frozen=True):
    """One line of the popup.

    Attributes:
        text: What accepting it puts in place of the word.
        label: What the line shows.
        summary: What it means.
    """

    text: str
    label: str
    summary: str = ""


class Popup(msgspec.Struct, frozen=True):
    """What can stand where the cursor is.

    Attributes:
        start: Where in the text the word begins that a proposal replaces; it ends at
            the cursor.
        word: That word.
        proposals: From best to worst; there may be none, if only the form is shown.
        form: How the command is written, and what it does.
        wants_one: Whether the line makes no sense without one of the proposals here.
    """

    start: int
    word: str
    proposals: tuple[Proposal, ...] = ()
    form: str = ""
    wants_one: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the word is one of the proposals already."""
        return any(self.word in {p.text.rstrip(), p.label} for p in self.proposals)


class Vocabulary(msgspec.Struct, frozen=True):
    """The words there are.

    Attributes:
        board: The tasks.
        kinds: Name, arguments and summary of each kind of task.
        conversations: Name of each conversation and a word on it, the likeliest first.
    """

    board: TaskBoard
    kinds: tuple[tuple[str, str, str], ...]
    conversations: tuple[tuple[str, str], ...]


def propose(before: str, known: Vocabulary) -> Popup | None:
    """Return what can be proposed after this text, or none.

    Args:
        before: All that stands before the cursor.
        known: The words there are.
    """
    if not before.startswith("/") or before.startswith("//"):
        return None
    name, space, rest = before.partition(" ")
    if not space:
        return _propose_command(name)
    spec = next((spec for spec in commands.REGISTRY if spec.name == name), None)
    return None if spec is None else _propose_argument(spec, before, rest, known)


def _propose_command(word: str) -> Popup | None:
    specs = [spec for spec in commands.REGISTRY if spec.name.startswith(word)]
    if not specs:
        return None
    proposals = tuple(
        Proposal(
            f"{spec.name} " if spec.usage else spec.name, spec.heading, spec.summary
        )
        for spec in specs
    )
    return Popup(0, word, proposals, wants_one=specs[0].needs_argument)


def _command_names(word: str) -> Iterable[Proposal]:
    for spec in commands.REGISTRY:
        bare = spec.name.removeprefix("/")
        if bare.startswith(word.removeprefix("/")):
            yield Proposal(bare, spec.name, spec.summary)


def _propose_argument(
    spec: CommandSpec, before: str, rest: str, known: Vocabulary
) -> Popup:
    form = f"{spec.heading}  {spec.summary}"
    if spec.takes is Takes.JOB:
        return _propose_job(form, before, rest, known)
    *earlier, word = rest.split(" ")
    used = {text for text in earlier if text}
    proposals: list[Proposal] = []
    if not used or spec.takes is Takes.OPEN_TASKS:
        proposals.extend(_values(spec.takes, word, used, known))
    proposals.extend(
        Proposal(option, option, summary)
        for option, summary in spec.options
        if option.startswith(word) and option not in used
    )
    popup = Popup(len(before) - len(word), word, tuple(proposals[:_MOST]), form)
    missing = spec.needs_argument and not used and not word
    return replace(popup, wants_one=missing or _is_unfinished(popup, spec))


def _is_unfinished(popup: Popup, spec: CommandSpec) -> bool:
    """Tell whether a word can only be the beginning of something, or a search for it.

    A number is an id, even if others begin with it; a conversation may be a new one.
    """
    word = popup.word
    if not word or spec.takes is Takes.CONVERSATION:
        return False
    return not word.removeprefix("#").isdigit() and not popup.is_complete


def _values(
    takes: Takes, word: str, used: set[str], known: Vocabulary
) -> Iterable[Proposal]:
    match takes:
        case Takes.TASK:
            return _tasks(known.board.newest, word, used)
        case Takes.OPEN_TASK | Takes.OPEN_TASKS:
            still_open = (s for s in known.board.newest if not s.task.status.is_final)
            return _tasks(still_open, word, used)
        case Takes.COMMAND:
            return _command_names(word)
        case Takes.CONVERSATION:
            return (
                Proposal(name, name, summary)
                for name, summary in known.conversations
                if name.startswith(word)
            )
        case Takes.NOTHING | Takes.JOB:
            return ()


def _tasks(candidates: Iterable[Seen], word: str, used: set[str]) -> Iterable[Proposal]:
    wanted = word.removeprefix("#").lower()
    for seen in islice(candidates, _LOOKED_AT):
        task = seen.task
        text = str(task.id)
        if text in used or f"#{text}" in used:
            continue
        if text.startswith(wanted) or wanted in task.description.lower():
            label = f"#{task.id} {task.status}"
            yield Proposal(text, label, task.description)
    if word and LAST.startswith(word):
        yield Proposal(LAST, LAST, "the task added last")


def _propose_job(form: str, before: str, rest: str, known: Vocabulary) -> Popup:
    text = rest.lstrip()
    if not text:
        return Popup(len(before), "", (), form)
    try:
        _, after = read_quoted(text) if text[0] in QUOTES else _first_word(text)
    except UnbalancedQuoteError:
        return Popup(len(before), "", (), form)
    kind = after.lstrip()
    if not after or " " in kind:
        return Popup(len(before), "", (), form)
    kinds = tuple(
        Proposal(f"{name} ", f"{name} {usage}".strip(), summary)
        for name, usage, summary in known.kinds
        if name.startswith(kind)
    )
    popup = Popup(len(before) - len(kind), kind, kinds, form)
    return replace(popup, wants_one=not popup.is_complete)


def _first_word(text: str) -> tuple[str, str]:
    word, space, rest = text.partition(" ")
    return word, space + rest
