"""The calls that add a task: `run` and `rerun`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import UNSET
from msgspec.structs import replace

from ...actors.messages import AddTask, CancelTask, RefusalCode, Refused, TaskAdded
from ...actors.rules.chat_message import ChatMessage
from ...actors.rules.request import TaskRequest
from ...actors.rules.safe_text import brief, safe_line, safe_lines
from ...actors.rules.status import TaskStatus
from ...actors.rules.terms import DEFAULT_GROUP, PLAIN, Terms
from ..program.config import ConfigError
from ..program.policy import matching
from .call import Answer, Call, gone, refusal
from .facts import facts, line
from .output import marked, read_end
from .results import RunResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...actors.rules.task import Task
    from .host_client import Reply
    from .session import AgentSession
    from .tools import RerunArguments, RunArguments

_SHOWN_OUTPUT: Final = 4096  # bytes of output in the answer of `run`
_LONGEST_NAME: Final = 60
_LONGEST_ASKED: Final = 4000  # characters of a command that a person has to confirm


def ended_answer(task: Task) -> Answer:
    """Return the answer of `run` for a task that has ended.

    It is an error unless the task was run and is complete.
    """
    text, shown = line(task), UNSET
    if task.output_path is not None:
        try:
            part = read_end(Path(task.output_path), _SHOWN_OUTPUT)
        except OSError as error:
            text += f"\nIts output can't be read: {error.strerror}."
        else:
            shown = part.text
            if part.text:
                what = f"the output of #{task.id}"
                if part.size > _SHOWN_OUTPUT:
                    what = f"the end of {what} ({part.size} bytes in all)"
                text += "\n" + marked(what, part.text)
            else:
                text += "\nIt printed nothing."
    result = RunResult(facts(task), ended=True, untrusted_output=shown)
    return Answer(text, result, is_error=task.status is not TaskStatus.COMPLETE)


class _AddCall(Call):
    """The base of calls that add a task: waits a moment for its end."""

    _task: Task | None = None
    _withdrawn = False
    _asks_for: str | None = None
    _variables: Mapping[str, str] = {}
    _waits_for_person = False

    @property
    def note(self) -> str:
        """The current state, for people."""
        return super().note if self._task is None else line(self._task)

    def _add(self, request: TaskRequest) -> None:
        command = " ".join(request.args)
        try:
            rules = self._session.rules()
        except ConfigError as error:
            self.fail(f"{error}. Nothing runs until the person has fixed that.")
            return
        if (pattern := matching(rules.deny, command)) is not None:
            self.fail(
                f"not run: the configuration denies agents commands like {pattern!r}"
                " ([agents] deny). Ask the person to run it, or do without."
            )
            return
        self._asks_for = self._session.needs_asking(rules, request)
        if self._asks_for is not None:
            if len(command) > _LONGEST_ASKED:
                self.fail(
                    "not run: the person has to allow it, and it is too long to read;"
                    " put it into a script and run that"
                )
                return
            terms = replace(request.terms or PLAIN, held=True)
            request = replace(request, terms=terms)
        # Created here, so that retries add the task only once, and long enough to be a
        # secret name of the task.
        request = replace(
            request, origin=self._session.origin, key=os.urandom(16).hex()
        )
        question = None
        if self._asks_for is not None:
            # Sent with the task, so that even after a kill either both exist or
            # neither.
            question = _question(request, self._session, self._variables)
        self._session.host.ask(AddTask(request, saying=question), self._added)

    def _added(self, reply: Reply) -> None:
        if not isinstance(reply, TaskAdded):
            self.fail(self._refusal(reply))
            return
        task = self._session.tasks.get(reply.task.id, reply.task)
        self._task = task
        if self._withdrawn:
            self._cancel(task)
        elif task.status.is_final:
            self.answer(ended_answer(task))
        else:
            if self._asks_for is not None:
                self._session.asked(task)
            self._wait_for_end()

    def _refusal(self, reply: Reply) -> str:
        text = refusal(reply)
        if self._asks_for is None or not isinstance(reply, Refused):
            return text
        if reply.code is not RefusalCode.FAILED:
            return text
        return (
            f"not run: the person could not be asked to allow it: {text}. The"
            f" configuration wants that for commands like {self._asks_for!r} ([agents]"
            " ask). Ask the person to open the chat (`backburner`), or do without."
        )

    def _wait_for_end(self) -> None:
        if self._task is not None and is_held(self._task):
            self._waits_for_person = self._session.waits_for_person
        if self._waits_for_person:
            if (patience := self._session.patience) is not None:
                self._call_later(patience, self.hurry)
            return
        wait: float = self._arguments.wait
        if wait == 0:
            self.hurry()
        elif not self._is_over:
            self._call_later(wait, self.hurry)

    def task_changed(self, task: Task) -> None:
        """Handle a change of a task."""
        if self._task is not None and task.id == self._task.id:
            self._task = task
            if task.status.is_final:
                self.answer(ended_answer(task))
            elif self._waits_for_person and not is_held(task):
                self._waits_for_person = False
                self._wait_for_end()

    def tasks_forgotten(self) -> None:
        """Answer if the task was removed."""
        if self._task is not None and self._is_gone(self._task):
            self.fail(gone(self._task.id))

    def interrupt(self) -> None:
        """Answer with the current state; withdraw a pending request to a person."""
        if self._task is None or is_held(self._task):
            self._withdrawn = True
            if self._task is not None:
                self._cancel(self._task)
            self.fail("stopped by the person before it ran")
        else:
            self.hurry()

    def host_failed(self, text: str) -> None:
        """Handle the end of the session, or a failure to reach it."""
        task = self._task
        if task is None:
            super().host_failed(text)
        else:
            self.fail(f"#{task.id} was added, then {text}. `list` shows its state.")

    def hurry(self) -> None:
        """Answer with the current state."""
        task = self._task
        if task is None:
            return  # the host's answer is on its way
        if is_held(task):
            note = (
                f"It waits for the person, who is asked in the chat to"
                f" allow it. `wait` with ids [{task.id}] waits for that, and for its"
                " end. Do not run it in another way."
            )
            self._answer_open(task, note)
            return
        note = (
            f"It keeps running, even when this conversation ends:"
            f" `wait` with ids [{task.id}] waits for its end, `output` with id"
            f" {task.id} reads what it prints, `cancel` ends it."
        )
        self._answer_open(task, note)

    def _answer_open(self, task: Task, note: str) -> None:
        # In both: some clients show a model the text, others the data.
        result = RunResult(facts(task), ended=False, note=note)
        self.answer(Answer(f"{line(task)}\n{note}", result, task=task))

    def withdraw(self) -> None:
        """Send no answer: the caller is gone."""
        # The agent never got the id of the task, so it can't manage it.
        self._withdrawn = True
        if self._task is not None:
            self._cancel(self._task)
        super().withdraw()

    def _cancel(self, task: Task) -> None:
        reason = f"{self._session.origin} withdrew it before it had an answer"
        self._session.host.ask(CancelTask(task.id, reason), lambda _: None)


class RunCall(_AddCall):
    """`run`."""

    _arguments: RunArguments

    def start(self) -> None:
        """Add the task."""
        given = self._arguments
        if not given.command.strip():
            self.fail("the command is empty; give a command line for bash")
            return
        try:
            directory = os.path.abspath(given.directory or ".")  # noqa: PTH100 - a text
            directory.encode()
        except (FileNotFoundError, UnicodeEncodeError):
            self.fail(
                "the server's directory is gone, or its name is not valid UTF-8; give"
                " the absolute path of another directory"
            )
            return
        if not os.path.isdir(directory):  # noqa: PTH112 - the same
            self.fail(
                f"{safe_line(directory)} is not a directory; give one that exists"
            )
            return
        for task_id in given.after:
            if self._visible(task_id) is None:
                return
        terms = Terms(
            timeout=None if given.timeout is UNSET else given.timeout,
            after=tuple(given.after),
            group=given.group or DEFAULT_GROUP,
            retries=given.retries,
            input="pipe" if given.input else None,
        )
        self._variables = given.environment
        first = given.command.strip().partition("\n")[0]
        environment = {**os.environ, **given.environment} if given.environment else None
        self._add(
            TaskRequest(
                given.description.strip() or brief(safe_line(first), _LONGEST_NAME),
                "bash",
                (given.command,),
                directory=directory,
                environment=environment,
                terms=None if terms == PLAIN else terms,
            )
        )


class RerunCall(_AddCall):
    """`rerun`."""

    _arguments: RerunArguments

    def start(self) -> None:
        """Add the task."""
        if (task := self._visible(self._arguments.id)) is not None:
            self._add(task.request)


def is_held(task: Task) -> bool:
    """Return whether a task waits until a person lets it start."""
    return task.status is TaskStatus.QUEUED and (task.terms or PLAIN).held


def _question(
    request: TaskRequest, session: AgentSession, variables: Mapping[str, str]
) -> ChatMessage:
    """Return the message that asks a person to allow a task, with the whole command.

    The key of the request stands for the future id of the task.
    """
    key = request.key
    text = f"asks to run #{key} in {request.directory or 'the usual directory'}: "
    text += _visible(" ".join(request.args))
    for name, value in variables.items():
        text += f"\nwith the variable {_visible(name)}={_visible(value)}"
    answers = [f"/allow {key} runs it", f"/deny {key} refuses it"]
    if session.waits_for_person:
        text += f"\nIt calls this: {_visible(request.description)}"
        if not variables:
            answers.append(f"/allow {key} --always never asks for it again")
    text += f"\n{', '.join(answers)}."
    asker = safe_line(session.asker)
    return ChatMessage(datetime.now(UTC), session.asked_in, asker, text)


def _visible(text: str) -> str:
    """Return a text as it is, or escaped if it has invisible characters."""
    return text if "\n".join(safe_lines(text)) == text else ascii(text)
