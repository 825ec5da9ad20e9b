"""Background tasks for terminal chats and Pykka programs.

`backburner.actors` is the library, `backburner.ui` the program.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    # Looked up when asked for: reading the metadata takes a third of a start.
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("backburner")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
