"""Performs the lookups of a dialogue at once, as the LookupActor does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.ui.dialogue.lookups import LookedUp, LookUp, look_up

if TYPE_CHECKING:
    from backburner.ui.dialogue.dialogue import Dialogue
    from backburner.ui.dialogue.effects import Effect


def with_lookups(dialogue: Dialogue, effects: list[Effect]) -> list[Effect]:
    """Perform the lookups; return the other effects, and those of the results."""
    done: list[Effect] = []
    for effect in effects:
        if isinstance(effect, LookUp):
            found = LookedUp(effect.number, look_up(effect.wanted))
            done += with_lookups(dialogue, dialogue.take_lookup(found))
        else:
            done.append(effect)
    return done
