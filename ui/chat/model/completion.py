"""Proposals of the popup for the text before the cursor: commands and arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialogue.commands import REGISTRY
from ...dialogue.completers import Proposal, Vocabulary
from .popup import Popup

if TYPE_CHECKING:
    from ...dialogue.registry import CommandSpec
    from .state import ChatState


def words_of(state: ChatState) -> Vocabulary:
    """Return the words that the popup can propose."""
    context = state.dialogue.context
    return Vocabulary(
        tasks=(seen.task for seen in state.board.newest),
        kinds=context.kinds,
        conversations=state.conversations.destinations,
        commands=tuple((spec.name, spec.summary) for spec in REGISTRY),
        templates=tuple((it.name, it.summary) for it in context.found_templates.all),
        schedules=state.dialogue.schedules,
    )


def propose(before: str, known: Vocabulary) -> Popup | None:
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
