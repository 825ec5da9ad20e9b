"""The program: its command line, and what it starts."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..actors import SessionInUseError, TaskSystemError
from ..actors.processes.limits import save_address_space
from ..actors.rules.safe_text import safe_line, safe_lines
from ..actors.rules.shortage import shortage_of
from .dialogue.templates import Templates
from .lines.line_actor import Manner
from .lines.output import StandardOutput
from .lines.run import Sharing, run_line_mode
from .lines.typed_input import TypedInput
from .lines.typed_line import TypedLine
from .lines.views import JsonView, PlainView
from .program import lifetime
from .program.config import (
    Config,
    ConfigError,
    agents_rules,
    default_path,
    load,
    use_in_jobs,
)
from .program.exit_status import EXIT_FAILURE, EXIT_SIGNAL, EXIT_USAGE
from .program.folders import state_folder
from .program.host_settings import cluster_settings, host_settings
from .program.options import SafeParser
from .program.orphans import collected
from .program.streams import hold_standard_streams
from .program.surroundings import asks_for_ascii, is_drawable
from .program.verbs import VERBS
from .program.wakeup import DRAWING_SIGNALS, Wakeup
from .text.theme import icons_for

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..actors import TaskSystem
    from ..actors.host.remote import RemoteSystem
    from .dialogue.partner import Partner
    from .program.lifetime import AnySystem

_STDIN, _STDOUT = range(2)
_COLUMNS = 80  # of a terminal that can't tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Args:
        arguments: Those of the command line by default.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.ephemeral and options.host:
        parser.error("--ephemeral remembers nothing, so it has no --host; use one")
    hold_standard_streams()
    save_address_space()
    try:
        return _run(options)
    except (OSError, RuntimeError, MemoryError) as error:
        if (lacking := shortage_of(error)) is None:
            raise
        sys.stderr.write(f"backburner: {lacking}\n")
        return EXIT_FAILURE


def _run(options: argparse.Namespace) -> int:
    # A parent that ignores it hands that down; then the system collects children by
    # itself, and nobody hears how they ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _log_to_stderr()
    try:
        # Before signals are heard: until something has begun, they just end it, even
        # if the configuration comes out of a pipe that never ends.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        config = _configuration(options)
        templates = _templates(options, config)
        # Before anything gets the environment.
        key = os.environ.pop(config.partner.key_variable, "")
    except ConfigError as error:
        return _refuse(error)
    draws = is_drawable() and not (options.plain or options.json)
    # From here on a signal ends the session in order at any point.
    with Wakeup(DRAWING_SIGNALS if draws else (), last=True) as wakeup, collected():
        try:
            directory = _directory(options)
            remote = _reach_host(options, config, directory, typed=draws or _is_typed())
            system = remote or _make_system(options, config, directory)
            if remote is not None and draws:
                # A host that has to be started takes as long as loading this.
                threading.Thread(target=_load_chat, daemon=True).start()
            ended_by = lifetime.start(
                system, wakeup, lambda: _say_what_takes_long(options.session, system)
            )
        except SessionInUseError as error:
            return _refuse(f"{error}, or open another with --session NAME")
        except (TaskSystemError, ValueError) as error:
            return _refuse(error)
        if ended_by is not None:
            lifetime.stop(system, wakeup)
            return EXIT_SIGNAL + ended_by
        if remote is not None:
            config = _with_grace_of(remote, config, options)
        if options.parallel is not None:
            # The session may remember another number, and is to remember this one.
            system.set_slots(options.parallel)
        try:
            status = _use(
                system,
                options,
                config,
                wakeup,
                remote=remote,
                draws=draws,
                key=key,
                templates=templates,
            )
        finally:
            # Nothing is left to do, unless no thread could be started for it.
            system.stop()
        for problem in system.problems:
            sys.stderr.write(f"backburner: {safe_line(problem)}\n")
        return status or (EXIT_FAILURE if system.problems else 0)


def _use(  # noqa: PLR0913 - each is one independent thing
    system: AnySystem,
    options: argparse.Namespace,
    config: Config,
    wakeup: Wakeup,
    *,
    remote: RemoteSystem | None,
    draws: bool,
    key: str,
    templates: Templates,
) -> int:
    """Let a person or a script use a system until it ends; return the exit status.

    Args:
        system: Started.
        options: The command line.
        config: The configuration.
        wakeup: Hears the signals.
        remote: The same system, if the session lives in its host.
        draws: Whether to draw the chat.
        key: That of the chat's partner, if the environment had one.
        templates: Those of the configuration.
    """
    come_back = None if remote is None else _command(options)
    name = safe_line(options.session)
    if draws:
        # Only now: what draws takes longer to load than all of line mode.
        from .chat.run import ChatOptions, run_chat  # noqa: PLC0415

        directory, encoding = _directory(options), sys.stdout.encoding
        with _partner(system, options, config, key) as partner:
            chat = ChatOptions(
                name,
                directory,
                config,
                encoding,
                partner,
                come_back,
                templates,
            )
            return run_chat(system, chat, wakeup)
    icons = icons_for("ascii" if config.ascii else sys.stdout.encoding)
    stream = StandardOutput("utf-8" if options.json else sys.stdout.encoding)
    sharing = None
    if remote is not None:
        manner = Manner.CHAT if _is_typed() else Manner.SCRIPT
        sharing = Sharing(remote, manner, name, come_back or "")
    if options.json:
        view = JsonView(stream)
        return run_line_mode(
            system,
            view,
            icons,
            config.grace,
            wakeup,
            sharing,
            confirm=config.confirm,
            templates=templates,
        )
    with _typed_input(stream) as typed:
        view = PlainView(
            typed.line if typed else stream,
            icons,
            repeats=not _is_typed(),
            columns=_columns if typed else None,
        )
        if _is_typed():
            # Now: what is typed before is shown twice, by its driver and here.
            view.greet(name, detaches=remote is not None)
        grace = config.grace
        return run_line_mode(
            system,
            view,
            icons,
            grace,
            wakeup,
            sharing,
            typed,
            confirm=config.confirm,
            templates=templates,
        )


@contextlib.contextmanager
def _partner(
    system: AnySystem, options: argparse.Namespace, config: Config, key: str
) -> Generator[Partner | None]:
    """Start the chat's partner, if one is configured; stop it in the end."""
    table = config.partner
    if not (table.url or table.command):
        yield None
        return
    from .dialogue.partner import Partner  # noqa: PLC0415 - most have none
    from .partner.partner_actor import PartnerActor  # noqa: PLC0415 - the same

    actor = PartnerActor(
        system.queue,
        system.dead_letters,
        table=table,
        rules=lambda: agents_rules(load(options.config)),
        directory=_directory(options),
        grace=config.grace,
        key=key,
    )
    try:
        yield Partner(table.name, actor, actor)
    finally:
        actor.stop()


def _with_grace_of(
    remote: RemoteSystem, config: Config, options: argparse.Namespace
) -> Config:
    """Return the configuration with the grace period that the host really gives."""
    grace = remote.welcome.grace
    if options.grace is not None and options.grace != grace:
        remote.warn(
            f"this session's host gives tasks {grace:g} s to end, not"
            f" {options.grace:g} s; it is set when the host starts"
        )
    return replace(config, grace=grace)


def _load_chat() -> None:
    from .chat import run  # noqa: PLC0415 - see `_use`

    del run


def _is_typed() -> bool:
    return os.isatty(_STDIN) and os.isatty(_STDOUT)


def _refuse(error: Exception | str) -> int:
    sys.stderr.write(f"backburner: {safe_line(str(error))}\n")
    return EXIT_USAGE


def _typed_input(
    stream: StandardOutput,
) -> contextlib.AbstractContextManager[TypedInput | None]:
    """Return what reads the terminal, if it is read and written to."""
    if not _is_typed() or os.fstat(_STDIN).st_rdev != os.fstat(_STDOUT).st_rdev:
        return contextlib.nullcontext()
    return TypedInput(_STDIN, TypedLine(stream, _columns, clears=is_drawable()))


def _columns() -> int:
    try:
        columns = os.get_terminal_size(_STDOUT).columns
    except OSError:
        columns = 0
    return columns or _COLUMNS


def _configuration(options: argparse.Namespace) -> Config:
    config = load(options.config)
    use_in_jobs(options.config)
    grace = config.grace if options.grace is None else options.grace
    ascii_only = config.ascii or asks_for_ascii(os.environ)
    return replace(config, grace=grace, ascii=ascii_only)


def _directory(options: argparse.Namespace) -> Path | None:
    return None if options.ephemeral else _state(options) / options.session


def _state(options: argparse.Namespace) -> Path:
    return options.state_dir or Path(state_folder())


def _templates(options: argparse.Namespace, config: Config) -> Templates:
    """Return the templates of the configuration.

    Raises:
        ConfigError: If one of them makes no sense.
    """
    words = ["backburner", "trust"]
    if options.state_dir is not None:
        words += ["--state-dir", str(options.state_dir.absolute())]
    file = options.config or default_path()
    return Templates.of(config, file, _state(options), safe_line(shlex.join(words)))


def _reach_host(
    options: argparse.Namespace,
    config: Config,
    directory: Path | None,
    *,
    typed: bool,
) -> RemoteSystem | None:
    """Return what reaches the session's host; None if it is to live in this process.

    One that is there is joined, since the session is open in it. A chat starts one if
    that is wanted; a script never does.
    """
    if directory is None or options.host is False:
        return None
    directory = directory.absolute()
    starts = typed and (options.host or config.host.enabled)
    # False too where this user may not look: opening the session says so.
    if not starts and not os.path.exists(directory / "host.sock"):  # noqa: PTH110
        return None
    from ..actors.host.address import is_served  # noqa: PLC0415 - not for every session
    from ..actors.host.remote import RemoteSystem  # noqa: PLC0415 - the same

    if not starts and not is_served(directory):
        return None
    settings = host_settings(config, directory, options.session, options.parallel)
    return RemoteSystem(settings)


def _command(options: argparse.Namespace) -> str:
    """Return the command that opens this session again."""
    words = ["backburner"]
    if options.session != "main":
        words += ["--session", options.session]
    if options.state_dir is not None:
        words += ["--state-dir", str(options.state_dir.absolute())]
    if options.config is not None:
        words += ["--config", str(options.config.absolute())]
    return safe_line(shlex.join(words))


def _make_system(
    options: argparse.Namespace, config: Config, directory: Path | None
) -> TaskSystem:
    from ..actors import (  # noqa: PLC0415 - most chats find all of it in a host
        BashKind,
        SleepKind,
        TaskSystem,
        installed_kinds,
    )
    from ..actors.cluster.remote import ray_engine  # noqa: PLC0415 - the same

    return TaskSystem(
        directory=directory,
        name=options.session,
        kinds=installed_kinds((BashKind(), SleepKind())),
        slots=options.parallel or config.slots,
        grace=config.grace,
        history=config.history,
        output_limit=config.output_limit,
        session_output_limit=config.session_output_limit,
        resources=config.resources,
        engines=(ray_engine(cluster_settings(config)),),
        pause_on_failure=config.pause_on_failure,
    )


def _say_what_takes_long(session: str, system: AnySystem) -> None:
    if left := system.leftovers:
        doing = f"ending what was left running: {left}; Ctrl+C kills it"
    else:
        doing = "this takes longer than usual"
    sys.stderr.write(f"backburner: opening session {session!r}: {safe_line(doing)}\n")


class _SafeFormatter(logging.Formatter):
    """Makes what is logged safe to show: it may quote names, paths and output."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, without any control character but line breaks."""
        return "\n".join(safe_lines(super().format(record)))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_SafeFormatter("backburner: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options of the chat."""
    # A percent sign has a meaning in the help.
    default_config = safe_line(str(default_path())).replace("%", "%%")
    parser = SafeParser(
        prog="backburner",
        description="A terminal chat that runs jobs in the background.",
        epilog=f"Commands: {', '.join(VERBS)}. Each has its own --help, as in:"
        " backburner add --help. In the chat, /help lists its commands.",
    )
    parser.add_argument(
        "--plain", action="store_true", help="read and write lines instead of drawing"
    )
    parser.add_argument(
        "--json", action="store_true", help="write one JSON object a line"
    )
    parser.add_argument(
        "--parallel",
        type=_slots,
        metavar="N",
        help="tasks that run at a time (default: 8, or what the configuration says)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"the configuration (default: {default_config}, if there is one)",
    )
    parser.add_argument(
        "--grace",
        type=_seconds,
        metavar="S",
        help="seconds between SIGTERM and SIGKILL of a task"
        " (default: 5, or what the configuration says)",
    )
    parser.add_argument(
        "--state-dir", type=_folder, metavar="DIR", help="where sessions are kept"
    )
    parser.add_argument(
        "--session",
        default="main",
        metavar="NAME",
        help="which session to open (default: %(default)s)",
    )
    parser.add_argument(
        "--ephemeral", action="store_true", help="remember nothing of this session"
    )
    parser.add_argument(
        "--host",
        action=argparse.BooleanOptionalAction,
        help="run the session in a process of its own, which goes on when you leave"
        " (default: yes for a chat, unless the configuration says no)",
    )
    parser.add_argument(
        "--version", action=_ShowVersion, nargs=0, help="show the version and exit"
    )
    return parser


class _ShowVersion(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        del namespace, values, option_string
        from importlib.metadata import version  # noqa: PLC0415 - takes a third of a start

        sys.stdout.write(f"backburner {version('backburner')}\n")
        parser.exit()


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("no directory is named; give one")
    return Path(text)


def _slots(text: str) -> int:
    try:
        slots = int(text)
    except ValueError:
        slots = 0
    if slots < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of tasks; give a whole number from 1"
        )
    return slots


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time to wait; give a number of seconds from 0"
        )
    return seconds
