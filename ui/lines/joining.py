"""Join lines of input to commands, as long as bash finds them incomplete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...actors.rules.safe_text import brief
from ..dialogue.messages import BadInput, EndOfInput, InputLine
from ..dialogue.parse import bash_part
from ..dialogue.shell_blocks import LONGEST, Joiner

if TYPE_CHECKING:
    from collections.abc import Iterable

Input = InputLine | BadInput | EndOfInput


class CommandInput:
    """Joins the lines of bash commands; passes other lines through unchanged."""

    def __init__(self) -> None:
        self._joiner = Joiner()
        self._number = 0
        self._first = 0
        self._over = False

    @property
    def is_unfinished(self) -> bool:
        """Whether there is an unfinished command."""
        return self._joiner.missing is not None

    def drop(self) -> None:
        """Discard the unfinished command."""
        self._joiner.drop()

    def take(self, messages: Iterable[Input]) -> list[Input]:
        """Add lines, and return the complete commands. Blocks while bash checks them.

        An unfinished command at the end of the input is an error. So is a command that
        is too long; the lines after it are dropped, since they might belong to it.
        """
        return [found for it in messages for found in self._take(it)]

    def _take(self, message: Input) -> list[Input]:
        if self._over:
            return []
        match message:
            case InputLine(text=text):
                self._number += 1
                return self._take_line(text)
            case BadInput():
                self._number += 1
                return [*self._given_up(), message]
            case EndOfInput():
                self._over = True
                return [*self._given_up(), message]

    def _take_line(self, text: str) -> list[Input]:
        if not self.is_unfinished:
            self._first = self._number
        command = self._joiner.take(text, bash_part(text))
        if command is not None:
            return [InputLine(command)]
        if not self._joiner.too_long:
            return []
        self._over = True
        problem = (
            f"{self._named()} is longer than {LONGEST // 1000} kB; put it into a"
            " script. It was not run, and the lines after it are not read"
        )
        return [BadInput(problem), EndOfInput()]

    def _given_up(self) -> list[Input]:
        missing = self._joiner.missing
        if missing is None:
            return []
        problem = (
            f"{self._named()} is not finished: bash waits for {missing.text};"
            " it was not run"
        )
        self._joiner.drop()
        return [BadInput(problem)]

    def _named(self) -> str:
        first = brief(self._joiner.first)
        return f"the command that begins on line {self._first}, {first},"
