"""Proposals of the popup for the text before the cursor: commands and arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ....actors import Schedule
from ...dialogue.commands import REGISTRY
from ...dialogue.completers import Proposal
from .board import TaskBoard
from .popup import Popup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....actors import Task
    from ...dialogue.registry import CommandSpec
    from .state import ChatState


class Words(msgspec.Struct, frozen=True):
    """The words known to the chat: a `Vocabulary`.

    Attributes:
        board: The tasks.
        kinds: Name, arguments and summary of each kind of task.
        conversations: Name of each conversation and a note about it, the likeliest
            first.
        schedules: All schedules, by id.
        templates: Name and summary of each template.
    """

    board: TaskBoard
    kinds: tuple[tuple[str, str, str], ...]
    conversations: tuple[tuple[str, str], ...]
    schedules: tuple[Schedule, ...] = ()
    templates: tuple[tuple[str, str], ...] = ()

    @property
    def tasks(self) -> Iterable[Task]:
        """All tasks, newest first."""
        return (seen.task for seen in self.board.newest)

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """Name and summary of each command."""
        return tuple((spec.name, spec.summary) for spec in REGISTRY)


def words_of(state: ChatState) -> Words:
    """Return the words that the popup can propose."""
    return Words(
        state.board,
        state.kinds,
        state.conversations.destinations,
        state.dialogue.schedules,
        tuple((it.name, it.summary) for it in state.dialogue.found_templates.all),
    )


def propose(before: str, known: Words) -> Popup | None:
    """Return the proposals for the text before the cursor, or None."""
    if not before.startswith("/") or before.startswith("//"):
        return None
    name, space, rest = before.partition(" ")
    if not space:
        return _propose_command(name)
    if name not in REGISTRY:
        return None
    spec = REGISTRY.find(name)
    found = spec.complete(rest, known)
    form = f"{spec.heading}  {spec.summary}"
    start = len(before) - len(found.word)
    return Popup(found.word, found.proposals, found.wants_one, start, form)


def _propose_command(word: str) -> Popup | None:
    named = [(spec.name, spec, spec.summary) for spec in REGISTRY]
    # Propose a synonym only if the command's own name is not proposed.
    also = [
        (it.name, spec, f"same as {spec.name} {it.adds}".rstrip())
        for spec in REGISTRY
        for it in spec.synonyms
    ]
    for names in (named, also):
        found = [entry for entry in names if entry[0].startswith(word)]
        if found:
            proposals = tuple(_command(*entry) for entry in found)
            return Popup(word, proposals, found[0][1].needs_argument)
    return None


def _command(name: str, spec: CommandSpec, summary: str) -> Proposal:
    text = f"{name} " if spec.usage else name
    return Proposal(text, f"{name} {spec.usage}".rstrip(), summary)
