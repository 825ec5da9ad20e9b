"""Carrying out a verb on a session's host."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import platformdirs

from ...actors import (
    AddTask,
    CancelTask,
    CatchUp,
    RefusedError,
    Task,
    TaskAdded,
    TaskFilter,
    TaskRequest,
    TaskStatus,
    TaskSystemError,
)
from ...actors.host import starting
from ...actors.host.address import is_served
from ...actors.host.remote import RemoteSystem
from ...actors.host.stopping import runs_jobs, stop_any
from ...actors.messages import RefusalCode
from ...actors.processes.output_file import read_tail
from ...actors.rules.outcome import TIMED_OUT
from ...actors.rules.safe_text import is_unicode, safe_json, safe_line, safe_lines
from ...actors.runtime.zones import zone_for
from ...actors.session.asking import ANSWER_TIMEOUT, ask
from ...actors.session.output_lines import place_of_last
from ...actors.system import check_session_name
from ..dialogue.batch import PLACE, each_request, filled, read_lines
from ..dialogue.reports import (
    detail_lines,
    list_lines,
    news_text,
    output_end,
    rules_lines,
    select,
    slots_text,
)
from ..dialogue.schedule_reports import schedule_lines, schedule_text
from ..program.config import ConfigError, load
from ..program.exit_status import EXIT_SIGNAL, EXIT_UNSUCCESSFUL, EXIT_USAGE
from ..program.host_settings import host_settings
from ..text.theme import icons_for
from .completions import complete
from .editor import edited
from .ends import TaskEnds
from .lean_add import command_line
from .output import OutputCopy
from .parser import make_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ...actors import QueueRules, Schedule
    from ...actors.host.settings import HostSettings
    from ..dialogue.new_task import Asked

EXIT_TIMEOUT: Final = 124
"""The exit status of a wait that took too long, as of `timeout`."""

_FILTERS: Final = {
    None: TaskFilter.NOT_CANCELED,
    "completed": TaskFilter.COMPLETE,
}
_OF_A_SESSION: Final = ("session.db", "host.sock")
_PAUSE: Final = 0.1
"""Seconds between two looks at a file that grows; the end of its task is told."""

_SIGNALED: Final = re.compile(r"killed by signal (\d+)")


_ENDED: Final = "the session was ended: backburner end"
_STOPPED: Final = "the session's host was stopped"

_HINTS: Final = {
    RefusalCode.UNKNOWN: "; `backburner status --all` lists those there are",
    RefusalCode.FINISHED: "; `backburner show` tells more",
}


class _UsageError(Exception):
    """The command makes no sense; the text says why and what to do."""


def run(arguments: Sequence[str]) -> int:
    """Carry out the verb of a command line; return the exit status."""
    options = make_parser().parse_args(arguments)
    if options.verb == "completions":
        return complete([options.shell]) or 0
    try:
        return _Verb(options).run()
    except (_UsageError, ConfigError, ValueError) as error:
        return _complain(str(error), EXIT_USAGE)
    except RefusedError as error:
        hint = _HINTS.get(error.code, "")
        invalid = error.code is RefusalCode.INVALID
        status = EXIT_USAGE if invalid else EXIT_UNSUCCESSFUL
        return _complain(f"{error}{hint}", status)
    except (TaskSystemError, TimeoutError) as error:
        return _complain(str(error), EXIT_UNSUCCESSFUL)
    except BrokenPipeError:
        # Nobody reads any more, as after `| head`; Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_UNSUCCESSFUL
    except OSError as error:
        what = "" if error.filename is None else f"can't use {error.filename}: "
        return _complain(f"{what}{error.strerror or error}", EXIT_UNSUCCESSFUL)
    except KeyboardInterrupt:
        return EXIT_SIGNAL + signal.SIGINT


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"backburner: {safe_line(text)}\n")
    return status


def _say(*lines: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        text = line.encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say_json(value: object) -> None:
    _say(safe_json(msgspec.json.encode(value).decode()))


class _Verb:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._json = getattr(options, "json", False)
        self._icons = icons_for(sys.stdout.encoding)
        self._state, self._settings = self._find_session()

    def run(self) -> int:
        """Carry out the verb."""
        verb = self._options.verb
        if verb == "sessions":
            return self._sessions()
        if verb == "host":
            return self._host()
        starts = verb in {"add", "run", "rerun"}
        self._enter_task_surroundings()
        try:
            system = RemoteSystem(self._settings, start_host=starts)
            system.start()
        except starting.NoHostError:
            name = self._settings.name
            text = f"session {name!r} has no host, so nothing of it runs"
            return _complain(f"{text}; `backburner add` starts one", EXIT_UNSUCCESSFUL)
        except starting.OtherProtocolError:
            if verb != "end":
                raise
            stop_any(Path(self._settings.directory), _ENDED)
            _say(f"session {self._settings.name} ended")
            return 0
        with_system = {
            "add": self._add,
            "run": self._run,
            "status": self._status,
            "list": self._status,
            "show": self._show,
            "log": self._log,
            "wait": self._wait,
            "cancel": self._cancel,
            "kill": self._kill,
            "move": self._move,
            "pause": self._pause,
            "resume": self._pause,
            "group": self._group,
            "edit": self._edit,
            "rename": self._rename,
            "schedules": self._schedules,
            "unschedule": self._unschedule,
            "stash": self._hold,
            "enqueue": self._hold,
            "rerun": self._rerun,
            "clean": self._clean,
            "parallel": self._parallel,
            "end": self._end,
        }
        try:
            return with_system[verb](system)
        finally:
            system.stop()

    # Which session.

    def _find_session(self) -> tuple[Path, HostSettings]:
        options = self._options
        given = os.environ.get("BACKBURNER_SESSION", "")
        if "/" in given and options.session is None and options.state_dir is None:
            # A job of a host asks: the variable is the folder of its session.
            directory = Path(given).absolute()
        else:
            state = options.state_dir or platformdirs.user_state_path("backburner")
            name = options.session or (given if "/" not in given else "") or "main"
            check_session_name(name)
            directory = state.absolute() / name
        check_session_name(directory.name)
        if not is_unicode(str(directory)):
            raise _UsageError(
                f"the path of the session, {str(directory)!r}, is not valid UTF-8; name"
                " another with --state-dir DIR"
            )
        settings = host_settings(load(options.config), directory, directory.name)
        return directory.parent, settings

    def _enter_task_surroundings(self) -> None:
        """Be where the task is to run; the host is told this process's surroundings."""
        options = self._options
        os.environ.update(getattr(options, "env", ()))
        workdir = getattr(options, "workdir", None)
        if workdir is not None:
            try:
                os.chdir(workdir)
            except OSError as error:
                raise _UsageError(
                    f"can't run in {workdir}: {error.strerror}"
                ) from error
            os.environ["PWD"] = os.getcwd()  # noqa: PTH109 - a text

    # Verbs.

    def _request(self) -> TaskRequest:
        asked: Asked = self._options.asked
        asked.check()
        command = command_line(self._options.words) if self._options.words else ""
        if asked.batch and not command:
            command = PLACE  # each line is a command
        if not command.strip():
            verb = self._options.verb
            raise _UsageError(f"missing command; try: backburner {verb} -- make test")
        label = self._options.label or command.strip()
        return TaskRequest(label, "bash", (command,), terms=asked.task_terms)

    def _add(self, system: RemoteSystem) -> int:
        asked: Asked = self._options.asked
        request = self._request()
        if asked.every:
            self._schedule(system, request, asked)
            return 0
        values = asked.each
        if asked.batch:
            values = read_lines(_text_of(asked.batch))
        once = asked.unless_queued
        if values:
            words = self._options.words
            added = [
                system.add_request(it, unless_queued=once)
                for it in _each(request, values, asked, words, self._options.label)
            ]
            self._tell_all_added(added)
        else:
            add = AddTask(request, unless_queued=once)
            letters = system.dead_letters
            reply = ask(system.queue, add, TaskAdded, ANSWER_TIMEOUT, letters)
            self._tell_added(reply.task, existed=reply.existed)
        return 0

    def _tell_all_added(self, tasks: list[Task]) -> None:
        if self._json:
            _say_json(tasks)
        elif self._options.print_id:
            _say(*(str(task.id) for task in tasks))
        else:
            many = f" to #{tasks[-1].id}" if len(tasks) > 1 else ""
            _say(f"added #{tasks[0].id}{many}")

    def _edit(self, system: RemoteSystem) -> int:
        options = self._options
        task = system.get(options.id)
        command = command_line(options.words) if options.words else ""
        if not command and options.label is None:
            if task.status is not TaskStatus.QUEUED or len(task.args) != 1:
                raise _UsageError(f"#{task.id} is not a queued task of one command")
            command = edited(task.args[0])
            if command == task.args[0]:
                return _complain("nothing was changed", EXIT_UNSUCCESSFUL)
        args = (command,) if command else ()
        task = system.edit(task.id, *args, description=options.label)
        self._tell_altered([task])
        return 0

    def _rename(self, system: RemoteSystem) -> int:
        name = " ".join(self._options.text)
        self._tell_altered([system.edit(self._options.id, description=name)])
        return 0

    def _schedule(
        self, system: RemoteSystem, request: TaskRequest, asked: Asked
    ) -> None:
        schedule = system.schedule(
            request,
            asked.every,
            zone=zone_for(asked.every, asked.zone),
            catch_up=asked.catch_up or CatchUp.ONCE,
            overlap=asked.overlap,
        )
        if self._options.print_id and not self._json:
            _say(str(schedule.id))
        else:
            self._tell_schedules([schedule])

    def _schedules(self, system: RemoteSystem) -> int:
        found = system.schedules()
        if self._json:
            _say_json(found)
        else:
            _say(*schedule_lines(found, datetime.now(UTC)))
        return 0

    def _unschedule(self, system: RemoteSystem) -> int:
        removed = [system.unschedule(it) for it in self._options.ids]
        self._tell_schedules(removed, "removed ")
        return 0

    def _tell_schedules(self, schedules: list[Schedule], before: str = "") -> None:
        now = datetime.now(UTC)
        if self._json:
            _say_json(schedules)
        else:
            _say(*(f"{before}{schedule_text(it, now)}" for it in schedules))

    def _tell_added(self, task: Task, *, existed: bool = False) -> None:
        if self._json:
            _say_json(task)
        elif getattr(self._options, "print_id", False):
            _say(str(task.id))
        else:
            _say(f"#{task.id} is queued already" if existed else f"added #{task.id}")

    def _run(self, system: RemoteSystem) -> int:
        with TaskEnds(system) as ends:
            asked: Asked = self._options.asked
            if asked.every or asked.each or asked.batch:
                raise _UsageError(
                    "run waits for one task; use add for --every, --each and --batch"
                )
            task = system.add_request(self._request())
            return self._follow_to_end(system, ends, task)

    def _follow_to_end(self, system: RemoteSystem, ends: TaskEnds, task: Task) -> int:
        output = OutputCopy(task)
        while True:
            try:
                output.copy(task)
                if task.status.is_final:
                    break
                (task,) = ends.wait((task.id,), _PAUSE) or (task,)
            except KeyboardInterrupt:
                status = self._ask_about(system, task)
                if status is not None:
                    return status
        if task.status is not TaskStatus.COMPLETE:
            sys.stderr.write(f"{news_text(task, self._icons)}\n")
        return _status_of(task)

    def _ask_about(self, system: RemoteSystem, task: Task) -> int | None:
        """Ask what Ctrl+C means; return an exit status to leave with."""
        leave = EXIT_SIGNAL + signal.SIGINT
        goes_on = f"#{task.id} keeps running; see: backburner log -f {task.id}\n"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            sys.stderr.write(goes_on)
            return leave
        sys.stderr.write(
            f"\n#{task.id} runs: Ctrl+C again cancels it, Enter leaves it running,"
            " g and Enter goes on showing it: "
        )
        sys.stderr.flush()
        try:
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            system.queue.tell(CancelTask(task.id, "canceled by you"))
            return None
        if answer.strip().lower().startswith("g"):
            return None
        sys.stderr.write(goes_on)
        return leave

    def _status(self, system: RemoteSystem) -> int:
        name = self._options.which
        which = _FILTERS.get(name) or TaskFilter(name)
        while True:
            answer = system.find(which)
            answer = select(answer, self._options.group, self._options.label)
            if self._json:
                _say_json(answer.tasks)
            else:
                if self._options.watch and sys.stdout.isatty():
                    sys.stdout.write("\x1b[H\x1b[2J")
                _say(*list_lines(answer, which, self._icons))
            if not self._options.watch:
                return 0
            time.sleep(1.0)

    def _show(self, system: RemoteSystem) -> int:
        found = system.look_up(self._options.id)
        if self._json:
            _say_json(found.task)
        else:
            _say(*detail_lines(found, self._icons, (), output_end(found.task)))
        return 0

    def _log(self, system: RemoteSystem) -> int:
        options = self._options
        task = self._logged_task(system)
        try:
            pattern = re.compile(options.grep) if options.grep else None
        except re.error as error:
            raise _UsageError(
                f"{options.grep!r} is not a regular expression: {error}"
            ) from error
        offset = options.since.offset if options.since else 0
        if options.lines is not None and task.output_path is not None:
            with contextlib.suppress(FileNotFoundError):  # it has printed nothing yet
                place = place_of_last(Path(task.output_path), options.lines)
                offset = max(offset, place)
        output = OutputCopy(task, offset, pattern, as_json=self._json)
        try:
            output.copy(task)
            if options.follow:
                with TaskEnds(system) as ends:
                    while not task.status.is_final:
                        (task,) = ends.wait((task.id,), _PAUSE) or (task,)
                        output.copy(task)
        finally:
            if options.since and not self._json:
                sys.stderr.write(f"next: --since {output.position}\n")
        output.end()
        return 0

    def _logged_task(self, system: RemoteSystem) -> Task:
        options = self._options
        since = options.since.task_id if options.since else None
        task_id = since if options.id is None else options.id
        if since not in {None, task_id}:
            raise _UsageError(
                f"--since {options.since} is a place in the output of #{since}, not of"
                f" #{task_id}"
            )
        if task_id is None:
            tasks = system.list()
            if not tasks:
                raise TaskSystemError("there is no task yet")
            task_id = tasks[-1].id
        task = system.get(task_id)
        if task.output_path is None:
            raise TaskSystemError(f"#{task.id} has no output")
        return task

    def _wait(self, system: RemoteSystem) -> int:
        options = self._options
        ids = options.ids or [t.id for t in system.list() if not t.status.is_final]
        for task_id in ids:
            system.get(task_id)
        try:
            if options.any and ids:
                ended = _wait_for_any(system, ids, options.timeout)
            else:
                ended = system.wait(*ids, timeout=options.timeout) if ids else ()
        except TimeoutError as error:
            return _complain(str(error), EXIT_TIMEOUT)
        if self._json:
            _say_json(ended)
        else:
            _say(*(news_text(task, self._icons) for task in ended))
        statuses = [_status_of(task) for task in ended]
        if len(statuses) == 1:
            return statuses[0]
        return EXIT_UNSUCCESSFUL if any(statuses) else 0

    def _cancel(self, system: RemoteSystem) -> int:
        options = self._options
        canceled = [
            system.cancel(task_id, reason="canceled by you", now=options.now)
            for task_id in options.ids
        ]
        if self._json:
            _say_json(canceled)
        else:
            _say(*(f"#{task.id} {safe_line(task.reason)}" for task in canceled))
        return 0

    def _kill(self, system: RemoteSystem) -> int:
        name = signal.Signals(self._options.signal).name
        status = 0
        for task_id in self._options.ids:
            found = system.look_up(task_id)
            if found.pid is None:
                text = f"#{task_id} has no process ({found.task.status})"
                status = _complain(text, EXIT_UNSUCCESSFUL)
                continue
            try:
                os.killpg(found.pid, self._options.signal)
            except OSError as error:
                text = f"can't send {name} to #{task_id}: {error.strerror}"
                status = _complain(text, EXIT_UNSUCCESSFUL)
                continue
            _say(f"sent {name} to #{task_id}")
        return status

    def _move(self, system: RemoteSystem) -> int:
        options = self._options
        if (options.place == "before") is (options.other is None):
            raise _UsageError("give a place: first, last, or before ID")
        first = options.place == "first"
        task = system.move(options.id, first=first, before=options.other)
        self._tell_altered([task])
        return 0

    def _pause(self, system: RemoteSystem) -> int:
        if (schedule_id := self._options.schedule) is not None:
            paused = self._options.verb == "pause"
            found = system.pause_schedule(schedule_id, paused=paused)
            self._tell_schedules([found])
            return 0
        change = system.pause if self._options.verb == "pause" else system.resume
        return self._tell_rules(change(self._options.group))

    def _group(self, system: RemoteSystem) -> int:
        options = self._options
        if (options.name is None) is not (options.parallel is None):
            raise _UsageError("give a name and a number: group NAME --parallel N")
        if options.name is None:
            return self._tell_rules(system.rules())
        return self._tell_rules(system.set_group(options.name, options.parallel))

    def _tell_rules(self, rules: QueueRules) -> int:
        if self._json:
            _say_json(rules)
        else:
            _say(*rules_lines(rules))
        return 0

    def _hold(self, system: RemoteSystem) -> int:
        change = system.hold if self._options.verb == "stash" else system.release
        self._tell_altered([change(task_id) for task_id in self._options.ids])
        return 0

    def _tell_altered(self, tasks: list[Task]) -> None:
        if self._json:
            _say_json(tasks)
        else:
            _say(*(f"#{task.id} {safe_line(task.reason)}" for task in tasks))

    def _rerun(self, system: RemoteSystem) -> int:
        for task_id in self._options.ids:
            self._tell_added(system.add_request(system.get(task_id).request))
        return 0

    def _clean(self, system: RemoteSystem) -> int:
        ids = system.forget_finished()
        if self._json:
            _say_json(ids)
        else:
            _say(f"forgot {len(ids)} finished task{'s' * (len(ids) != 1)}")
        return 0

    def _parallel(self, system: RemoteSystem) -> int:
        slots = system.set_slots(self._options.slots)
        if self._json:
            _say_json(slots)
        else:
            _say(slots_text(slots))
        return 0

    def _end(self, system: RemoteSystem) -> int:
        running = [t for t in system.list() if t.status is TaskStatus.RUNNING]
        system.end(_ENDED)
        names = ", ".join(f"#{t.id} {safe_line(t.description)}" for t in running)
        ended = f"; ended {names}" if names else ""
        _say(f"session {self._settings.name} ended{ended}")
        return 0

    # The host.

    def _sessions(self) -> int:
        found: list[dict[str, Any]] = []
        with contextlib.suppress(FileNotFoundError):
            for folder in sorted(self._state.iterdir()):
                if any(os.path.lexists(folder / it) for it in _OF_A_SESSION):
                    served = is_served(folder)
                    found.append({"name": folder.name, "host": served})
        if self._json:
            _say_json(found)
        else:
            names = (safe_line(it["name"]) for it in found)
            hosts = ("host" if it["host"] else "-" for it in found)
            _say(*map("  ".join, zip(names, hosts, strict=True)))
        return 0

    def _host(self) -> int:
        action = self._options.action
        directory = Path(self._settings.directory)
        if action == "logs":
            log = directory / starting.LOG_NAME
            try:
                data, _ = read_tail(log, starting.LONGEST_LOG)
            except OSError as error:
                return _complain(
                    f"can't read {log}: {error.strerror}", EXIT_UNSUCCESSFUL
                )
            _say(*safe_lines(data.decode("utf-8", "replace")))
            return 0
        if action == "run":
            starting.run_in_foreground(self._settings)
        if action == "stop":
            return self._stop_host()
        if action == "restart" and (status := self._restart_host()):
            return status
        with RemoteSystem(
            self._settings, start_host=action in {"start", "restart"}
        ) as system:
            welcome = system.welcome
        if self._json:
            _say_json(welcome)
        else:
            _say(
                f"session {welcome.session}: host {welcome.program}, process"
                f" {welcome.pid}, {welcome.slots} slots"
            )
        return 0

    def _restart_host(self) -> int:
        """Let a new host take over, with all tasks; start one if there is none.

        One of another protocol can't hand its tasks over: it is stopped.
        """
        try:
            starting.restart(self._settings).sock.close()
        except starting.NoHostError:
            return 0
        except starting.OtherProtocolError:
            return self._stop_host()
        return 0

    def _stop_host(self) -> int:
        try:
            with RemoteSystem(self._settings, start_host=False) as system:
                running = system.list(TaskFilter.RUNNING)
                if running and not self._options.force:
                    names = ", ".join(f"#{task.id}" for task in running)
                    text = f"{names} would be ended; wait for them, or use --force"
                    return _complain(text, EXIT_UNSUCCESSFUL)
                system.end(_STOPPED)
        except starting.NoHostError:
            return 0
        except starting.OtherProtocolError as error:
            if runs_jobs(error.pid) and not self._options.force:
                text = "its running tasks would be ended; wait for them, or use --force"
                return _complain(f"{error}; {text}", EXIT_UNSUCCESSFUL)
            stop_any(Path(self._settings.directory), _STOPPED)
        return 0


def _wait_for_any(
    system: RemoteSystem, ids: Sequence[int], timeout: float
) -> tuple[Task, ...]:
    with TaskEnds(system) as ends:
        ended = ends.wait(ids, timeout)
    if not ended:
        raise TimeoutError(f"none of the tasks has ended within {timeout:g} s")
    return ended


def _status_of(task: Task) -> int:
    """Return the exit status that stands for how a task ended."""
    if task.status is TaskStatus.COMPLETE:
        return 0
    if task.status is TaskStatus.FAILED and task.reason.startswith(TIMED_OUT):
        return EXIT_TIMEOUT
    if task.exit_code:
        return task.exit_code
    if found := _SIGNALED.search(task.reason):
        return EXIT_SIGNAL + int(found[1])
    return EXIT_UNSUCCESSFUL


def _each(
    request: TaskRequest,
    values: Sequence[str],
    asked: Asked,
    words: Sequence[str],
    label: str | None,
) -> list[TaskRequest]:
    """Return a request for each value, which may have a place in each of the words."""
    requests = each_request(request, values, asked.max_fails)
    if len(words) > 1:
        # Quoted as a whole, they would hold the value in quotes of another level.
        lines = [
            command_line([filled(it, value, quoted=False) for it in words])
            for value in values
        ]
        requests = [
            msgspec.structs.replace(
                it, args=(line,), description=it.description if label else line
            )
            for it, line in zip(requests, lines, strict=True)
        ]
    return requests


def _text_of(name: str) -> str:
    """Return what a file holds, or the standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode()
    except UnicodeDecodeError:
        raise _UsageError(f"{name} is not valid UTF-8") from None
