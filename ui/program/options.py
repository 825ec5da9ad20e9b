"""Parses a command line."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ...actors.rules.safe_text import safe_line
from .exit_status import EXIT_USAGE
from .streams import name_standard_output, say_refused

if TYPE_CHECKING:
    from collections.abc import Iterable


_HIDDEN: Final = "\0--"
"""Replaces a `--` that is a word; no argument can contain a NUL character."""


class _Narrow(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=80)


class SafeParser(argparse.ArgumentParser):
    """An argument parser that makes quoted input safe to show."""

    instead = ""
    """A suggestion when ids are given to a verb that takes none."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - as they are declared
        # Each added argument is checked with a formatter. The default one determines
        # the terminal's width, with an import that takes longer than this parser.
        super().__init__(formatter_class=_Narrow, **named)

    def parse_known_args(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as they are declared
        """Parse all arguments; unknown ones are an error."""
        options, others = super().parse_known_args(*args, **named)
        if others:
            self.error(
                f"unrecognized arguments: {' '.join(others)}{self._near(others)}"
            )
        return options, others

    def _near(self, others: list[str]) -> str:
        """Return a suggestion; empty if no option is similar."""
        options = {it.lstrip("-"): it for it in self._option_string_actions}
        for word in others:
            name = word.partition("=")[0].lstrip("-").lower()
            if word.startswith("--") and (near := _nearest(name, options)):
                return f"; did you mean {options[near]}?"
        takes_ids = self.instead and others[0].lstrip("#").isdigit()
        return f"; {self.instead}" if takes_ids else ""

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 - as they are declared
        """Name the similar choice, if there is one."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            if near := _nearest(str(value).lower(), action.choices or ()):
                error.message += f"; did you mean {near}?"
            raise

    def format_help(self) -> str:
        """Return the help, wrapped to the width of the terminal."""
        self.formatter_class = argparse.HelpFormatter
        return super().format_help()

    def print_help(self, file: object = None) -> None:
        """Print the help; exit if it can't be written, which argparse ignores."""
        del file
        name_standard_output()
        try:
            sys.stdout.write(self.format_help())
            sys.stdout.flush()
        except OSError as error:
            raise SystemExit(say_refused(error)) from None

    def error(self, message: str) -> NoReturn:
        """Print an error in one line, and exit."""
        advice = f"{self.prog} --help shows how it is used"
        program = self.prog.partition(" ")[0]
        text = safe_line(message)
        joined = " " if text.endswith("?") else "; "
        self.exit(EXIT_USAGE, f"{program}: {text}{joined}{advice}\n")


class VerbParser(SafeParser):
    """The parser of one verb; errors refer to its own help.

    Options may stand anywhere before `--`, and before a command: the argument called
    `words` begins a command, with its own options.
    """

    def parse_known_args(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as they are declared
        """Parse all arguments, with those of a command last."""
        words, *more = args
        first, begun, rest = _parted(self._options_first(words))
        # Some versions of argparse remove more than the first `--`.
        hidden = [_HIDDEN if it == "--" else it for it in rest]
        parsed: tuple[argparse.Namespace, list[str]] = super().parse_known_args(
            [*first, *begun, *hidden], *more, **named
        )
        found: dict[str, Any] = vars(parsed[0])
        for name in {"text", "words"} & found.keys():
            given: list[str] = found[name]
            found[name] = ["--" if it == _HIDDEN else it for it in given]
        return parsed

    def _options_first(self, words: Iterable[str]) -> list[str]:
        names = [it.dest for it in self._get_positional_actions()]
        command_at = names.index("words") if "words" in names else None
        options: list[str] = []
        others: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                others += [word, *rest]
            elif word[:1] != "-" or word == "-" or word[1:2].isdigit():
                if len(others) == command_at:
                    # A `--` among the words of a command is kept.
                    others += ["--"] * (not others)
                    others += [word, *rest]
                else:
                    others.append(word)
            else:
                options.append(word)
                if self._takes_value(word):
                    options += islice(rest, 1)
        return options + others

    def _takes_value(self, word: str) -> bool:
        """Return whether the value of an option is the following word."""
        actions = self._option_string_actions
        if word.startswith("--"):
            near = (it for name, it in actions.items() if name.startswith(word))
            action = actions.get(word) or next(near, None)
            return action is not None and action.nargs is None
        # Several short options may share one word; a value ends them.
        for at, letter in enumerate(word[1:], start=2):
            action = actions.get(f"-{letter}")
            if action is None or action.nargs is None:
                return action is not None and at == len(word)
        return False


def _nearest(word: str, names: Iterable[str]) -> str:
    """Return the name that a word begins or resembles; empty if there is none."""
    import difflib  # noqa: PLC0415 - a mistake can wait, a start can't

    names = [*names]
    begun = [it for it in names if word and it.startswith(word)]
    near = begun or difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    return near[0] if near else ""


def _parted(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Split words at the first `--`."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def add_session_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select a session to the parser of a verb."""
    parser.add_argument(
        "--session", type=session_name, metavar="NAME", help="the session"
    )
    parser.add_argument(
        "--state-dir",
        type=folder,
        metavar="DIR",
        help="the folder that contains the sessions",
    )
    parser.add_argument(
        "--config", type=file, metavar="FILE", help="the configuration file"
    )


def session_name(text: str) -> str:
    """Return the given name of a session, which is not empty."""
    return _given(text, "no session is named; give a name")


def folder(text: str) -> Path:
    """Return the given directory, whose path is not empty."""
    return Path(_given(text, "no directory is named; give one"))


def file(text: str) -> Path:
    """Return the given file, whose path is not empty."""
    return Path(_given(text, "no file is named; give one"))


def _given(text: str, otherwise: str) -> str:
    # Empty is the value of a variable that a script has not set.
    if not text:
        raise argparse.ArgumentTypeError(otherwise)
    return text


def add_mcp_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `backburner mcp`, except those that select a session."""
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="the name of the agent (default: the name that its program reports)",
    )
