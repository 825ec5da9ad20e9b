"""The keys of each mode, what they do, and how they are explained: one table a mode.

The tables are data. `update` carries out the actions that they name, the footer shows
the hints, and the list of keys the meanings.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

_ARROWS: Final = {"↑": "Up", "↓": "Down", "←": "Left", "→": "Right"}

Hints = tuple[tuple[str, str], ...]
"""Keys as they are written, and what each does in a word or two."""


class Binding(msgspec.Struct, frozen=True):
    """One or more keys that do the same.

    Attributes:
        keys: Their names, as in `terminal.keys`.
        action: What they do; empty for keys that the text field takes itself.
        label: How they are written; empty to explain them nowhere.
        meaning: What the list of keys says of them; empty to leave them out there.
        hint: What the footer says of them; empty to leave them out there.
    """

    keys: tuple[str, ...]
    action: str
    label: str = ""
    meaning: str = ""
    hint: str = ""


class Keymap(msgspec.Struct, frozen=True):
    """The keys of one mode.

    Attributes:
        title: Of its chapter in the list of keys.
        bindings: In the order in which both lists show them.
    """

    title: str
    bindings: tuple[Binding, ...]

    def action(self, key: str) -> str:
        """Return what a key does; empty if it has no meaning here."""
        for binding in self.bindings:
            if key in binding.keys:
                return binding.action
        return ""

    def key_of(self, action: str) -> str:
        """Return the first key that does something; empty if none does."""
        keys = (it.keys[0] for it in self.bindings if it.action == action and it.keys)
        return next(keys, "")

    def hints(self, hidden: frozenset[str] = frozenset()) -> Hints:
        """Return what the footer shows, without some actions."""
        return tuple(
            (it.label, it.hint)
            for it in self.bindings
            if it.hint and it.action not in hidden
        )

    def meanings(self) -> Hints:
        """Return what the list of keys shows."""
        return tuple((it.label, it.meaning) for it in self.bindings if it.meaning)


def key_name(key: str, *, ascii_only: bool) -> str:
    """Return how a key is called on this screen: arrows as words where need be."""
    if ascii_only:
        for arrow, word in _ARROWS.items():
            key = key.replace(arrow, word)
    return key


COMMON: Final = Keymap(
    "Screen",
    (
        Binding(("pgup", "pgdn"), "", "PgUp PgDn, wheel", "scroll"),
        Binding((), "", "End", "back to the end"),
        Binding(("ctrl-t",), "toggle-panels", "Ctrl+T", "show or hide the tasks"),
        Binding(("ctrl-l",), "redraw", "Ctrl+L", "draw everything again"),
        Binding(("alt-t",), "thoughts", "Alt+T", "show the partner's reasoning"),
        Binding(("alt-m",), "mouse", "Alt+M", "mouse off, to select text, or on"),
        Binding((), "", "Shift+drag", "select text with the mouse on"),
        Binding(("ctrl-z",), "suspend", "Ctrl+Z", "suspend; fg resumes"),
        Binding(("ctrl-d",), "leave", "Ctrl+D", "leave"),
        Binding(("ctrl-c",), "interrupt"),
        Binding(("f1",), "help", "?, F1", "this list"),
    ),
)
"""What means the same everywhere."""

INPUT: Final = Keymap(
    "Input",
    (
        Binding(("escape",), "back", "Esc", "back to the opened task", "to the task"),
        Binding((), "", "Esc", "stop the partner"),
        Binding(("enter",), "send", "Enter", "send"),
        Binding((), "", "Ctrl+J, Alt+Enter", "a new line"),
        Binding((), "", "/", hint="commands"),
        Binding((), "", "↑ ↓", "earlier inputs"),
        Binding(("pgup",), "page-up", "PgUp", hint="scroll"),
        Binding(("pgdn",), "page-down"),
        Binding((), "", "Ctrl+R", "search earlier inputs", "search history"),
        Binding((), "", "→ End Tab", "accept the suggestion"),
        Binding(("tab",), "complete", "Tab", "complete; if empty, task list", "tasks"),
        Binding(("shift-tab",), "next-part", "Shift+Tab", "task list, with a draft"),
        Binding((), "", "Ctrl+O", "show a folded paste"),
        Binding(("ctrl-x",), "prefix", "Ctrl+X Ctrl+E", "edit the input in $EDITOR"),
        Binding((), "", "Ctrl+A E K U W Y _", "as in the shell"),
        Binding((), "", "Ctrl+C", "clear the input; if empty, leave"),
        Binding((), "", "Ctrl+Y, ↑", "bring back what Ctrl+C cleared"),
        Binding(("?",), "help-if-empty", "?", hint="keys"),
        Binding((), "", "Ctrl+D", hint="leave"),
    ),
)

POPUP: Final = Keymap(
    "Popup",
    (
        Binding(("up",), "up", "↑ ↓", hint="choose"),
        Binding(("down",), "down"),
        Binding(("tab",), "take", "Tab", hint="take"),
        Binding(("enter",), "take-or-send", "Enter", hint="take or send"),
        Binding(("escape",), "close", "Esc", hint="close"),
    ),
)

HISTORY: Final = Keymap(
    "History",
    (
        Binding((), "", "Ctrl+R", hint="older"),
        Binding((), "", "Enter", hint="take"),
        Binding((), "", "Esc", hint="back"),
    ),
)

_SELECTING: Final = (
    Binding(("up", "k"), "up", "↑ ↓", "select", "select"),
    Binding(("down", "j"), "down"),
    Binding(("pgup",), "page-up"),
    Binding(("pgdn",), "page-down"),
    Binding(("home", "g"), "first"),
    Binding(("end", "G"), "last"),
)

_PAGE: Final = 5


def selecting_steps(count: int) -> dict[str, int]:
    """Return by how many rows each of these actions moves in a list of so many."""
    return {
        "up": -1,
        "down": 1,
        "page-up": -_PAGE,
        "page-down": _PAGE,
        "first": -count,
        "last": count,
    }


TASKS: Final = Keymap(
    "Tasks",
    (
        *_SELECTING,
        Binding(("enter",), "open", "Enter", "open", "open"),
        Binding(("x",), "cancel", "x", "cancel; Enter confirms", "cancel"),
        Binding(("p",), "pause", "p", "pause or resume; asks too", "pause"),
        Binding(("X",), "kill", "X", "kill at once; asks too"),
        Binding(("r",), "rerun", "r", "run again; asks too", "run again"),
        Binding(("/",), "filter", "/", "filter the list", "filter tasks"),
        Binding(("escape", "q"), "back", "Esc Tab", "back to the input", "back"),
        Binding((), "", "a word", "type it into the input"),
        Binding(("?",), "help", "?", hint="keys"),
    ),
)

FOUND: Final = Keymap(
    "Results of /find",
    (
        *_SELECTING,
        Binding(("enter",), "open", "Enter", "open the task at the line", "open"),
        Binding(("escape", "q"), "back", "Esc", "stop the search, then close", "back"),
        Binding(("?",), "help", "?", hint="keys"),
    ),
)
"""The lines that `/find` has found."""

PANEL: Final = Keymap(
    "Panels",
    (
        Binding(("tab",), "next"),
        Binding(("shift-tab",), "previous"),
        Binding(("escape",), "to-input"),
    ),
)
"""What means the same in every panel that does not say otherwise."""

TASK: Final = Keymap(
    "An opened task",
    (
        Binding(("escape", "q", "ctrl-c"), "back", "Esc", "back; q too", "back"),
        Binding(("f",), "follow", "f", "follow the output", "follow"),
        Binding(("/",), "find", "/", "search; ↑: earlier terms", "search output"),
        Binding(("n",), "find-next", "n N", "next match, previous", "next"),
        Binding(("N",), "find-previous"),
        Binding(("&",), "lines", "&", "show only lines that match", "lines"),
        Binding(("x",), "cancel", "x", "cancel; Enter confirms", "cancel"),
        Binding(("X",), "kill", "X", "kill at once; asks too"),
        Binding(("r",), "rerun", "r", "run again; asks too", "run again"),
        Binding(("ctrl-o",), "pager", "Ctrl+O", "read its output in $PAGER"),
        Binding(("?",), "help", "?", hint="keys"),
        Binding(("p",), "pause", "p", "pause or resume; asks too", "pause"),
        Binding(("w",), "wrap", "w", "wrap long lines, or not", "wrap"),
        Binding(("up", "k"), "up", "↑ ↓ PgUp PgDn Home End", "move", "move"),
        Binding(("down", "j"), "down"),
        Binding(("pgup", "b"), "page-up"),
        Binding(("pgdn", "space"), "page-down"),
        Binding(("home", "g"), "first"),
        Binding(("end", "G"), "last"),
        Binding(("left",), "left", "← →", "scroll sideways"),
        Binding(("right",), "right"),
        Binding(("tab", "shift-tab"), "to-input", "Tab", "to the input and back"),
        Binding(("enter",), "stay"),
        Binding((), "", "a word", "type it into the input"),
    ),
)

TERMINAL: Final = Keymap(
    TASK.title,
    (
        *TASK.bindings[:1],
        Binding(
            ("i",), "keys", "i", "use its terminal; Ctrl+] returns", "its terminal"
        ),
        *TASK.bindings[1:],
    ),
)
"""The same, if the task has a terminal and runs."""

FIELD: Final = Keymap(
    "Search",
    (
        Binding(("enter",), "apply", "Enter", hint="search"),
        Binding(("escape", "ctrl-c"), "drop", "Esc", hint="back"),
        Binding((), "", "↑", hint="earlier terms"),
    ),
)
"""A line that is typed to search in an opened task, or to show a part of it."""

TASK_FILTER: Final = Keymap(
    "Filter",
    (
        Binding((), "", "type", hint="to filter"),
        Binding(("enter", "tab"), "apply", "Enter", hint="keep it"),
        Binding(("escape", "ctrl-c"), "drop", "Esc", hint="drop it"),
        Binding(("up",), "up"),
        Binding(("down",), "down"),
    ),
)

HELP: Final = Keymap(
    "Keys",
    (
        Binding(("up",), "up", "↑ ↓ PgUp PgDn", hint="scroll"),
        Binding(("down",), "down"),
        Binding(("pgup",), "page-up"),
        Binding(("pgdn", "space"), "page-down"),
        Binding((), "", "any other key", hint="back"),
    ),
)

LEAVE: Final = Keymap(
    "Leave?",
    (
        Binding(("enter", "ctrl-c", "ctrl-d"), "leave", "Enter Ctrl+C", hint="leave"),
        Binding(("escape",), "stay", "Esc", hint="stay"),
        Binding(("y", "Y"), "wait"),
        Binding(("n", "N", "q"), "stay"),
    ),
)

_ENDING: Final = {"leave": "end the session", "stay": "cancel"}

END: Final = Keymap(
    "End the session?",
    tuple(
        replace(it, hint=_ENDING[it.action]) if it.hint else it for it in LEAVE.bindings
    ),
)
"""The same keys, where leaving ends the session."""

LEAVING: Final = Keymap("Leaving", (Binding((), "", "Ctrl+C", hint="kill at once"),))
