"""Keys and pastes for the input: edit, complete, send, scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ...dialogue import commands
from ...dialogue.commands.templates import RUN
from ...dialogue.lookups import FindCommands, FoundCommands, LookUp
from ...dialogue.names import FoundNames
from ...dialogue.parse import block_lines, line_hint, sends_input
from ...dialogue.search_actor import StopSearch
from ...dialogue.shell_blocks import Missing
from ...dialogue.templates import FindTemplates, FoundTemplates
from ...terminal.keys import ESCAPE, Key, Paste, Typed
from ..model import keymap
from ..model.completion import propose, words_of
from ..model.effects import EditText, Effect, Remember
from ..model.state import Choice
from . import output
from .absorb import absorb
from .common_keys import take_common_key
from .focus import focus_next
from .help_keys import show_keys
from .partner import stop_answer
from .scrolling import scroll_page, to_end

if TYPE_CHECKING:
    from ...dialogue.lookups import Result
    from ..model.messages import Edited
    from ..model.state import ChatState

NAMES, COMMANDS, TEMPLATES = 0, -1, -2
"""The numbers of the input's lookups; the dialogue's are greater than 0."""

_FRESH: Final = 2.0
"""Seconds for which found templates are cached.
"""

_NOTHING: Final = "nothing to complete here; Shift+Tab goes to the tasks"


def take_input(state: ChatState, event: Key | Typed | Paste) -> list[Effect]:
    """Handle a key, a run of keys or a paste while the input has the focus."""
    editor = state.editor
    prefix, state.prefix = state.prefix, ""
    if prefix and isinstance(event, Key) and event.name == "ctrl-e":
        return [EditText(editor.text)]
    if editor.searching or not isinstance(event, Key):
        used = editor.handle(event)
        _refresh(state)
        if used or not isinstance(event, Key):
            return []
    if state.choice is not None:
        effects = _take_popup_key(state, state.choice, event)
        if effects is not None:
            return effects
    effects = _take_key(state, event)
    if effects is not None:
        return effects
    before = editor.text
    used = editor.handle(event)
    if event.name in {"up", "down"} and editor.text != before:
        # An input from the history needs no popup.
        state.closed_for = editor.text[: editor.cursor]
    _refresh(state)
    return [] if used else _take_unused(state, event)


def _take_key(state: ChatState, key: Key) -> list[Effect] | None:
    """Handle a key of the input; return None if it is for the editor."""
    empty = not state.editor.text
    match keymap.INPUT.action(key.name):
        case "send":
            return submit(state)
        case "prefix":
            state.prefix = key.name
            state.notice = "Ctrl+E opens the editor"
        case "complete" if not empty or state.editor.offered:
            _complete(state)
        case "complete" | "next-part":
            return focus_next(state)
        case "help-if-empty" if empty:
            show_keys(state)
        case "back" if (stopping := stop_answer(state)) is not None:
            return stopping
        case "back" if state.found is not None and not state.found.ended:
            return [StopSearch()]
        case "back" if state.detail is not None:
            return focus_next(state)
        case "page-up":
            _page(state, -1)
        case "page-down":
            _page(state, 1)
        case _:
            return _take_common(state, key, empty=empty)
    return []


def _take_common(state: ChatState, key: Key, *, empty: bool) -> list[Effect] | None:
    match keymap.COMMON.action(key.name):
        case "interrupt" if not empty:
            state.editor.clear()
            state.notice = "cleared; Ctrl+Y or Up brings it back"
            _refresh(state)
            return []
        case "leave" if not empty:
            return None  # here it deletes a character
        case "":
            if key.name != "end" or not _looks_back(state):
                return None
            to_end(state)
            return []
        case _:
            return take_common_key(state, key)


def _page(state: ChatState, pages: int) -> None:
    if state.detail is None:
        scroll_page(state, pages)
    else:
        output.page(state.detail, pages)


def _complete(state: ChatState) -> None:
    """Accept the suggestion, or request proposals."""
    offered = state.editor.offered
    before = state.editor.text[: state.editor.cursor]
    if state.editor.take_suggestion():
        if offered:
            state.closed_for = offered
        _refresh(state)
    elif _is_in_word(state) or not state.paths.ask(before):
        state.notice = _NOTHING
    else:
        state.closed_for = None
        _propose(state, before)


def _looks_back(state: ChatState) -> bool:
    """Return whether End is for the transcript: nothing to do in the input."""
    editor = state.editor
    at_end = editor.cursor == len(editor.text) and not editor.suggestion
    return at_end and state.conversations.current.place is not None


def _take_unused(state: ChatState, key: Key) -> list[Effect]:
    if key.name in {"end", "ctrl-end"}:
        to_end(state)
    if (then := key.after_escape) is not None:
        return [*take_input(state, ESCAPE), *take_input(state, then)]
    return []


def _take_popup_key(state: ChatState, choice: Choice, key: Key) -> list[Effect] | None:
    count = len(choice.popup.proposals)
    match keymap.POPUP.action(key.name):
        case "close":
            state.closed_for = state.editor.text[: state.editor.cursor]
            state.choice = None
            return []
        case "up" | "down" if count:
            step = -1 if key.name == "up" else 1
            index = (choice.index + step) % count
            state.choice = replace(choice, index=index, moved=True)
            return []
        case "take" if count:
            _accept(state, choice)
            return []
        case "take-or-send" if count and _enter_accepts(state, choice):
            _accept(state, choice)
            # A command without arguments is complete: send it.
            if choice.popup.start == 0 and not state.editor.text.endswith(" "):
                return submit(state)
            return []
        case _:
            return None


def _enter_accepts(state: ChatState, choice: Choice) -> bool:
    popup = choice.popup
    if choice.moved:
        return True
    if state.editor.text[state.editor.cursor :].strip():
        return False  # a line with text after the cursor is meant to be sent
    if popup.wants_one:
        return True
    return popup.start == 0 and not popup.is_complete


def _accept(state: ChatState, choice: Choice) -> None:
    popup = choice.popup
    text = popup.proposals[choice.index].text
    state.editor.replace(popup.start, popup.start + len(popup.word), text)
    if popup.start and not text.endswith("/"):
        state.closed_for = state.editor.text[: state.editor.cursor]
    _refresh(state)


def submit(state: ChatState) -> list[Effect]:
    """Send the input; an empty input opens the task that failed last."""
    conversation = state.conversations.current
    to_end(state)
    state.choice = None
    if not state.editor.text.strip():
        failed = conversation.latest_failure
        if failed is None:
            return []
        show = commands.ShowTask(failed)
        return absorb(state, state.dialogue.take_command(show, conversation.name))
    state.detail = None  # to show the results of the line
    line = state.editor.submit()
    if state.to_split or block_lines(line):
        state.to_split.append(line)
        return _split_first(state) if len(state.to_split) == 1 else []
    state.editor.remember(line)
    if state.to_send or state.dialogue.context.defers:
        # `/quit` would drop the commands before it, which wait for an answer.
        state.to_send.append(line)
        effects = send_waiting(state)
    else:
        effects = absorb(state, state.dialogue.take_line(line, conversation.name))
    state.notice = line_hint(line, notes=state.partner is None) or state.notice
    return [*_remember(line), *effects]


def _remember(line: str) -> list[Effect]:
    """Store a line in the input history, unless it has input for a task: a password."""
    return [] if sends_input(line) else [Remember(line)]


def _split_first(state: ChatState) -> list[Effect]:
    """Request the split of the first waiting input into commands."""
    if not state.to_split:
        return []
    return [LookUp(COMMANDS, FindCommands(block_lines(state.to_split[0])))]


def take_commands(state: ChatState, result: Result) -> list[Effect]:
    """Run the commands into which the first waiting input was split."""
    waiting = _split_first(state)
    found = result if isinstance(result, FoundCommands) else None
    if not waiting or (found and waiting != [LookUp(COMMANDS, found.wanted)]):
        return []  # the input was dropped
    line = state.to_split.popleft()
    commands_found = found and found.commands
    if isinstance(commands_found, Missing):
        if state.to_split:  # the next waiting input continues it
            state.to_split[0] = f"{line}\n{state.to_split[0]}"
        else:
            state.editor.set_text(f"{line}\n{state.editor.text}")
            state.notice = f"bash waits for {commands_found.text}; Ctrl+C clears it"
            _refresh(state)
        return _split_first(state)
    state.editor.remember(line)
    state.to_send.extend(commands_found or (line,))
    effects = send_waiting(state)
    return [*_remember(line), *effects, *_split_first(state)]


def send_waiting(state: ChatState) -> list[Effect]:
    """Run waiting commands, up to the first that doesn't end at once.

    A command may depend on the one before it: `last`, or a conversation.
    """
    effects: list[Effect] = []
    while state.to_send and not (state.leaving or state.dialogue.busy):
        line, where = state.to_send.popleft(), state.conversations.current.name
        effects += absorb(state, state.dialogue.take_line(line, where))
    return effects


def _refresh(state: ChatState) -> None:
    before = state.editor.text[: state.editor.cursor]
    if before != state.closed_for:
        state.closed_for = None
    if state.editor.searching or state.closed_for is not None:
        state.choice = None
        return
    _propose(state, before)


def _is_in_word(state: ChatState) -> bool:
    return bool(state.editor.text[state.editor.cursor :][:1].strip())


def _propose(state: ChatState, before: str) -> None:
    popup = None
    if not _is_in_word(state):
        state.paths.look(before, state.now)
        named = before.startswith(f"{RUN.name} ")
        state.wants_templates = named
        popup = propose(before, words_of(state))
        if not (named and popup is not None and popup.proposals):
            popup = state.paths.popup(before) or popup
    if popup is None:
        state.choice = None
    elif state.choice is None or state.choice.popup != popup:
        state.choice = Choice(popup)


def take_edited(state: ChatState, edited: Edited) -> None:
    """Replace the input by the edited text."""
    editor = state.editor
    if edited.text is not None and edited.text != editor.text:
        editor.replace(0, len(editor.text), edited.text)
    state.notice = edited.problem
    state.closed_for = editor.text[: editor.cursor]
    _refresh(state)


def find_names(state: ChatState) -> list[Effect]:
    """Request names and templates for the input, one search at a time."""
    wanted = state.paths.take_wanted()
    effects: list[Effect] = [] if wanted is None else [LookUp(NAMES, wanted)]
    wants, state.wants_templates = state.wants_templates, False
    if wants and state.now - state.templates_asked >= _FRESH:
        state.templates_asked = state.now
        search = FindTemplates(state.dialogue.context.templates)
        effects.append(LookUp(TEMPLATES, search))
    return effects


def take_templates(state: ChatState, result: Result) -> None:
    """Take found templates, and propose them if the input needs them."""
    if isinstance(result, FoundTemplates):
        state.dialogue.context.found_templates = result
        if state.editor.text.startswith(f"{RUN.name} "):
            _refresh(state)
            state.wants_templates = False


def take_names(state: ChatState, result: Result) -> list[Effect]:
    """Take found names, and propose them if the input still needs them."""
    paths = state.paths
    asked = paths.take(result if isinstance(result, FoundNames) else None, state.now)
    before = state.editor.text[: state.editor.cursor]
    if asked != before:
        _refresh(state)
        return []
    # Tab requested these names, and nothing was typed since.
    _refresh(state)
    choice = state.choice
    count = len(choice.popup.proposals) if choice is not None else 0
    if choice is None or not count:
        state.notice = state.notice or _NOTHING
    elif count == 1:
        _accept(state, choice)
    return []
