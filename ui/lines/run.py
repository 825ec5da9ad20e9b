"""Line mode: chat commands come in line by line, and what the chat would show goes out.

For pipes, scripts and terminals that can't draw.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from ...actors.runtime.promise import Deadline
from ..dialogue.dialogue import Dialogue
from ..dialogue.messages import (
    EndOfInput,
    Farewell,
    Finished,
    LineReport,
    Notice,
    Reopened,
    Verdict,
    ViewLost,
    WantsInput,
)
from ..program.background import Background
from ..program.exit_status import EXIT_SIGNAL, EXIT_UNSUCCESSFUL, EXIT_USAGE
from ..program.lifetime import stop
from .input import LineInput
from .joining import CommandInput
from .line_actor import LineActor
from .views import PlainView

if TYPE_CHECKING:
    import pykka

    from ...actors import TaskSystem
    from ..program.wakeup import Wakeup
    from ..text.theme import Icons
    from .views import View

_STDIN: Final = 0
_STDOUT: Final = 1
_LAST_LINES_TIMEOUT: Final = 2.0
"""Seconds in which the last lines must be taken, once a signal has ended the session.
"""


class _Owner:
    """Takes the LineActor's reports and wakes the main thread for them."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._wants_input = True
        self.finished = False
        self.lost: str | None = None

    def tell(self, report: LineReport, /) -> None:
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
    system: TaskSystem,
    view: View,
    icons: Icons,
    grace: float,
    wakeup: Wakeup,
) -> int:
    """Carry out the lines of standard input, and wait for all tasks at its end.

    Must be called on the main thread, which it blocks.

    Args:
        system: Started; stopped on return.
        view: Takes what is to be shown.
        icons: The signs for statuses.
        grace: Seconds that a task is given to end, for people to read.
        wakeup: Open; hears the signals that end the session.

    Returns:
        The exit status: 0 if every task completed, 1 if one did not, 2 if a line made
        no sense, 128 and a signal's number if that ended the session.
    """
    owner = _Owner(wakeup)
    ui = LineActor.start(
        Dialogue(system.kinds, icons, grace, remembers=system.remembers),
        view,
        system.queue,
        owner,
        system.dead_letters,
    )
    for warning in system.warnings:
        ui.tell(Notice(warning))
    ui.tell(Reopened(system.resumed))
    try:
        system.subscribe(ui, shows=True)
        prompts = (
            isinstance(view, PlainView) and os.isatty(_STDIN) and os.isatty(_STDOUT)
        )
        source = LineInput(_STDIN)
        ended_by = _read_until_finished(ui, owner, wakeup, source, prompts=prompts)
    finally:
        stopped_by = stop(system, wakeup)
    verdict = _part(ui, wakeup, patient=not (ended_by or stopped_by))
    ui.stop(block=False)
    if owner.lost is not None:
        sys.stderr.write(f"backburner: can't write any more: {owner.lost}\n")
    elif verdict is None:
        sys.stderr.write("backburner: nobody took its last lines\n")
    return _exit_status(verdict, ended_by, lost=owner.lost is not None)


def _read_until_finished(
    ui: pykka.ActorRef[LineActor],
    owner: _Owner,
    wakeup: Wakeup,
    source: LineInput,
    *,
    prompts: bool,
) -> int | None:
    commands = CommandInput()
    open_input = True
    wanted = True
    while not owner.finished and owner.lost is None:
        wanted = owner.take_wish() or wanted
        readable, signals = wakeup.wait(*([source.fd] if wanted and open_input else []))
        if signals:
            return signals[0]
        if not readable:
            continue
        complete = commands.take(source.read())
        if prompts and commands.goes_on:
            os.write(_STDOUT, b"> ")
        for message in complete:
            ui.tell(message)
            wanted = False
            open_input = open_input and not isinstance(message, EndOfInput)
    return None


def _part(
    ui: pykka.ActorRef[LineActor], wakeup: Wakeup, *, patient: bool
) -> Verdict | None:
    # Whoever reads the output may take any time for that, but not after a signal.
    verdicts: list[Verdict] = []
    asking = Background(lambda: verdicts.append(ui.ask(Farewell(), block=True)), wakeup)
    deadline = None if patient else Deadline(_LAST_LINES_TIMEOUT)
    while not asking.done and (deadline is None or deadline.left() > 0):
        left = None if deadline is None else deadline.left()
        _, signals = wakeup.wait(timeout=left)
        if signals and deadline is None:
            deadline = Deadline(_LAST_LINES_TIMEOUT)
    if asking.error is not None:
        raise asking.error
    return verdicts[0] if verdicts else None


def _exit_status(verdict: Verdict | None, ended_by: int | None, *, lost: bool) -> int:
    if ended_by is not None:
        return EXIT_SIGNAL + ended_by
    if verdict is not None and verdict.misunderstood:
        return EXIT_USAGE
    failed = verdict is None or verdict.unsuccessful
    return EXIT_UNSUCCESSFUL if failed or lost else 0
