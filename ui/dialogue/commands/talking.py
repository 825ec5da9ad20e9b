"""Commands that send input to running tasks, or attach to their terminals."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import Acknowledged, SendInput, TaskFound
from ...program.terminals import as_line, terminal_problem
from .. import completers
from ..arguments import UsageError, only_task_id, split_word, task_id
from ..effects import Attach
from ..registry import CommandSpec, also

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class SendLine(msgspec.Struct, frozen=True):
    """Send a line to a task's input; None in place of the line ends the input."""

    task_id: int | None
    text: str | None

    def run(self, context: Context) -> list[Effect]:
        """Look up how the task reads input, and send the line."""

        def found(found: TaskFound) -> list[Effect]:
            task = found.task
            data = b"" if self.text is None else as_line(task, self.text)

            what = "the end of its input" if self.text is None else "a line"
            return context.send(
                SendInput(task.id, data, self.text is None),
                Acknowledged,
                lambda _: [context.reply([f"sent {what} to #{task.id}"])],
            )

        return context.look_up(self.task_id, found)


def _parse_send(rest: str) -> SendLine:
    word, text = split_word(rest)
    if text:
        with contextlib.suppress(UsageError):
            return SendLine(task_id(word), _SENT_FOR.get(text.strip(), text))
    # A wrong id is not repeated, since it may be a part of a password.
    raise UsageError(
        "/send takes a task id and a text, such as: /send 3 yes; /send 3 --enter sends"
        " an empty line"
    )


_SENT_FOR: Final = {"--end": None, "--enter": ""}
"""What is sent in place of a word."""


SEND: Final = CommandSpec(
    "/send",
    "ID TEXT",
    "send a line to the input of a task",
    _parse_send,
    completers.open_task(),
    (
        "/send ID --enter sends an empty line, as the key Enter does.",
        "/send ID --end ends its input, as Ctrl+D does.",
    ),
    also("/stdin", "/answer"),
    private=True,
)


class GiveKeys(msgspec.Struct, frozen=True):
    """Attach to the terminal of a task."""

    task_id: int | None

    def run(self, context: Context) -> list[Effect]:
        """Look the task up, and attach to it."""

        def found(found: TaskFound) -> list[Effect]:
            if (problem := terminal_problem(found.task)) is not None:
                return [context.problem(problem)]
            if not context.drawn:
                text = f"there is no screen here; use /send {found.task.id} TEXT"
                return [context.problem(text)]
            return [Attach(found.task)]

        return context.look_up(self.task_id, found)


INPUT: Final = CommandSpec(
    "/input",
    "ID",
    "show the terminal of a task; Ctrl+] returns",
    lambda rest: GiveKeys(only_task_id("/input", rest)),
    completers.open_task(),
    synonyms=also("/attach", "/fg"),
    private=True,
)
