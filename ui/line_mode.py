"""Line mode: chat commands come in line by line, and what the chat would show goes out.

For pipes, scripts and terminals that can't draw.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final

from .dialogue import Dialogue
from .line_input import LineInput
from .messages import (
    EndOfInput,
    Farewell,
    Finished,
    UIReport,
    Verdict,
    ViewLost,
    WantsInput,
)
from .ui_actor import UIActor
from .wakeup import Wakeup

if TYPE_CHECKING:
    import pykka

    from ..actors import TaskSystem
    from .theme import Icons
    from .view import View

EXIT_UNSUCCESSFUL: Final = 1
EXIT_USAGE: Final = 2
EXIT_SIGNAL: Final = 128
_FAREWELL_TIMEOUT: Final = 10.0


class _Owner:
    """Takes the UIActor's reports and wakes the main thread for them."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._wants_input = True
        self.finished = False
        self.lost: str | None = None

    def tell(self, report: UIReport, /) -> None:
        match report:
            case WantsInput():
                self._wants_input = True
            case Finished():
                self.finished = True
            case ViewLost(reason=reason):
                self.lost = reason
        self._wakeup.nudge()

    def take_wish(self) -> bool:
        wish, self._wants_input = self._wants_input, False
        return wish


def run_line_mode(
    system: TaskSystem, view: View, icons: Icons, grace: float, fd: int = 0
) -> int:
    """Carry out the lines of a file descriptor, and wait for all tasks at its end.

    Args:
        system: Started; stopped on return.
        view: Takes what is to be shown.
        icons: The signs for statuses.
        grace: Seconds that a task is given to end, for people to read.
        fd: Where the lines come from.

    Returns:
        The exit status: 0 if every task completed, 1 if one did not, 2 if a line made
        no sense, 128 and a signal's number if that ended the session.
    """
    with Wakeup() as wakeup:
        owner = _Owner(wakeup)
        ui = UIActor.start(
            Dialogue(system.kinds, icons, grace),
            view,
            system.queue,
            owner,
            system.dead_letters,
        )
        system.subscribe(ui)
        try:
            ended_by = _read_until_finished(ui, owner, wakeup, LineInput(fd))
            _stop(system, wakeup)
            verdict = ui.ask(Farewell(), block=True, timeout=_FAREWELL_TIMEOUT)
        finally:
            ui.stop(timeout=_FAREWELL_TIMEOUT)
    if owner.lost is not None:
        sys.stderr.write(f"backburner: can't write any more: {owner.lost}\n")
    return _exit_status(verdict, ended_by, lost=owner.lost is not None)


def _read_until_finished(
    ui: pykka.ActorRef[UIActor], owner: _Owner, wakeup: Wakeup, source: LineInput
) -> int | None:
    open_input = True
    wanted = True
    while not owner.finished and owner.lost is None:
        wanted = owner.take_wish() or wanted
        readable, signals = wakeup.wait(*([source.fd] if wanted and open_input else []))
        if signals:
            return signals[0]
        if not readable:
            continue
        for message in source.read():
            ui.tell(message)
            wanted = False
            open_input = open_input and not isinstance(message, EndOfInput)
    return None


def _stop(system: TaskSystem, wakeup: Wakeup) -> None:
    # On a thread of its own, so that a second signal can still be heard.
    stopped = threading.Event()
    stopping = threading.Thread(target=_stop_and_nudge, args=(system, wakeup, stopped))
    stopping.start()
    while not stopped.is_set():
        _, signals = wakeup.wait()
        if signals:
            system.hurry()
    stopping.join()


def _stop_and_nudge(
    system: TaskSystem, wakeup: Wakeup, stopped: threading.Event
) -> None:
    try:
        system.stop()
    finally:
        # Not the end of the thread: that comes after the nudge, and would go unheard.
        stopped.set()
        wakeup.nudge()


def _exit_status(verdict: Verdict, ended_by: int | None, *, lost: bool) -> int:
    if ended_by is not None:
        return EXIT_SIGNAL + ended_by
    if verdict.misunderstood:
        return EXIT_USAGE
    return EXIT_UNSUCCESSFUL if verdict.unsuccessful or lost else 0
