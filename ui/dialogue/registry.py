"""The entries of commands, and their registry.

A `CommandSpec` has the parser of a command's arguments, which returns a `Command` to
run, and its completer, help and synonyms. The registry is the only source of help,
completion, docs/commands.md and the errors about unknown commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from ...actors.rules.safe_text import brief
from ..program.verbs import VERBS
from .arguments import UsageError, no_arguments
from .completers import Completer, nothing
from .quoting import UnbalancedQuoteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...actors.kinds.kind import KindWords
    from .context import Context
    from .effects import Effect


_WIDEST_HEADING: Final = 36
_SHORTEST_NEAR: Final = 3  # characters; every word is similar to a shorter name


class Command(Protocol):
    """A command with its arguments."""

    def run(self, context: Context) -> list[Effect]:
        """Run the command; return the effects to perform."""
        ...


class Synonym(msgspec.Struct, frozen=True):
    """Another name of a command, and the arguments that it adds before typed ones."""

    name: str
    adds: str = ""


def also(*names: str) -> tuple[Synonym, ...]:
    """Return synonyms that add no arguments."""
    return tuple(map(Synonym, names))


def no_bash(rest: str) -> None:
    """Return None: bash gets no part of the arguments."""
    del rest


def alone(name: str, command: Command) -> Callable[[str], Command]:
    """Return the parser of a command that takes no arguments."""

    def parse(rest: str) -> Command:
        no_arguments(name, rest)
        return command

    return parse


class CommandSpec(msgspec.Struct, frozen=True):
    """One entry of the registry.

    Attributes:
        name: What is typed, with the slash.
        usage: Its arguments.
        summary: Its effect, in one line.
        parse: Parses the text after the name into a command; raises `UsageError`.
        complete: Completes the text after the name.
        details: Further lines of help.
        synonyms: Its other names.
        bash_part: Returns the end of the text after the name that bash gets, or None.
        private: Whether it concerns only the chat in which it is typed, because it only
            shows something or leaves. Other chats of the session don't show private
            commands.
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
        """Whether it requires an argument."""
        return bool(self.usage) and not self.usage.startswith("[")


class Registry:
    """All commands, in the order in which help lists them; no two share a name.

    An unknown name raises a `UsageError` that suggests a similar one.
    """

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
        """Return the command of this name, or of this synonym."""
        return self._look_up(name)[0]

    def parse(self, name: str, rest: str) -> Command:
        """Parse a command from its name and the text after it.

        Raises:
            UsageError: If the command or its arguments are invalid.
        """
        spec, adds = self._look_up(name, rest)
        return spec.parse(f"{adds} {rest}" if adds else rest)

    def _look_up(self, name: str, rest: str | None = None) -> tuple[CommandSpec, str]:
        if name in self._by_name:
            return self._by_name[name]
        if name[1:] in VERBS:
            shell = f"in a shell, use `backburner {name[1:]}`"
            raise UsageError(f"{name} is not a command of the chat; {shell}")
        import difflib  # noqa: PLC0415 - a mistake can wait, a start can't

        names = [known for known in self._by_name if len(known) >= _SHORTEST_NEAR]
        near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.7)
        # The arguments may tell which of them was meant.
        if rest is not None:
            near.sort(key=lambda it: not self._accepts(it, rest))
        hint = f"did you mean {near[0]}?" if near else "/help lists the commands"
        corrected = f"{near[0]} {rest or ''}".rstrip() if near else ""
        raise UsageError(f"unknown command {brief(name)}; {hint}", corrected)

    def _accepts(self, name: str, rest: str) -> bool:
        try:
            self.parse(name, rest)
        except (UsageError, UnbalancedQuoteError):
            return False
        return True

    def help_lines(self, name: str | None, kinds: Iterable[KindWords]) -> list[str]:
        """Return the lines of help of one command, or of all for None."""
        if name is not None:
            spec = self.find(name)
            also = [f"Also: {', '.join(synonyms(spec))}"] if spec.synonyms else []
            return [f"{spec.heading}  {spec.summary}", *spec.details, *also]
        # A long heading moves its own summary, not those of all commands.
        lengths = (len(spec.heading) for spec in self)
        width = max(it for it in lengths if it <= _WIDEST_HEADING)
        lines = [f"{spec.heading:<{width}}  {spec.summary}" for spec in self]
        lines.append("")
        lines.extend(f"KIND {it.name} {it.usage}: {it.summary}" for it in kinds)
        lines.append(
            "Other lines are chat messages; // begins one that starts with a slash."
        )
        lines.append("Synonyms such as /ps and /kill work too: /help /kill")
        return lines


def synonyms(spec: CommandSpec) -> list[str]:
    """Return the synonyms of a command, each with the arguments that it adds."""
    return [
        f"{it.name} ({spec.name} {it.adds})" if it.adds else it.name
        for it in spec.synonyms
    ]
