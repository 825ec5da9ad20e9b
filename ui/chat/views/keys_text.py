"""Which keys do what, in words: for the footer, and for the list that `?` opens."""

from __future__ import annotations

from typing import Final

Keys = tuple[tuple[str, str], ...]
Chapter = tuple[str, Keys]

_ARROWS: Final = {"↑": "Up", "↓": "Down", "←": "Left", "→": "Right"}


def key_name(key: str, *, ascii_only: bool) -> str:
    """Return how a key is called on this screen: arrows as words where need be."""
    if ascii_only:
        for arrow, word in _ARROWS.items():
            key = key.replace(arrow, word)
    return key


INPUT_KEYS: Final[Keys] = (
    ("/", "commands"),
    ("Tab", "tasks"),
    ("PgUp", "scroll"),
    ("Ctrl+R", "search history"),
    ("?", "keys"),
    ("Ctrl+D", "leave"),
)

POPUP_KEYS: Final[Keys] = (
    ("↑ ↓", "choose"),
    ("Tab", "take"),
    ("Enter", "take or send"),
    ("Esc", "close"),
)

SEARCH_KEYS: Final[Keys] = (
    ("Ctrl+R", "older"),
    ("Enter", "take"),
    ("Esc", "back"),
)

PANEL_KEYS: Final[Keys] = (
    ("↑ ↓", "select"),
    ("Enter", "open"),
    ("x", "cancel"),
    ("X", "kill"),
    ("r", "run again"),
    ("/", "filter"),
    ("Esc", "back"),
    ("?", "keys"),
)

FILTER_KEYS: Final[Keys] = (
    ("type", "to filter"),
    ("Enter", "keep it"),
    ("Esc", "drop it"),
)

DETAIL_KEYS: Final[Keys] = (
    ("Esc", "back"),
    ("f", "follow"),
    ("/", "search"),
    ("n N", "next, previous"),
    ("w", "wrap"),
    ("x", "cancel"),
    ("?", "keys"),
    ("↑ ↓ PgUp PgDn Home End", "move"),
)

ENDED_DETAIL_KEYS: Final[Keys] = tuple(
    ("r", "run again") if key == ("x", "cancel") else key for key in DETAIL_KEYS
)

FORGOTTEN_DETAIL_KEYS: Final[Keys] = tuple(
    key for key in DETAIL_KEYS if key != ("x", "cancel")
)

HELP_KEYS: Final[Keys] = (("any key", "back"),)

LONG_HELP_KEYS: Final[Keys] = (("↑ ↓ PgUp PgDn", "scroll"), ("any other key", "back"))

QUERY_KEYS: Final[Keys] = (("Enter", "search"), ("Esc", "back"))

CONFIRM_KEYS: Final[Keys] = (("Enter y Ctrl+C", "leave"), ("Esc n", "stay"))

LEAVING_KEYS: Final[Keys] = (("Ctrl+C", "kill at once"),)

INPUT: Final[Chapter] = (
    "Input",
    (
        ("Enter", "send"),
        ("Ctrl+J, Alt+Enter", "a new line"),
        ("↑ ↓", "earlier inputs"),
        ("Ctrl+R", "search in them"),
        ("→ End Tab", "take the suggestion"),
        ("Tab", "complete, or go to the tasks"),
        ("Shift+Tab", "go there from a draft"),
        ("Ctrl+O", "show a folded paste"),
        ("Ctrl+A E K U W Y _", "as in the shell"),
        ("Ctrl+C", "clear the input, or leave"),
    ),
)
SCREEN: Final[Chapter] = (
    "Screen",
    (
        ("PgUp PgDn, wheel", "scroll"),
        ("End", "back to the end"),
        ("Ctrl+T", "show or hide the tasks"),
        ("Ctrl+L", "draw everything again"),
        ("Ctrl+Z", "pause; fg comes back"),
        ("Ctrl+D", "leave"),
        ("?, F1", "this list"),
    ),
)
TASKS: Final[Chapter] = (
    "Tasks",
    (
        ("↑ ↓", "select"),
        ("Enter", "open"),
        ("x", "cancel"),
        ("X", "kill at once"),
        ("r", "run again"),
        ("/", "filter by words"),
        ("Esc Tab", "back to the input"),
    ),
)
OPEN_TASK: Final[Chapter] = (
    "An open task",
    (
        ("f", "follow the output"),
        ("↑ ↓ PgUp PgDn Home End", "move"),
        ("← →", "sideways, without wrapping"),
        ("/ n N", "search, next, previous"),
        ("w", "wrap long lines or not"),
        ("x X r", "cancel, kill, run again"),
        ("Esc q", "back"),
    ),
)
