"""The settings of the chat, from a TOML file.

slots = 4
theme = "dark"

[notifications]
only_when_unfocused = false
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

Theme = Literal["auto", "dark", "light"]


class ConfigError(Exception):
    """A configuration can't be used; the text names file, key and reason."""


class Notifications(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tells of a task that ended.

    Attributes:
        bell: Ring the terminal's bell.
        desktop: Show a notification on the desktop, where the terminal can.
        only_when_unfocused: Do neither while the window has the focus.
    """

    bell: bool = True
    desktop: bool = True
    only_when_unfocused: bool = True


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        slots: How many tasks run at a time.
        grace: Seconds between asking a task to end and killing it.
        history: How many finished tasks are remembered.
        output_limit: Bytes of output beyond which a task is ended as failed.
        theme: `dark`, `light`, or `auto`: as the terminal's background is.
        mouse: Whether wheel and clicks are used; without, the terminal selects text.
        ascii: Whether to draw with ASCII only, whatever the locale says.
        notifications: What tells of a task that ended.
    """

    slots: Annotated[int, msgspec.Meta(ge=1)] = 8
    grace: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    history: Annotated[int, msgspec.Meta(ge=0)] = 1000
    output_limit: Annotated[int, msgspec.Meta(ge=1)] = 1 << 30
    theme: Theme = "auto"
    mouse: bool = True
    ascii: bool = False
    notifications: Notifications = Notifications()


def default_path() -> Path:
    """Return where the configuration is looked for, by the manner of the system."""
    raise NotImplementedError


def load(path: Path | None = None) -> Config:
    """Read the configuration.

    Args:
        path: The file, which must exist then; none for `default_path`, which need not.

    Raises:
        ConfigError: If it can't be read, or holds anything that is not a setting.
    """
    raise NotImplementedError
