"""Line mode: reads chat commands line by line, and writes the entries of the chat.

For pipes, scripts and terminals that can't draw.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

from ...actors.rules.record import Record
from ...actors.rules.safe_text import safe_line
from ...actors.runtime.promise import Deadline
from ..dialogue.dialogue import Dialogue
from ..dialogue.messages import (
    EndOfInput,
    Farewell,
    Interrupted,
    Notice,
    Reopened,
    Verdict,
)
from ..dialogue.owner import HostNews
from ..dialogue.reports import some_of
from ..program.background import Background
from ..program.exit_status import EXIT_SIGNAL, EXIT_UNSUCCESSFUL, EXIT_USAGE
from ..program.lifetime import stop
from .input import LineInput
from .joining import CommandInput
from .line_actor import LineActor, Manner
from .owner import Owner
from .typist import Typist

if TYPE_CHECKING:
    import pykka

    from ...actors.host.remote import RemoteSystem
    from ..dialogue.templates import Templates
    from ..program.lifetime import AnySystem
    from ..program.wakeup import Wakeup
    from ..text.theme import Icons
    from .typed_input import TypedInput
    from .views import View

_STDIN: Final = 0
_NAMED: Final = 3
_ENOUGH: Final = 3  # signals
_LAST_LINES_TIMEOUT: Final = 2.0
"""Seconds in which the last lines must be taken, once a signal has ended the session.
"""


class Sharing(Record, frozen=True):
    """A session that lives in its host, and how this program shares it."""

    system: RemoteSystem
    manner: Manner
    session: str
    come_back: str

    def last_line(self, verdict: Verdict | None, ended: str) -> str:
        """Return the last line: the running tasks, and how to come back."""
        if ended:
            return f"backburner: session {self.session} ended ({safe_line(ended)})"
        running = verdict.running if verdict else ()
        names = some_of(running, len(running), _NAMED)
        still = f"; still running: {names}" if running else ""
        return (
            f"backburner: left session {self.session}{still};"
            f" come back with: {self.come_back}"
        )


def run_line_mode(  # noqa: PLR0913, PLR0917 - each is one independent thing
    system: AnySystem,
    view: View,
    icons: Icons,
    grace: float,
    wakeup: Wakeup,
    sharing: Sharing | None = None,
    typed: TypedInput | None = None,
    *,
    confirm: tuple[str, ...] = (),
    templates: Templates | None = None,
) -> int:
    """Run the lines of standard input, and wait for all tasks at its end.

    Must be called on the main thread. Blocks.

    Args:
        system: The started system; it is stopped on return, which ends a session that
            lives in this process.
        view: Shows the entries.
        icons: The icons of statuses.
        grace: Seconds between SIGTERM and SIGKILL, for messages.
        wakeup: An open wakeup that receives the signals that end the session.
        sharing: How a session that lives in its host is shared; None for a session of
            this process.
        typed: The terminal, if input is typed on the terminal to which the view writes.
        confirm: Patterns of commands that need confirmation.
        templates: The configured templates, without those of the project.

    Returns:
        The exit status: 0 if every task completed, 1 if one did not, 2 if a line was
        invalid, 128 plus the number of a signal that ended the session.
    """
    owner = Owner(wakeup)
    manner = Manner.ALONE if sharing is None else sharing.manner
    ui = LineActor.start(
        Dialogue(
            system.kinds,
            icons,
            grace,
            remembers=system.remembers,
            detaches=manner is Manner.CHAT,
            confirm=confirm,
            templates=templates,
        ),
        view,
        system.queue,
        owner,
        system.dead_letters,
        manner,
        None if typed is None else typed.line,
    )
    for warning in system.warnings:
        ui.tell(Notice(warning))
    ui.tell(Reopened(system.resumed))
    if sharing is not None:
        sharing.system.listen(HostNews(ui, owner, tells_end=True))
    try:
        system.subscribe(ui, shows=manner is not Manner.SCRIPT)
        if typed is None:
            ended_by = _read_until_finished(ui, owner, wakeup)
        else:
            ended_by = Typist(ui, owner, wakeup, typed).run()
        is_cut_short = ended_by is not None or owner.lost is not None
        if is_cut_short and manner is Manner.SCRIPT:
            _end_own_tasks(ui, owner, wakeup)
    finally:
        stopped_by = stop(system, wakeup, end=owner.ends)
    verdict = _verdict(ui, wakeup, patient=not (ended_by or stopped_by))
    ui.stop(block=False)
    if sharing is not None and manner is Manner.CHAT and not owner.ends:
        sys.stdout.write(f"{sharing.last_line(verdict, owner.ended)}\n")
    if owner.lost is not None:
        _complain(f"can't write output: {owner.lost}")
    elif verdict is None:
        _complain("timed out writing the last lines of output")
    return _exit_status(verdict, ended_by, lost=owner.lost is not None)


def _read_until_finished(
    ui: pykka.ActorRef[LineActor], owner: Owner, wakeup: Wakeup
) -> int | None:
    source, commands = LineInput(_STDIN), CommandInput()
    open_input = True
    wanted = True
    while not owner.finished and owner.lost is None:
        wanted = owner.take_input_request() or wanted
        readable, signals = wakeup.wait(*([source.fd] if wanted and open_input else []))
        if signals:
            return signals[0]
        if not readable:
            continue
        for message in commands.take(source.read()):
            ui.tell(message)
            wanted = False
            open_input = open_input and not isinstance(message, EndOfInput)
    return None


def _end_own_tasks(ui: pykka.ActorRef[LineActor], owner: Owner, wakeup: Wakeup) -> None:
    """Cancel the tasks of a script. Blocks until they have ended.

    A second signal kills them, a third leaves them to the host.
    """
    ui.tell(Interrupted())
    heard = 1
    while not owner.finished and heard < _ENOUGH:
        _, signals = wakeup.wait()
        if signals:
            heard += 1
            ui.tell(Interrupted(now=True))


def _verdict(
    ui: pykka.ActorRef[LineActor], wakeup: Wakeup, *, patient: bool
) -> Verdict | None:
    # Wait for a slow reader of the output without limit, but not after a signal.
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


def _complain(problem: str) -> None:
    # The terminal may be gone.
    with contextlib.suppress(OSError):
        sys.stderr.write(f"backburner: {problem}\n")


def _exit_status(verdict: Verdict | None, ended_by: int | None, *, lost: bool) -> int:
    if ended_by is not None:
        return EXIT_SIGNAL + ended_by
    if verdict is not None and verdict.misunderstood:
        return EXIT_USAGE
    failed = verdict is None or verdict.unsuccessful
    return EXIT_UNSUCCESSFUL if failed or lost else 0
