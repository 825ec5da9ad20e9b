"""The entry point of all changes of the state."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

from ....actors import (
    GroupPaused,
    JournalTrouble,
    MessageSaid,
    Notification,
    QueueReply,
    SchedulesChanged,
    SlotsChanged,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TaskEvent,
    TasksForgotten,
    Transcript,
)
from ...dialogue.lookups import LookedUp
from ...dialogue.messages import Notice, Reopened
from ...dialogue.partner import (
    PartnerDoes,
    PartnerFailed,
    PartnerMessage,
    PartnerSays,
    PartnerThought,
)
from ...terminal import keys
from ..model import keymap
from ..model.effects import Announce, Effect
from ..model.messages import Beat, Edited, Ending, Resized
from ..model.state import Focus, HelpKeys, Leaving, Question
from .absorb import absorb, look_again, write_down
from .common_keys import take_common_key, take_terminal_key
from .detail_keys import act_on_detail, keys_of
from .focus import focus_next, leave_unseen_panel
from .input_keys import (
    COMMANDS,
    NAMES,
    TEMPLATES,
    find_names,
    send_waiting,
    take_commands,
    take_edited,
    take_input,
    take_names,
    take_templates,
)
from .letters import note, recent, to_input
from .mouse import click, wheel
from .overlay_keys import take_help_key, take_leaving_key, take_question_key
from .partner import offer_to_allow, take_partner
from .prompt_keys import paste_into_prompt, take_prompt_key
from .questions import expire
from .restore import restore
from .scrolling import to_end_if_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.keymap import Keymap
    from ..model.state import ChatState

Message = (
    Notification
    | QueueReply
    | PartnerMessage
    | LookedUp
    | keys.Event
    | Notice
    | Reopened
    | Resized
    | Beat
    | Edited
    | Ending
)


def update(state: ChatState, message: Message, now: float) -> list[Effect]:
    """Apply a message to the state; return the effects outside of the state."""
    state.now = now
    effects = _take(state, message)
    return [*effects, *find_names(state), *write_down(state)]


def _take(state: ChatState, message: Message) -> list[Effect]:
    if isinstance(message, Notification):
        return _take_notification(state, message)
    match message:
        case PartnerSays() | PartnerThought() | PartnerDoes() | PartnerFailed():
            return take_partner(state, message)
        case Reopened(tasks=tasks):
            return absorb(state, state.dialogue.take_resumed(tasks))
        case LookedUp(number=number, result=result) if number == NAMES:
            return take_names(state, result)
        case LookedUp(number=number, result=result) if number == COMMANDS:
            return take_commands(state, result)
        case LookedUp(number=number, result=result) if number == TEMPLATES:
            take_templates(state, result)
        case LookedUp():
            effects = absorb(state, state.dialogue.take_lookup(message))
            return [*effects, *send_waiting(state)]
        case Notice(text=text, good=good):
            return absorb(state, state.dialogue.take_notice(text, good=good))
        case keys.Key():
            state.notice = ""
            return _take_key(state, message)
        case keys.Typed():
            return _take_typed(state, message)
        case keys.Paste():
            return _take_paste(state, message)
        case keys.Wheel():
            wheel(state, message)
        case keys.Click():
            return click(state, message)
        case keys.FocusChange(focused=focused):
            state.window_focused = focused
        case keys.BackgroundColor() | keys.DeviceAttributes() | keys.KeyboardProtocol():
            pass  # handled by the actor, which owns the terminal
        case Resized(size=size):
            state.size = size
            leave_unseen_panel(state)
            to_end_if_shown(state)
        case Edited():
            take_edited(state, message)
        case Beat():
            expire(state)
            to_end_if_shown(state)
            return look_again(state)
        case Ending():
            state.leaving = True
            state.overlay = state.prompt = None
        case _:
            return _take_reply(state, message)
    return []


def _take_notification(state: ChatState, news: Notification) -> list[Effect]:
    effects: list[Effect] = []
    match news:
        case TaskChanged(seq=seq, event=event, task=task):
            state.board.apply(task, state.now)
            ended = task.status.is_final and event is not TaskEvent.PROGRESS
            if ended or event is TaskEvent.INPUT:
                effects.append(Announce(task, seq))
            offer_to_allow(state, task)
        case Subscribed(tasks=tasks, unshown=unshown):
            for task in tasks:
                state.board.apply(task, state.now, old=True)
            ended_now = {it.task.id for it in unshown}
            state.conversations.forget_others({it.id for it in tasks} | ended_now)
        case TasksForgotten(ids=ids):
            state.board.forget(ids)
            state.conversations.forget(ids)
        case (
            JournalTrouble()
            | MessageSaid()
            | SystemStopped()
            | SlotsChanged()
            | GroupPaused()
            | SchedulesChanged()
        ):
            pass  # the dialogue shows it
        case _:
            assert_never(news)
    expire(state)
    effects += absorb(state, state.dialogue.take_notification(news))
    return [*effects, *send_waiting(state)]


def _take_reply(state: ChatState, reply: QueueReply) -> list[Effect]:
    if isinstance(reply, Transcript):
        restore(state.conversations, reply)
        return []
    effects = absorb(state, state.dialogue.take_reply(reply))
    return [*effects, *send_waiting(state)]


def _take_key(state: ChatState, key: keys.Key) -> list[Effect]:
    effects = take_terminal_key(key)
    if effects is not None:
        return effects
    if not key.text:
        state.letters = None
    match state.overlay:
        case Question():
            effects = take_question_key(state, state.overlay, key)
        case Leaving():
            effects = take_leaving_key(state, key)
        case HelpKeys():
            effects = take_help_key(state, state.overlay, key)
        case None:
            pass
        case _:
            assert_never(state.overlay)
    return _take_in_focus(state, key) if effects is None else effects


def _take_in_focus(state: ChatState, key: keys.Key) -> list[Effect]:
    """Handle a key in the part with the focus."""
    detail, panel = state.detail, state.panel
    if state.prompt is not None:
        take_prompt_key(state, state.prompt, key)
    elif state.focus is Focus.TASK and detail is not None:
        act = partial(act_on_detail, state, detail)
        return _take_letter_or_key(state, key, keys_of(state, detail), act)
    elif panel is not None:
        if not panel.keys.action(key.name) and keymap.PANEL.action(key.name):
            return _leave_panel(state, keymap.PANEL.action(key.name))
        act = partial(panel.act, state)
        return _take_letter_or_key(state, key, panel.keys, act)
    elif key.text and recent(state) is not None:
        return to_input(state, key)
    else:
        if key.name == "?":
            note(state, key)
        return take_input(state, key)
    return []


def _leave_panel(state: ChatState, action: str) -> list[Effect]:
    if action == "to-input":
        state.focus = Focus.INPUT
        return []
    return focus_next(state, 1 if action == "next" else -1)


def _take_letter_or_key(
    state: ChatState, key: keys.Key, known: Keymap, act: Callable[[str], list[Effect]]
) -> list[Effect]:
    """Handle a key where letters are keys, too."""
    action = known.action(key.name)
    if key.text:
        if not action:
            return to_input(state, key)
        note(state, key)
    if (then := key.after_escape) and not (action or keymap.COMMON.action(key.name)):
        return [*_take_key(state, keys.ESCAPE), *_take_key(state, then)]
    if not action:
        return take_common_key(state, key)
    effects = act(action)
    if state.prompt is not None:
        state.letters = None
    return effects


def _take_typed(state: ChatState, typed: keys.Typed) -> list[Effect]:
    """Handle a run of characters, as a whole once the input has the focus."""
    state.notice = ""
    effects: list[Effect] = []
    for index, key in enumerate(typed.keys):
        if _types(state) and key.name != "?":
            return [*effects, *take_input(state, keys.Typed(typed.keys[index:]))]
        effects += _take_key(state, key)
    return effects


def _types(state: ChatState) -> bool:
    """Return whether letters go to the input."""
    covered = state.overlay is not None or state.prompt is not None
    return not covered and state.focus is Focus.INPUT and recent(state) is None


def _take_paste(state: ChatState, paste: keys.Paste) -> list[Effect]:
    """Insert a paste into the input, whatever has the focus: it must not get lost."""
    state.letters = None
    if state.prompt is not None:
        paste_into_prompt(state, state.prompt, paste)
        return []
    state.focus = Focus.INPUT
    state.overlay = None
    if paste.cut:
        state.notice = "the paste was too long, and its end is lost"
    return take_input(state, paste)
