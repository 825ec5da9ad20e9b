"""The drawn chat, from its first frame to its last line.

The first frame is drawn with as little loaded as can be; `main_thread` runs the chat.
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
from .model.state import ChatState, kind_words
from .views.input import input_styles
from .views.layout import draw

if TYPE_CHECKING:
    from pathlib import Path

    from ..dialogue.dialogue import Dialogue
    from ..dialogue.partner import Partner
    from ..program.lifetime import AnySystem

logger = logging.getLogger("backburner")

_BACKGROUNDS: Final = {"light": True, "dark": False}  # else the terminal is asked


class ChatOptions(Record, frozen=True):
    """What a chat is opened with.

    Attributes:
        session: The name of the session.
        directory: The folder of the session, for the history and the log; None to keep
            neither.
        config: The settings.
        encoding: What the terminal takes; by it the signs are chosen.
        partner: Who answers what is said, if anybody does.
        come_back: The command that opens the session again, if it goes on when
            somebody leaves; None if it ends.
        templates: The templates there are, but for those of the project.
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
    """Draw the chat on the terminal of the process until somebody leaves.

    Must be called on the main thread, which it blocks.

    Args:
        system: Started; stopped on return, which ends the session if it lives in this
            process.
        options: What else there is to know.
        wakeup: Open, and hears of `DRAWING_SIGNALS` too; one of its own by default.

    Returns:
        The exit status: 0, or 128 and a signal's number if that ended the session, or
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
    """Draw the chat until somebody leaves; return the last line and the exit status."""
    try:
        ended_by = ending(await_foreground(terminal.input_fd, wakeup))
        if ended_by is not None:
            return "backburner: left", EXIT_SIGNAL + ended_by
        with terminal:
            return _run(system, options, terminal, wakeup, quiet)
    except termios.error as error:
        # It never was entered, or the terminal is gone.
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
    # Before what it can do without is loaded: what runs commands, and blessed above
    # all. What is typed meanwhile waits in the terminal, and a signal in the pipe.
    screen.paint(draw(first), first.size)
    terminal.ask(background=options.config.theme == "auto")
    from ..program.orphans import collected  # noqa: PLC0415
    from .main_thread import MainThread  # noqa: PLC0415
    from .update.task_list import PANELS  # noqa: PLC0415

    collect()
    terminal.learn()
    state = _state(system, options, terminal, inputs, notice)
    state.panels = PANELS
    with collected():
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
    """Return the earlier inputs, and what went wrong, if anything did."""
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
        kinds=kind_words(system.kinds),
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
