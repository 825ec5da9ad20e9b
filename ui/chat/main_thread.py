"""The main thread of the chat after the first frame: reads keys and signals.

It is the only thread that reads keys and receives signals. It waits in one `select`
without a timeout, and passes the input on to the actor.
"""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Final

from ...actors.runtime.clock import SystemClock
from ...actors.runtime.promise import answer_of
from ..dialogue.messages import Notice, Reopened
from ..dialogue.owner import HostNews, Owner
from ..program.background import Background
from ..program.exit_status import EXIT_SIGNAL
from ..program.job_control import (
    await_foreground,
    continue_last,
    ending,
    stop_until_continued,
)
from ..program.lifetime import HURRY_AGAIN, lives_in_host
from ..terminal.key_decoder import KeyDecoder
from ..terminal.keys import joined
from .model.effects import EditText, Pausing, ShowTerminal, Suspend, ViewFile
from .model.messages import (
    Close,
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
from .ui_actor import UIActor

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from ..editor.history_file import HistoryFile
    from ..program.lifetime import AnySystem
    from ..program.wakeup import Wakeup
    from ..terminal.screen import Screen
    from ..terminal.terminal import Terminal
    from .model.state import ChatState
    from .run import ChatOptions

_CLOSE_TIMEOUT: Final = 5.0
_OPENED_WITHIN: Final = 1.0
"""Seconds after which keys are read even if the earlier transcript isn't loaded yet."""


class _Owner(Owner):
    """Receives the actor's reports, and wakes the main thread for them."""

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
                pass  # the wake-up is enough: the main thread checks the terminal
            case Hurry():
                self.hurried = True
            case _:
                return self.note(report)
        return self.wake()

    def take_pause(self) -> Pausing | None:
        paused, self._paused = self._paused, None
        return paused


class MainThread:
    """Reads keys from an entered terminal and signals, and sends them to the actor.

    Starts the actor.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        system: AnySystem,
        options: ChatOptions,
        *,
        terminal: Terminal,
        screen: Screen,
        state: ChatState,
        history: HistoryFile | None,
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
        """Run until the session has ended; return the last line and the exit status.

        `trouble`, if any, is shown from the start.
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
            # A last frame that is late must not fail the exit.
            with contextlib.suppress(TimeoutError):
                answer = answer_of(self._ui.ask(close, block=False), _CLOSE_TIMEOUT)
                text = answer.text if isinstance(answer, Summary) else text
        finally:
            with contextlib.suppress(TimeoutError):
                answer_of(self._ui.stop(block=False), _CLOSE_TIMEOUT)
            self._clock.close()
        if self._owner.lost is not None:
            text += f" (can't draw: {self._owner.lost})"
        return text, 0 if self._ended_by is None else EXIT_SIGNAL + self._ended_by

    def _is_over(self) -> bool:
        return (
            self._owner.finished
            or self._owner.lost is not None
            or self._ended_by is not None
        )

    def _stop_system(self) -> None:
        # A signal that follows the end of the session asks it to end at once. The pump
        # may see both together.
        self._hurry_owed = self._owner.finished and self._ended_by is not None
        if self._hurry_owed:
            self._ended_by = None
        # On a thread of its own, so that this thread still handles keys and signals.
        stop = self._system.end if self._owner.ends else self._system.stop
        stopping = Background(stop, self._wakeup)
        ended_by = self._ended_by
        self._pump(lambda: stopping.done, hurry=True)
        self._ended_by = ended_by
        if stopping.error is not None:
            raise stopping.error

    def _pump(self, done: Callable[[], bool], *, hurry: bool = False) -> None:
        """Pass input on to the actor until `done`."""
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
                case None:
                    pass
                case pause:
                    self._run_outside(pause)
            if hurry and (self._owner.hurried or ending(signals) is not None):
                self._owner.hurried = False
                self._hurry_owed = True
            self._hurry_owed = self._hurry_owed and not self._system.hurry()

    @property
    def _is_open(self) -> bool:
        # A line sent before the earlier transcript is loaded would appear above it, and
        # twice. Until then, input waits in the terminal.
        return self._owner.opened or time.monotonic() >= self._reads_from

    def _inputs(self) -> tuple[int, ...]:
        listens = self._open_input and self._is_open and self._terminal.entered
        return (self._terminal.input_fd,) if listens else ()

    def _wait(self) -> float | None:
        """Return how many seconds to wait for input; None for no limit."""
        if self._hurry_owed:
            # The request to hurry came before the thread had begun to stop the system.
            return HURRY_AGAIN
        due = self._decoder.deadline if self._is_open else self._reads_from
        return None if due is None else max(0.0, due - time.monotonic())

    def _take_signals(self, numbers: tuple[int, ...]) -> None:
        for number in continue_last(numbers):
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
        """Stop as any program does on Ctrl+Z, and resume on SIGCONT."""
        signals = stop_until_continued(self._wakeup)
        self._take_signals((*signals, signal.SIGCONT))

    def _run_outside(self, pause: EditText | ViewFile | ShowTerminal) -> None:
        """Let another program or a task use the terminal; it reads the keys."""
        from . import outside  # noqa: PLC0415 - seldom needed

        terminal, wakeup = self._terminal, self._wakeup
        match pause:
            case EditText(text=text):
                edited, ended_by = outside.edit(text, terminal, wakeup)
            case ViewFile(path=path):
                edited, ended_by = outside.view(path, terminal, wakeup)
            case ShowTerminal(task=task):
                edited, ended_by = outside.show_terminal(
                    self._system, task, terminal, wakeup
                )
        self._ended_by = self._ended_by or ended_by
        self._tell(edited)
        if self._ended_by is None:
            self._tell(Resumed(self._terminal.size()))

    def _tell(self, *messages: UIMessage) -> None:
        for message in messages:
            self._ui.tell(message)
