"""The program: its command line, and what it starts."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

from ..actors import SessionInUseError, TaskSystemError
from ..actors.processes.limits import save_address_space
from ..actors.rules.safe_text import safe_line, safe_lines
from ..actors.rules.shortage import shortage_of
from .dialogue.templates import Templates
from .program import lifetime
from .program.chat_options import (
    command_again,
    configuration,
    make_parser,
    session_folder,
    state_of,
)
from .program.collector import collect
from .program.config import Config, ConfigError, agents_rules, load
from .program.exit_status import EXIT_FAILURE, EXIT_SIGNAL, EXIT_USAGE
from .program.opening import make_system, reach_host, say_what_takes_long, with_grace_of
from .program.streams import hold_standard_streams, say_version
from .program.surroundings import is_drawable
from .program.wakeup import DRAWING_SIGNALS, Wakeup

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence

    from ..actors.host.remote import RemoteSystem
    from .dialogue.partner import Partner
    from .lines.output import StandardOutput
    from .lines.typed_input import TypedInput
    from .program.lifetime import AnySystem

_STDIN, _STDOUT = range(2)
_COLUMNS = 80  # of a terminal of unknown width


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Args:
        arguments: The arguments; by default those of the command line.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.version:
        return say_version()
    if options.ephemeral and options.host:
        parser.error("--ephemeral and --host exclude each other; use one of them")
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
    # An ignored SIGCHLD is inherited; then the kernel reaps children itself, and their
    # exit statuses are lost.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _log_to_stderr()
    try:
        # Until the session is opened, signals just end the program, even if it reads
        # the configuration from a pipe that never ends.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        config = configuration(options)
        templates = Templates.of(
            config, options.config, state_of(options), options.state_dir
        )
        # Before any child can inherit it.
        key = os.environ.pop(config.partner.key_variable, "")
    except ConfigError as error:
        return _refuse(error)
    draws = is_drawable() and not (options.plain or options.json)
    # From here on a signal always ends the session in order.
    with Wakeup(DRAWING_SIGNALS if draws else (), last=True) as wakeup:
        try:
            directory = session_folder(options)
            remote = reach_host(options, config, directory, typed=draws or _is_typed())
            system = remote or make_system(options, config, directory)
            if remote is not None and draws:
                # Starting a host takes as long as loading the chat, so do both at once.
                threading.Thread(target=_load_chat, daemon=True).start()
            ended_by = lifetime.start(
                system,
                wakeup,
                lambda: say_what_takes_long(options.session, system, directory),
            )
        except SessionInUseError as error:
            return _refuse(f"{error}, or open another with --session NAME")
        except (TaskSystemError, ValueError) as error:
            return _refuse(error)
        if ended_by is not None:
            lifetime.stop(system, wakeup)
            return EXIT_SIGNAL + ended_by
        if remote is not None:
            config = with_grace_of(remote, config, options)
        if options.parallel is not None:
            # The session stores the number, and may have another one.
            system.set_slots(options.parallel)
        opened = _Opened(system, remote, options, config, templates, key, wakeup)
        try:
            status = _draw(opened) if draws else _run_lines(opened)
        finally:
            # Already stopped, unless no thread could be started for the stop.
            system.stop()
        for problem in system.problems:
            sys.stderr.write(f"backburner: {safe_line(problem)}\n")
        return status or (EXIT_FAILURE if system.problems else 0)


class _Opened(NamedTuple):
    """An open session, and the objects used with it."""

    system: AnySystem
    remote: RemoteSystem | None
    options: argparse.Namespace
    config: Config
    templates: Templates
    key: str
    wakeup: Wakeup

    @property
    def name(self) -> str:
        """The name of the session, safe to show."""
        return safe_line(self.options.session)

    @property
    def come_back(self) -> str | None:
        """The command to reopen the session; None if it ends with this program."""
        return None if self.remote is None else command_again(self.options)


def _draw(opened: _Opened) -> int:
    """Run the chat until the user leaves; return the exit status."""
    # Imported here: drawing takes longer to load than all of line mode.
    from .chat.run import ChatOptions, run_chat  # noqa: PLC0415

    with _partner(opened) as partner:
        chat = ChatOptions(
            opened.name,
            session_folder(opened.options),
            opened.config,
            sys.stdout.encoding,
            partner,
            opened.come_back,
            opened.templates,
        )
        return run_chat(opened.system, chat, opened.wakeup)


def _run_lines(opened: _Opened) -> int:
    """Run line mode until the end of its input; return the exit status."""
    # Imported here: the chat needs none of it.
    from .lines.line_actor import Manner  # noqa: PLC0415
    from .lines.output import StandardOutput  # noqa: PLC0415
    from .lines.run import Sharing, run_line_mode  # noqa: PLC0415
    from .lines.views import JsonView, PlainView  # noqa: PLC0415
    from .program.orphans import reaping_orphans  # noqa: PLC0415
    from .text.theme import icons_for  # noqa: PLC0415

    collect()
    config, remote, as_json = opened.config, opened.remote, opened.options.json
    icons = icons_for("ascii" if config.ascii else sys.stdout.encoding)
    stream = StandardOutput("utf-8" if as_json else sys.stdout.encoding)
    sharing = None
    if remote is not None:
        manner = Manner.CHAT if _is_typed() else Manner.SCRIPT
        sharing = Sharing(remote, manner, opened.name, opened.come_back or "")
    with (
        reaping_orphans(),
        contextlib.nullcontext() if as_json else _typed_input(stream) as typed,
    ):
        if as_json:
            view = JsonView(stream)
        else:
            view = PlainView(
                typed.line if typed else stream,
                icons,
                repeats=not _is_typed(),
                columns=_columns if typed else None,
            )
            if _is_typed():
                # Last: text typed earlier is echoed twice, by the terminal and here.
                view.greet(opened.name, detaches=remote is not None)
        return run_line_mode(
            opened.system,
            view,
            icons,
            config.grace,
            opened.wakeup,
            sharing,
            typed,
            confirm=config.confirm,
            templates=opened.templates,
        )


@contextlib.contextmanager
def _partner(opened: _Opened) -> Generator[Partner | None]:
    """Start the chat's partner, if one is configured; stop it afterwards."""
    table, system = opened.config.partner, opened.system
    if not (table.url or table.command):
        yield None
        return
    from .dialogue.partner import Partner  # noqa: PLC0415 - most have none
    from .partner.partner_actor import PartnerActor  # noqa: PLC0415 - the same

    actor = PartnerActor(
        system.queue,
        system.dead_letters,
        table=table,
        rules=lambda: agents_rules(load(opened.options.config)),
        directory=session_folder(opened.options),
        grace=opened.config.grace,
        key=opened.key,
    )
    try:
        yield Partner(table.name, actor, actor)
    finally:
        actor.stop()


def _load_chat() -> None:
    from .chat import run  # noqa: PLC0415 - see `_draw`

    del run


def _is_typed() -> bool:
    return os.isatty(_STDIN) and os.isatty(_STDOUT)


def _refuse(error: Exception | str) -> int:
    sys.stderr.write(f"backburner: {safe_line(str(error))}\n")
    return EXIT_USAGE


def _typed_input(
    stream: StandardOutput,
) -> contextlib.AbstractContextManager[TypedInput | None]:
    """Return the reader of the terminal, if input and output are one."""
    if not _is_typed() or os.fstat(_STDIN).st_rdev != os.fstat(_STDOUT).st_rdev:
        return contextlib.nullcontext()
    from .lines.typed_input import TypedInput  # noqa: PLC0415 - a script needs neither
    from .lines.typed_line import TypedLine  # noqa: PLC0415

    return TypedInput(_STDIN, TypedLine(stream, _columns, clears=is_drawable()))


def _columns() -> int:
    try:
        columns = os.get_terminal_size(_STDOUT).columns
    except OSError:
        columns = 0
    return columns or _COLUMNS


class _SafeFormatter(logging.Formatter):
    """Makes log records safe to show: they may quote names, paths and output."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, without control characters except line breaks."""
        return "\n".join(safe_lines(super().format(record)))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_SafeFormatter("backburner: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
