"""The keymap of each mode: keys, actions and their help.

The tables are data. `update` performs the actions, the footer shows the hints, and the
list of keys shows the meanings.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

_ARROWS: Final = {"↑": "Up", "↓": "Down", "←": "Left", "→": "Right"}

Hints = tuple[tuple[str, str], ...]
"""Labels of keys, each with its effect in a word or two."""


class Binding(msgspec.Struct, frozen=True):
    """One or more keys with the same action.

    Attributes:
        keys: Their names, as in `terminal.keys`.
        action: The name of the action; empty for keys that the text field handles.
        label: The keys as help shows them; empty to leave them out of all help.
        meaning: The text in the list of keys; empty to leave them out there.
        hint: The text in the footer; empty to leave them out there.
    """

    keys: tuple[str, ...]
    action: str
    label: str = ""
    meaning: str = ""
    hint: str = ""


class Keymap(msgspec.Struct, frozen=True):
    """The keys of one mode.

    Attributes:
        title: The title of its chapter in the list of keys.
        bindings: The bindings, in the order of the help.
    """

    title: str
    bindings: tuple[Binding, ...]

    def action(self, key: str) -> str:
        """Return the action of a key; empty if it has none."""
        for binding in self.bindings:
            if key in binding.keys:
                return binding.action
        return ""

    def key_of(self, action: str) -> str:
        """Return the first key of an action; empty if it has none."""
        keys = (it.keys[0] for it in self.bindings if it.action == action and it.keys)
        return next(keys, "")

    def hints(self, hidden: frozenset[str] = frozenset()) -> Hints:
        """Return the hints for the footer, without the hidden actions."""
        return tuple(
            (it.label, it.hint)
            for it in self.bindings
            if it.hint and it.action not in hidden
        )

    def meanings(self) -> Hints:
        """Return the entries of the list of keys."""
        return tuple((it.label, it.meaning) for it in self.bindings if it.meaning)


def key_name(key: str, *, ascii_only: bool) -> str:
    """Return the label of a key for this screen; arrows become words in ASCII."""
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
"""Keys with the same action everywhere."""

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

SELECTING: Final = (
    Binding(("up", "k"), "up", "↑ ↓", "select", "select"),
    Binding(("down", "j"), "down"),
    Binding(("pgup",), "page-up"),
    Binding(("pgdn",), "page-down"),
    Binding(("home", "g"), "first"),
    Binding(("end", "G"), "last"),
)
"""Keys that select a row of a list; see `selecting_steps`."""

_PAGE: Final = 5


def selecting_steps(count: int) -> dict[str, int]:
    """Return how many rows each action moves in a list of `count` rows."""
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
        *SELECTING,
        Binding(("enter",), "open", "Enter", "open", "open"),
        Binding(("x",), "cancel", "x", "cancel; Enter confirms", "cancel"),
        Binding(("p",), "pause", "p", "pause or resume; asks first", "pause"),
        Binding(("X",), "kill", "X", "kill at once; asks first"),
        Binding(("r",), "rerun", "r", "run again; asks first", "run again"),
        Binding(("/",), "filter", "/", "filter the list", "filter tasks"),
        Binding(("escape", "q"), "back", "Esc Tab", "back to the input", "back"),
        Binding((), "", "a word", "type it into the input"),
        Binding(("?",), "help", "?", hint="keys"),
    ),
)

PANEL: Final = Keymap(
    "Panels",
    (
        Binding(("tab",), "next"),
        Binding(("shift-tab",), "previous"),
        Binding(("escape",), "to-input"),
    ),
)
"""The default keys of panels."""

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
        Binding(("X",), "kill", "X", "kill at once; asks first"),
        Binding(("r",), "rerun", "r", "run again; asks first", "run again"),
        Binding(("ctrl-o",), "pager", "Ctrl+O", "read its output in $PAGER"),
        Binding(("?",), "help", "?", hint="keys"),
        Binding(("p",), "pause", "p", "pause or resume; asks first", "pause"),
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
"""Keys of an opened task that runs on a terminal."""

FIELD: Final = Keymap(
    "Search",
    (
        Binding(("enter",), "apply", "Enter", hint="search"),
        Binding(("escape", "ctrl-c"), "drop", "Esc", hint="back"),
        Binding((), "", "↑", hint="earlier terms"),
    ),
)
"""Keys of the line for a search or filter in an opened task."""

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
"""Keys of the question if leaving ends the session."""

LEAVING: Final = Keymap("Leaving", (Binding((), "", "Ctrl+C", hint="kill at once"),))
