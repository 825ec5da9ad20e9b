"""What a command is, and the registry of all of them.

A command is one value: how its arguments are read, what can be typed next, how it is
explained, and what it is called elsewhere. Reading its arguments makes what carries it
out. An unknown command, help, completion and docs/commands.md know it from here alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from ...actors.rules.safe_text import brief
from ..program.verbs import VERBS
from .arguments import UsageError, no_arguments
from .completers import Completer, nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .context import Context
    from .effects import Effect


_SHORTEST_NEAR: Final = 3  # characters; anything is near to a name of one letter


class Command(Protocol):
    """A command that was given, with its arguments."""

    def run(self, context: Context) -> list[Effect]:
        """Carry it out; return what is to be done."""
        ...


class Synonym(msgspec.Struct, frozen=True):
    """What a command is called in other programs.

    Attributes:
        name: What is typed, with the slash.
        adds: Arguments that it stands for, besides those that follow it.
    """

    name: str
    adds: str = ""


def also(*names: str) -> tuple[Synonym, ...]:
    """Return synonyms that stand for no arguments."""
    return tuple(map(Synonym, names))


def no_bash(rest: str) -> None:
    """Return none: bash gets nothing of it."""
    del rest


def alone(name: str, command: Command) -> Callable[[str], Command]:
    """Return what parses a command that takes no arguments."""

    def parse(rest: str) -> Command:
        no_arguments(name, rest)
        return command

    return parse


class CommandSpec(msgspec.Struct, frozen=True):
    """One entry of the registry.

    Attributes:
        name: What is typed, with the slash.
        usage: Its arguments.
        summary: What it does, in one line.
        parse: Makes a command of the text after the name; raises `UsageError`.
        complete: Proposes what can follow the text after the name.
        details: What else there is to know, a line each.
        synonyms: What else it is called.
        bash_part: Returns the end of the text after the name that bash gets, if any.
        private: Whether it concerns only the chat in which it is typed, since it looks
            or leaves; then other chats on the session don't show that it was typed.
    """

    name: str
    usage: str
    summary: str
    parse: Callable[[str], Command]
    complete: Completer = nothing
    details: tuple[str, ...] = ()
    synonyms: tuple[Synonym, ...] = ()
    bash_part: Callable[[str], str | None] = no_bash
    private: bool = False

    @property
    def heading(self) -> str:
        """Its name and arguments, as help shows them."""
        return f"{self.name} {self.usage}".strip()

    @property
    def needs_argument(self) -> bool:
        """Whether it makes no sense without an argument."""
        return bool(self.usage) and not self.usage.startswith("[")


class Registry:
    """All commands, in the order in which help lists them; no two share a name."""

    def __init__(self, *specs: CommandSpec) -> None:
        self._specs = specs
        self._by_name = {spec.name: (spec, "") for spec in specs}
        for spec in specs:
            for synonym in spec.synonyms:
                if synonym.name in self._by_name:
                    raise ValueError(f"two commands are called {synonym.name}")
                self._by_name[synonym.name] = (spec, synonym.adds)

    def __iter__(self) -> Iterator[CommandSpec]:
        return iter(self._specs)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def find(self, name: str) -> CommandSpec:
        """Return the command of this name, or of this synonym.

        Raises:
            UsageError: If there is none; its text names the nearest.
        """
        return self._look_up(name)[0]

    def parse(self, name: str, rest: str) -> Command:
        """Make a command of its name and the text after it.

        Raises:
            UsageError: If it makes no sense.
        """
        try:
            spec, adds = self._look_up(name)
        except UsageError as error:
            corrected = f"{error.corrected} {rest}".rstrip()
            raise UsageError(str(error), error.corrected and corrected) from None
        return spec.parse(f"{adds} {rest}" if adds else rest)

    def _look_up(self, name: str) -> tuple[CommandSpec, str]:
        if name in self._by_name:
            return self._by_name[name]
        if name[1:] in VERBS:
            shell = f"in a shell it is `backburner {name[1:]}`"
            raise UsageError(f"{name} is no command of the chat; {shell}")
        import difflib  # noqa: PLC0415 - a mistake can wait, a start can't

        names = [known for known in self._by_name if len(known) >= _SHORTEST_NEAR]
        near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else "/help lists the commands"
        corrected = near[0] if near else ""
        raise UsageError(f"unknown command {brief(name)}; {hint}", corrected)

    def help_lines(
        self, name: str | None, kinds: Iterable[tuple[str, str, str]]
    ) -> list[str]:
        """Write the help of one command, or of all.

        Args:
            name: Its name, with the slash, or a synonym; None for all.
            kinds: Name, arguments and summary of each kind of task.
        """
        if name is not None:
            spec = self.find(name)
            also = [f"Also: {', '.join(synonyms(spec))}"] if spec.synonyms else []
            return [f"{spec.heading}  {spec.summary}", *spec.details, *also]
        width = max(len(spec.heading) for spec in self)
        lines = [f"{spec.heading:<{width}}  {spec.summary}" for spec in self]
        lines.append("")
        lines.extend(
            f"KIND {kind} {usage}: {summary}" for kind, usage, summary in kinds
        )
        lines.append(
            "Other lines are chat messages; // begins one that starts with a slash."
        )
        lines.append("Synonyms such as /ps and /kill work too: /help /kill")
        return lines


def synonyms(spec: CommandSpec) -> list[str]:
    """Return the synonyms of a command, each with the arguments that it stands for."""
    return [
        f"{it.name} ({spec.name} {it.adds})" if it.adds else it.name
        for it in spec.synonyms
    ]
