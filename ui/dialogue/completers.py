"""Completions for each kind of argument of a command.

A completer receives the text between the command name and the cursor, and a vocabulary.
It proposes replacements for the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.rules.record import Record
from .arguments import LAST
from .new_task import LABEL
from .quoting import QUOTES, UnbalancedQuoteError, read_quoted
from .term_options import TYPED_OPTIONS

if TYPE_CHECKING:
    from ...actors import Schedule, Task
    from ...actors.kinds.kind import KindWords

_MOST: Final = 50
_LOOKED_AT: Final = 1000


class Proposal(msgspec.Struct, frozen=True):
    """One proposed completion.

    Attributes:
        text: The text that replaces the word if the proposal is accepted.
        label: The text that a list of proposals shows.
        summary: The meaning of the proposal.
    """

    text: str
    label: str
    summary: str = ""


class Completion(msgspec.Struct, frozen=True):
    """The proposals for the word at the cursor.

    Attributes:
        word: The word before the cursor, which a proposal replaces; may be empty.
        proposals: The proposals, best first.
        wants_one: Whether the line is invalid without one of the proposals.
    """

    word: str = ""
    proposals: tuple[Proposal, ...] = ()
    wants_one: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the word is one of the proposals already."""
        return any(self.word in {p.text.rstrip(), p.label} for p in self.proposals)


class Vocabulary(Record, frozen=True):
    """The words that completers propose.

    Attributes:
        tasks: All tasks, newest first; can be read once.
        kinds: The kinds of tasks.
        conversations: Name of each conversation and a note about it, the likeliest
            first.
        commands: Name and summary of each command.
        templates: Name and summary of each template.
        schedules: All schedules, by id.
    """

    tasks: Iterable[Task]
    kinds: tuple[KindWords, ...]
    conversations: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]
    templates: tuple[tuple[str, str], ...]
    schedules: tuple[Schedule, ...]


Completer = Callable[[str, Vocabulary], Completion]
"""Proposes what can follow the text after a command's name."""

Options = tuple[tuple[str, str], ...]
"""Words that a command accepts as arguments, and their meanings."""


def nothing(rest: str, known: Vocabulary) -> Completion:
    """Propose nothing."""
    del known
    return Completion(_words(rest)[1])


def options(given: Options) -> Completer:
    """Return a completer of options only."""
    return _arguments(lambda _word, _used, _known: (), given, needed=False)


def task() -> Completer:
    """Return a completer of one task's id."""
    return _arguments(_all_tasks, (), needed=True)


def tasks() -> Completer:
    """Return a completer of the ids of several tasks."""
    return _arguments(_all_tasks, (), needed=True, several=True)


def open_task(given: Options = (), *, needed: bool = True) -> Completer:
    """Return a completer of the id of one task that has not ended."""
    return _arguments(_open_tasks, given, needed=needed)


def open_tasks(given: Options = ()) -> Completer:
    """Return a completer of the ids of several tasks that have not ended."""
    return _arguments(_open_tasks, given, needed=True, several=True)


def command(rest: str, known: Vocabulary) -> Completion:
    """Propose the names of commands."""
    return _arguments(_commands, (), needed=False)(rest, known)


def conversation(given: Options = ()) -> Completer:
    """Return a completer of a conversation's name."""
    return _arguments(_conversations, given, needed=True, may_be_new=True)


_Values = Callable[[str, "set[str]", Vocabulary], Iterable[Proposal]]


def _arguments(
    values: _Values,
    given: Options,
    *,
    needed: bool,
    several: bool = False,
    may_be_new: bool = False,
) -> Completer:
    def complete(rest: str, known: Vocabulary) -> Completion:
        used, word = _words(rest)
        proposals: list[Proposal] = []
        if several or not used:
            proposals.extend(values(word, used, known))
        proposals.extend(
            Proposal(option, option, summary)
            for option, summary in given
            if option.startswith(word) and option not in used
        )
        completion = Completion(word, tuple(proposals[:_MOST]))
        # A number is a complete id, even if longer ids begin with it.
        open_end = may_be_new or not word or word.removeprefix("#").isdigit()
        wanted = needed and not used and not word
        unfinished = not open_end and not completion.is_complete
        return msgspec.structs.replace(completion, wants_one=wanted or unfinished)

    return complete


def _words(rest: str) -> tuple[set[str], str]:
    """Return the words before the cursor's word, and that word."""
    *earlier, word = rest.split(" ")
    return {text for text in earlier if text}, word


def _all_tasks(word: str, used: set[str], known: Vocabulary) -> Iterable[Proposal]:
    return _tasks(known.tasks, word, used)


def _open_tasks(word: str, used: set[str], known: Vocabulary) -> Iterable[Proposal]:
    return _tasks((t for t in known.tasks if not t.status.is_final), word, used)


def _tasks(candidates: Iterable[Task], word: str, used: set[str]) -> Iterable[Proposal]:
    wanted = word.removeprefix("#").lower()
    for task in islice(candidates, _LOOKED_AT):
        text = str(task.id)
        if text in used or f"#{text}" in used:
            continue
        if text.startswith(wanted) or wanted in task.description.lower():
            yield Proposal(text, f"#{task.id} {task.status}", task.description)
    if word and LAST.startswith(word):
        yield Proposal(LAST, LAST, "the task added last")


def schedules(rest: str, known: Vocabulary) -> Completion:
    """Propose the ids of schedules."""
    return _arguments(_schedules, (), needed=True, several=True)(rest, known)


def _schedules(word: str, used: set[str], known: Vocabulary) -> Iterable[Proposal]:
    for it in known.schedules:
        text = str(it.id)
        name = it.request.description
        if text not in used and (text.startswith(word) or word in name.lower()):
            yield Proposal(text, f"{it.id} {it.every}", name)


def whose(given: Options) -> Completer:
    """Return a completer of open tasks, options and the ids of schedules."""

    def complete(rest: str, known: Vocabulary) -> Completion:
        name, space, word = rest.lstrip().partition(" ")
        if name == "--schedule" and space:
            return schedules(word, known)
        return _arguments(_open_tasks, given, needed=False, several=True)(rest, known)

    return complete


def _commands(word: str, used: set[str], known: Vocabulary) -> Iterable[Proposal]:
    del used
    for name, summary in known.commands:
        bare = name.removeprefix("/")
        if bare.startswith(word.removeprefix("/")):
            yield Proposal(bare, name, summary)


def _conversations(word: str, used: set[str], known: Vocabulary) -> Iterable[Proposal]:
    del used
    for name, summary in known.conversations:
        if name.startswith(word):
            yield Proposal(name, name, summary)


def template(rest: str, known: Vocabulary) -> Completion:
    """Propose the options of a job, and the name of a template after them."""
    found = _before_job(rest)
    if isinstance(found, Completion):
        return found
    before, _ = found
    if " " in before:
        return Completion()
    return Completion(
        before,
        tuple(
            Proposal(f"{name} ", name, summary)
            for name, summary in known.templates
            if name.startswith(before)
        ),
    )


def job(rest: str, known: Vocabulary) -> Completion:
    """Propose the options of a job, and its kind after its description."""
    found = _before_job(rest)
    if isinstance(found, Completion):
        return found
    after, labeled = found
    if not labeled:
        text = after
        if not text:
            return Completion()
        try:
            _, after = read_quoted(text) if text[0] in QUOTES else _first_word(text)
        except UnbalancedQuoteError:
            return Completion()
        if not after:
            return Completion()
    kind = after.lstrip()
    if " " in kind:
        return Completion()
    kinds = tuple(
        Proposal(f"{it.name} ", f"{it.name} {it.usage}".strip(), it.summary)
        for it in known.kinds
        if it.name.startswith(kind)
    )
    completion = Completion(kind, kinds)
    return msgspec.structs.replace(completion, wants_one=not completion.is_complete)


def _before_job(rest: str) -> Completion | tuple[str, bool]:
    """Propose options of a job.

    After the options, return the rest of the text, and whether an option has given the
    description.
    """
    text = rest.lstrip()
    used: set[str] = set()
    while text.startswith("-"):
        word, space, text = text.partition(" ")
        name, equals, _ = word.partition("=")
        if not space:
            return _options(word, used)
        used.add(name)
        text = text.lstrip()
        if not equals and any(it.value for it in TYPED_OPTIONS if it.name == name):
            if text[:1] in QUOTES and text:
                try:
                    _, text = read_quoted(text)
                except UnbalancedQuoteError:
                    return Completion()
                value, space, text = "", text[:1], text[1:]
            else:
                value, space, text = text.partition(" ")
            if not space:
                return Completion(value)
            text = text.lstrip()
    return text, LABEL.name in used


def _options(word: str, used: set[str]) -> Completion:
    proposals = tuple(
        Proposal(it.name, f"{it.name} {it.value}".rstrip(), it.summary)
        for it in TYPED_OPTIONS
        if it.name.startswith(word) and it.name not in used
    )
    completion = Completion(word, proposals)
    unfinished = "=" not in word and not completion.is_complete
    return msgspec.structs.replace(completion, wants_one=unfinished)


def _first_word(text: str) -> tuple[str, str]:
    word, space, rest = text.partition(" ")
    return word, space + rest
