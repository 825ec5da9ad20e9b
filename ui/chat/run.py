"""The drawn chat from its first frame to its last line: keys in, signals in, exit out.

The main thread is here: the only one that reads keys and hears signals. It waits in
one `select` without a timeout, and tells the actor what came.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.rules.safe_text import safe_line
from ...actors.runtime.clock import SystemClock
from ...actors.runtime.promise import answer_of
from ..dialogue.dialogue import Dialogue
from ..dialogue.messages import Notice, Reopened
from ..dialogue.owner import HostNews, Owner
from ..dialogue.partner import Partner
from ..dialogue.templates import Templates
from ..editor.editor import Editor
from ..editor.history_file import HistoryError, HistoryFile
from ..program.background import Background
from ..program.config import Config
from ..program.exit_status import EXIT_FAILURE, EXIT_SIGNAL
from ..program.job_control import await_foreground, ending, stop_until_continued
from ..program.lifetime import HURRY_AGAIN, lives_in_host
from ..program.wakeup import DRAWING_SIGNALS, Wakeup
from ..terminal.key_decoder import KeyDecoder
from ..terminal.keys import joined
from ..terminal.quiet import Quiet
from ..terminal.screen import Screen
from ..terminal.terminal import Terminal
from ..text.theme import Look
from .model.effects import EditText, Pausing, ShowTerminal, Suspend, ViewFile
from .model.messages import (
    Close,
    Edited,
    Ending,
    Entered,
    Hurry,
    Open,
    Opened,
    Pause,
    Resized,
    Resumed,
    Summary,
    UIMessage,
    UIReport,
)
from .model.state import ChatState, kind_words
from .update.task_list import PANELS
from .views.input import input_styles
from .views.layout import draw

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from ...actors import Task
    from ..program.lifetime import AnySystem
    from .ui_actor import UIActor

logger = logging.getLogger("backburner")

_CLOSE_TIMEOUT: Final = 5.0
_BACKGROUNDS: Final = {"light": True, "dark": False}  # else the terminal is asked
_OPENED_WITHIN: Final = 1.0
"""Seconds after which keys are read though what was said before is not there yet."""


class ChatOptions(msgspec.Struct, frozen=True):
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
            return _Chat(system, options, terminal, wakeup).run(quiet.trouble)
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


class _Owner(Owner):
    """Takes the actor's reports and wakes the main thread for them."""

    def __init__(self, wakeup: Wakeup) -> None:
        super().__init__(wakeup)
        self.opened = False
        self.hurried = False
        self._paused: Pausing | None = None

    def tell(self, report: UIReport, /) -> None:
        match report:
            case Opened():
                self.opened = True
            case Suspend() | EditText() | ViewFile() | ShowTerminal():
                self._paused = report
            case Entered():
                pass  # the main thread looks when it is woken
            case Hurry():
                self.hurried = True
            case _:
                return self.note(report)
        return self.wake()

    def take_pause(self) -> Pausing | None:
        paused, self._paused = self._paused, None
        return paused


class _Chat:
    def __init__(
        self,
        system: AnySystem,
        options: ChatOptions,
        terminal: Terminal,
        wakeup: Wakeup,
    ) -> None:
        self._system = system
        self._terminal = terminal
        self._wakeup = wakeup
        self._decoder = KeyDecoder()
        self._owner = _Owner(wakeup)
        self._open_input = True
        self._ended_by: int | None = None
        self._hurry_owed = False
        self._reads_from = time.monotonic() + _OPENED_WITHIN
        self._clock = SystemClock()
        history = None
        if options.directory is not None:
            history = HistoryFile(options.directory / "history.jsonl")
        inputs, notice = _load(history)
        first = _first_state(system, options, terminal, inputs, notice)
        screen = Screen(terminal)
        # Before what it can do without is loaded, blessed above all. What is typed
        # meanwhile waits in the terminal, and a signal in the pipe.
        screen.paint(draw(first), first.size)
        terminal.ask(background=options.config.theme == "auto")
        from .ui_actor import UIActor  # noqa: PLC0415

        terminal.learn()
        state = _first_state(system, options, terminal, inputs, notice)
        self._ui: pykka.ActorRef[UIActor] = UIActor.start(
            state,
            terminal=terminal,
            screen=screen,
            config=options.config,
            history=history,
            partner=options.partner,
            queue=system.queue,
            owner=self._owner,
            clock=self._clock,
            dead_letters=system.dead_letters,
        )

    def run(self, trouble: str | None = None) -> tuple[str, int]:
        """Run until the session has ended.

        Args:
            trouble: What else a person should know from the first.

        Returns:
            The last line and the exit status.
        """
        notices = [*self._system.warnings, *([] if trouble is None else [trouble])]
        text = "backburner: left"
        try:
            self._tell(Open(), *map(Notice, notices), Reopened(self._system.resumed))
            if lives_in_host(self._system):
                self._system.listen(HostNews(self._ui, self._owner))
            self._pump(self._is_over)
            self._tell(Ending())
            self._stop_system()
            close = Close(self._owner.ends, self._owner.ended)
            # A screen that is not finished in time is no reason to fail.
            with contextlib.suppress(TimeoutError):
                answer = answer_of(self._ui.ask(close, block=False), _CLOSE_TIMEOUT)
                text = answer.text if isinstance(answer, Summary) else text
        finally:
            with contextlib.suppress(TimeoutError):
                answer_of(self._ui.stop(block=False), _CLOSE_TIMEOUT)
            self._clock.close()
        if self._owner.lost is not None:
            text += f" (can't draw any more: {self._owner.lost})"
        return text, 0 if self._ended_by is None else EXIT_SIGNAL + self._ended_by

    def _is_over(self) -> bool:
        return (
            self._owner.finished
            or self._owner.lost is not None
            or self._ended_by is not None
        )

    def _stop_system(self) -> None:
        # A person who was told that the session ends, and sends a signal, wants it to
        # end at once; the pump may not have noticed the end before the signal.
        self._hurry_owed = self._owner.finished and self._ended_by is not None
        if self._hurry_owed:
            self._ended_by = None
        # On a thread of its own, so that keys and signals can still be heard.
        stop = self._system.end if self._owner.ends else self._system.stop
        stopping = Background(stop, self._wakeup)
        ended_by = self._ended_by
        self._pump(lambda: stopping.done, hurry=True)
        self._ended_by = ended_by
        if stopping.error is not None:
            raise stopping.error

    def _pump(self, done: Callable[[], bool], *, hurry: bool = False) -> None:
        """Tell the actor what comes in, until it is done."""
        while not done():
            readable, signals = self._wakeup.wait(*self._inputs(), timeout=self._wait())
            self._take_signals(signals)
            if readable:
                self._read()
            elif (due := self._decoder.deadline) and time.monotonic() >= due:
                self._tell(*joined(self._decoder.flush()))
            match self._owner.take_pause():
                case Suspend():
                    self._stop_process()
                case EditText(text=text):
                    self._edit(text)
                case ViewFile(path=path):
                    self._view(path)
                case ShowTerminal(task=task):
                    self._attach(task)
                case None:
                    pass
            if hurry and (self._owner.hurried or ending(signals) is not None):
                self._owner.hurried = False
                self._hurry_owed = True
            self._hurry_owed = self._hurry_owed and not self._system.hurry()

    @property
    def _is_open(self) -> bool:
        # What is sent before what was said earlier is there would stand above it, and
        # be there twice. Until then it waits in the terminal.
        return self._owner.opened or time.monotonic() >= self._reads_from

    def _inputs(self) -> tuple[int, ...]:
        listens = self._open_input and self._is_open and self._terminal.entered
        return (self._terminal.input_fd,) if listens else ()

    def _wait(self) -> float | None:
        """Return how long to wait for something to come; None for ever."""
        if self._hurry_owed:
            # It came before the thread had come to the stop.
            return HURRY_AGAIN
        due = self._decoder.deadline if self._is_open else self._reads_from
        return None if due is None else max(0.0, due - time.monotonic())

    def _take_signals(self, numbers: tuple[int, ...]) -> None:
        # A stopped program that is killed is continued as well: it may be in the
        # background then, and must not touch the terminal any more.
        for number in sorted(set(numbers), key=signal.SIGCONT.__eq__):
            self._take_signal(number)

    def _take_signal(self, number: int) -> None:
        match number:
            case signal.SIGWINCH:
                self._tell(Resized(self._terminal.size()))
            case signal.SIGCONT:
                self._resume()
            case signal.SIGTSTP:
                self._tell(Pause())
            case _:
                self._ended_by = number

    def _resume(self) -> None:
        if self._ended_by is None:
            self._ended_by = ending(
                await_foreground(self._terminal.input_fd, self._wakeup)
            )
        if self._ended_by is None:
            self._tell(Resumed(self._terminal.size()))

    def _read(self) -> None:
        data = self._terminal.read()
        if data:
            self._tell(*joined(self._decoder.feed(data)))
        elif data is not None:
            # The window is gone.
            self._open_input = False
            self._ended_by = self._ended_by or signal.SIGHUP

    def _stop_process(self) -> None:
        """Stop as any program does on Ctrl+Z, and go on when it is continued."""
        signals = stop_until_continued(self._wakeup)
        self._take_signals((*signals, signal.SIGCONT))

    def _edit(self, text: str) -> None:
        """Let the text be edited outside; what is typed meanwhile is the editor's."""
        from .outside import edit  # noqa: PLC0415 - seldom needed

        self._back_from(edit(text, self._terminal, self._wakeup))

    def _view(self, path: str) -> None:
        """Let a file be read outside; what is typed meanwhile is the pager's."""
        from .outside import view  # noqa: PLC0415 - seldom needed

        self._back_from(view(path, self._terminal, self._wakeup))

    def _attach(self, task: Task) -> None:
        """Show a task's terminal; what is typed meanwhile is the task's."""
        from .outside import show_terminal  # noqa: PLC0415 - seldom needed

        self._back_from(show_terminal(self._system, task, self._terminal, self._wakeup))

    def _back_from(self, outcome: tuple[Edited, int | None]) -> None:
        edited, ended_by = outcome
        self._ended_by = self._ended_by or ended_by
        self._tell(edited)
        if self._ended_by is None:
            self._tell(Resumed(self._terminal.size()))

    def _tell(self, *messages: UIMessage) -> None:
        for message in messages:
            self._ui.tell(message)


def _load(history: HistoryFile | None) -> tuple[list[str], str]:
    """Return the earlier inputs, and what went wrong, if anything did."""
    try:
        return history.load() if history else [], ""
    except HistoryError as error:
        return [], str(error)


def _first_state(
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
        dialogue=Dialogue(
            system.kinds,
            look.icons,
            config.grace,
            drawn=True,
            remembers=system.remembers,
            detaches=options.come_back is not None,
            confirm=config.confirm,
            templates=options.templates,
        ),
        come_back=options.come_back,
        kinds=kind_words(system.kinds),
        editor=Editor(inputs, input_styles(look.theme)),
        look=look,
        size=terminal.size(),
        panels=PANELS,
        remembers=system.remembers,
        partner=options.partner.name if options.partner else None,
        notice=notice,
    )
