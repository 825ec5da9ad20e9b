"""Runs a verb on a session's host."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...actors import RefusedError, TaskSystemError
from ...actors.host import starting
from ...actors.host.stopping import stop_any
from ...actors.rules.safe_text import safe_line
from ..program.config import ConfigError
from ..program.exit_status import EXIT_SIGNAL, EXIT_UNSUCCESSFUL, EXIT_USAGE
from ..program.streams import say_refused
from . import (
    adding,
    control,
    following,
    hosting,
    scheduling,
    showing,
    summing_up,
    talking,
    templates,
)
from .call import UsageError, complain, complain_refused
from .completions import complete
from .ends import warn_if_outdated
from .parser import make_parser
from .reaching import reach, trouble
from .session import enter_task_surroundings, find_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...actors.host.remote import RemoteSystem
    from ...actors.session.closed import ClosedSession
    from .call import Call

_READING: Final[Mapping[str, Callable[[Call, RemoteSystem | ClosedSession], int]]] = {
    "status": showing.status,
    "list": showing.status,
    "show": showing.show,
    "log": following.log,
    "wait": following.wait,
    "schedules": scheduling.schedules,
    "stats": summing_up.stats,
    "failures": summing_up.failures,
    "export": summing_up.export,
}
"""Read-only verbs, which also work without a host."""

_SHOWING: Final = {"show", "log", "stats", "failures", "export"}
"""Verbs that show the stored state once, while `status` may repeat."""

_ON_RUNNING: Final = {"attach", "end", "kill", "send"}
"""Verbs that have nothing to do on a session without a host."""

_STARTING: Final = {"add", "run", "rerun", "cluster"}
"""Verbs that start a host if there is none."""

_VERBS: Final[Mapping[str, Callable[[Call, RemoteSystem], int]]] = {
    "add": adding.add,
    "run": following.run,
    "attach": talking.attach,
    "send": talking.send,
    "cancel": control.cancel,
    "kill": control.kill,
    "move": control.move,
    "pause": control.pause,
    "resume": control.pause,
    "drain": control.drain,
    "group": control.group,
    "edit": adding.edit,
    "rename": adding.rename,
    "cluster": showing.cluster,
    "unschedule": scheduling.unschedule,
    "stash": control.hold,
    "enqueue": control.hold,
    "rerun": adding.rerun,
    "clean": control.clean,
    "parallel": control.parallel,
    "end": control.end,
    **_READING,
}

_WITHOUT_SESSION: Final[Mapping[str, Callable[[Call], int]]] = {
    "sessions": hosting.sessions,
    "host": hosting.host,
    "templates": templates.list_templates,
    "trust": templates.trust_file,
}
"""Verbs that don't run on a session's host."""


def run(arguments: Sequence[str]) -> int:
    """Run the verb of a command line; return the exit status."""
    options = make_parser(arguments[0]).parse_args(arguments[1:])
    if options.verb == "completions":
        return complete([options.shell]) or 0
    try:
        return _carry_out(find_session(options), shlex.join(arguments))
    except (UsageError, ConfigError, ValueError) as error:
        return complain(str(error), EXIT_USAGE)
    except RefusedError as error:
        return complain_refused(error)
    except (TaskSystemError, TimeoutError) as error:
        return complain(str(error), EXIT_UNSUCCESSFUL)
    except OSError as error:
        return say_refused(error)
    except KeyboardInterrupt:
        return EXIT_SIGNAL + signal.SIGINT


def _carry_out(call: Call, typed: str) -> int:
    verb = call.options.verb
    if verb in _WITHOUT_SESSION:
        return _WITHOUT_SESSION[verb](call)
    if getattr(call.options, "template", None):
        templates.apply(call)
    enter_task_surroundings(call.options)
    try:
        system = reach(call.settings, start_host=verb in _STARTING)
    except starting.NoHostError:
        return _without_host(call, typed)
    except starting.OtherProtocolError:
        if verb != "end":
            raise
        stop_any(Path(call.settings.directory), control.ENDED)
        call.say_done(None, f"session {call.settings.name} ended")
        return 0
    try:
        status = _VERBS[verb](call, system)
    except TimeoutError as error:
        if why := trouble(system):
            reads = verb in _READING or (verb == "group" and not call.options.name)
            then = "" if reads else "; it is done as soon as it can be"
            raise TimeoutError(f"{error}: {why}{then}") from error
        raise
    else:
        if verb in _SHOWING:
            warn_if_outdated(system)
        return status
    finally:
        system.stop()


def _without_host(call: Call, typed: str) -> int:
    """Run a read-only verb on a session without a host.

    Only this imports the journal.
    """
    from ...actors.session.closed import ClosedSession  # noqa: PLC0415 - see above

    verb = call.options.verb
    session = ClosedSession(Path(call.settings.directory), call.where)
    if verb not in _READING:
        again = "" if verb in _ON_RUNNING else f"; then repeat: backburner {typed}"
        return complain(f"{session.state}{again}", EXIT_UNSUCCESSFUL)
    status = _READING[verb](call, session)
    if verb not in {"log", "wait"}:
        sys.stdout.flush()
        sys.stderr.write(f"backburner: {safe_line(session.state)}\n")
    return status
