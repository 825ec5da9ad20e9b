"""The drawn chat, from its first frame to its last line.

The first frame loads as few modules as possible; `main_thread` then runs the chat.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import termios
from typing import TYPE_CHECKING, Final

from ...actors.rules.record import Record
from ...actors.rules.safe_text import safe_line
from ..dialogue.templates import Templates
from ..editor.editor import Editor
from ..editor.history_file import HistoryError, HistoryFile
from ..program.collector import collect
from ..program.config import Config
from ..program.exit_status import EXIT_FAILURE, EXIT_SIGNAL
from ..program.job_control import await_foreground, ending
from ..program.wakeup import DRAWING_SIGNALS, Wakeup
from ..terminal.quiet import Quiet
from ..terminal.screen import Screen
from ..terminal.terminal import Terminal
from ..text.theme import Look
from .model.state import ChatState
from .views.input import input_styles
from .views.layout import draw

if TYPE_CHECKING:
    from pathlib import Path

    from ..dialogue.dialogue import Dialogue
    from ..dialogue.partner import Partner
    from ..program.lifetime import AnySystem

logger = logging.getLogger("backburner")

_BACKGROUNDS: Final = {"light": True, "dark": False}  # else query the terminal


class ChatOptions(Record, frozen=True):
    """The options of a chat.

    Attributes:
        session: The name of the session.
        directory: The folder of the session, for the input history and the log; None to
            keep neither.
        config: The settings.
        encoding: The encoding of the terminal, which decides between Unicode and ASCII
            signs.
        partner: The partner that answers chat messages, if any.
        come_back: The command that reopens the session, if it keeps running after a
            person leaves; None if leaving ends it.
        templates: The configured templates, without those of the project.
    """

    session: str
    directory: Path | None = None
    config: Config = Config()
    encoding: str | None = "utf-8"
    partner: Partner | None = None
    come_back: str | None = None
    templates: Templates = Templates()


def run_chat(
    system: AnySystem, options: ChatOptions, wakeup: Wakeup | None = None
) -> int:
    """Draw the chat on the process's terminal until the person leaves.

    Must be called on the main thread. Blocks.

    Args:
        system: The started system; it is stopped on return, which ends a session that
            lives in this process.
        options: The options of the chat.
        wakeup: An open wakeup that includes `DRAWING_SIGNALS`; by default a new one.

    Returns:
        The exit status: 0, 128 plus the number of a signal that ended the session, or
        `EXIT_FAILURE` if this program failed.
    """
    log = None if options.directory is None else options.directory / "chat.log"
    last_line = "backburner: the chat failed"
    status = EXIT_FAILURE
    terminal = Terminal(
        mouse=options.config.mouse, encoding=options.encoding or "utf-8"
    )
    try:
        with _heard(wakeup) as w:
            try:
                with Quiet(log) as quiet:
                    last_line, status = _draw(system, options, terminal, w, quiet)
                    if status == EXIT_FAILURE and log and quiet.trouble is None:
                        last_line += f"; the log is {log}"
            finally:
                system.stop()
    finally:
        terminal.close()
        sys.stdout.write(f"{safe_line(last_line)}\n")
        sys.stdout.flush()
    return status


def _draw(
    system: AnySystem,
    options: ChatOptions,
    terminal: Terminal,
    wakeup: Wakeup,
    quiet: Quiet,
) -> tuple[str, int]:
    """Draw the chat until it is left; return the last line and the exit status."""
    try:
        ended_by = ending(await_foreground(terminal.input_fd, wakeup))
        if ended_by is not None:
            return "backburner: left", EXIT_SIGNAL + ended_by
        with terminal:
            return _run(system, options, terminal, wakeup, quiet)
    except termios.error as error:
        # The terminal was never entered, or is gone.
        return f"backburner: can't draw on the terminal: {error.args[-1]}", EXIT_FAILURE
    except Exception as error:
        logger.exception("The chat failed")
        return f"backburner: internal error: {error!r}", EXIT_FAILURE
    finally:
        system.stop()


def _heard(wakeup: Wakeup | None) -> contextlib.AbstractContextManager[Wakeup]:
    return Wakeup(DRAWING_SIGNALS) if wakeup is None else contextlib.nullcontext(wakeup)


def _run(
    system: AnySystem,
    options: ChatOptions,
    terminal: Terminal,
    wakeup: Wakeup,
    quiet: Quiet,
) -> tuple[str, int]:
    """Draw the first frame, load the rest, and run the chat; see `_draw`."""
    history = None
    if options.directory is not None:
        history = HistoryFile(options.directory / "history.jsonl")
    inputs, notice = _load(history)
    first = _state(system, options, terminal, inputs, notice)
    screen = Screen(terminal)
    # Paint before loading the modules that the first frame doesn't need: commands and,
    # above all, blessed. Keys wait in the terminal, and signals in the pipe.
    screen.paint(draw(first), first.size)
    terminal.ask(background=options.config.theme == "auto")
    from ..program.orphans import reaping_orphans  # noqa: PLC0415
    from .main_thread import MainThread  # noqa: PLC0415
    from .update.panels import PANELS  # noqa: PLC0415

    collect()
    terminal.learn()
    state = _state(system, options, terminal, inputs, notice)
    state.panels = PANELS
    with reaping_orphans():
        return MainThread(
            system,
            options,
            terminal=terminal,
            screen=screen,
            state=state,
            history=history,
            wakeup=wakeup,
        ).run(quiet.trouble)


def _load(history: HistoryFile | None) -> tuple[list[str], str]:
    """Return the earlier inputs, and an error, if any."""
    try:
        return history.load() if history else [], ""
    except HistoryError as error:
        return [], str(error)


def _state(
    system: AnySystem,
    options: ChatOptions,
    terminal: Terminal,
    inputs: list[str],
    notice: str,
) -> ChatState:
    config = options.config
    encoding = "ascii" if config.ascii else options.encoding
    look = Look.of(encoding, terminal.colors, light=_BACKGROUNDS.get(config.theme))
    return ChatState(
        session=options.session,
        make_dialogue=lambda: _dialogue(system, options, look),
        come_back=options.come_back,
        editor=Editor(inputs, input_styles(look.theme)),
        look=look,
        size=terminal.size(),
        remembers=system.remembers,
        partner=options.partner.name if options.partner else None,
        notice=notice,
    )


def _dialogue(system: AnySystem, options: ChatOptions, look: Look) -> Dialogue:
    from ..dialogue.dialogue import Dialogue  # noqa: PLC0415 - not for the first frame

    return Dialogue(
        system.kinds,
        look.icons,
        options.config.grace,
        drawn=True,
        remembers=system.remembers,
        detaches=options.come_back is not None,
        confirm=options.config.confirm,
        templates=options.templates,
    )
