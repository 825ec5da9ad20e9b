"""Actions of keys on a task, and the questions before some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dialogue import commands
from ..model.state import Focus, Question
from ..views.layout import has_room_to_ask
from ..views.question import stands_still
from .absorb import absorb

if TYPE_CHECKING:
    from ....actors import Task
    from ...dialogue.registry import Command
    from ..model.effects import Effect
    from ..model.keymap import Keymap
    from ..model.state import ChatState

PATIENCE: Final = 6.0
"""Seconds after which an unanswered question is closed."""

AMID_LETTERS: Final = 1.0
"""Seconds after a letter of a word during which Enter may end the word."""

_SEEN: Final = 0.3  # seconds; earlier, a person can't have read it
_MOVES: Final = frozenset("jkgG")

ASKS: Final = frozenset({"cancel", "kill", "pause", "rerun"})
"""The actions that end, pause or start a task."""


def ask(
    state: ChatState, keys: Keymap, action: str, task_id: int | None
) -> list[Effect]:
    """Ask whether to perform an action on a task, if it is possible."""
    seen = None if task_id is None else state.board.find(task_id)
    if seen is None:
        state.notice = "no task is selected" if task_id is None else f"#{task_id}: gone"
        return []
    task = seen.task
    if action != "rerun" and task.status.is_final:
        state.notice = f"#{task.id} has already ended: {task.status}"
        return []
    if not has_room_to_ask(state):
        state.notice = (
            f"the window is too small to ask; use {_command(action, task.id)}"
        )
        return []
    before = state.letters.text[:-1] if state.letters else ""
    alone = set(before) <= _MOVES
    accepts_from = state.now + (_SEEN if alone else AMID_LETTERS)
    state.overlay = Question(
        keys.key_of(action), action, task.id, accepts_from, state.now + PATIENCE
    )
    return []


def answer(state: ChatState, question: Question) -> list[Effect]:
    """Perform the action of a question: Enter was pressed."""
    state.overlay = state.letters = None
    seen = state.board.find(question.task_id)
    if seen is None or (question.action != "rerun" and seen.task.status.is_final):
        state.notice = f"#{question.task_id} has ended"
        return []
    return carry_out(state, _of(question.action, seen.task))


def carry_out(state: ChatState, command: Command) -> list[Effect]:
    """Run the command of a key."""
    where = state.conversations.current.name
    effects = absorb(state, state.dialogue.take_command(command, where))
    if state.editor.offered:
        state.focus = Focus.INPUT  # which shows the offered line
    return effects


def expire(state: ChatState) -> None:
    """Close a question that was not answered in time, or whose task has ended."""
    question = state.overlay
    if not isinstance(question, Question):
        return
    seen = state.board.find(question.task_id)
    ends = question.action != "rerun"
    over = seen is None or (ends and seen.task.status.is_final)
    if over or state.now >= question.expires:
        state.overlay = None


def _of(action: str, task: Task) -> Command:
    if action == "rerun":
        return commands.Again(task)
    if action == "pause":
        return commands.PauseTasks((task.id,), not stands_still(task))
    return commands.Cancel((task.id,), now=action == "kill")


def _command(action: str, task_id: int) -> str:
    if action in {"pause", "rerun"}:
        return f"/{action} {task_id}"
    return f"/cancel {task_id}{' --now' if action == 'kill' else ''}"
