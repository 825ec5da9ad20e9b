"""The options of a new task: when it may start, and how long it may take.

`/task` reads them before the description, `backburner add` and `run` anywhere before
the command. Help, completion and docs/scheduling.md know them from here alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from ...actors import Terms
from ...actors.rules.amounts import (
    cpus_text,
    parse_cpus,
    parse_memory,
    parse_pids,
    pids_text,
)
from ...actors.rules.durations import parse_duration, short_duration
from ...actors.rules.nodes import is_address
from ...actors.rules.resources import amount_text, is_resource_name, parse_amount
from ...actors.rules.safe_text import brief, size_text
from ...actors.rules.terms import (
    DEFAULT_GROUP,
    Input,
    OnReboot,
    Restart,
    is_group_name,
)
from .arguments import UsageError, split_word, task_id
from .new_task import ASK_OPTIONS, NOTHING_ASKED, Asked
from .quoting import QUOTES, read_quoted
from .times import parse_time

_Read = Callable[[Terms, str], Terms]

ADDED_LAST: Final = 0
"""Stands for the task added last among the ids that terms wait for."""


class TermOption(msgspec.Struct, frozen=True):
    """One option.

    Attributes:
        name: What is typed, with the dashes.
        value: What its value is called; empty if it takes none.
        summary: What it does, in a few words.
        read: Adds to terms what the value says; raises `UsageError` or `ValueError`.
        short: What else is typed on the command line, such as `-a`.
    """

    name: str
    value: str
    summary: str
    read: _Read
    short: str = ""

    def add_to(self, asked: Asked, value: str) -> Asked:
        """Return what is asked for, with what this option says.

        Raises:
            UsageError: If its value makes no sense.
        """
        try:
            terms = self.read(asked.terms, value)
            return msgspec.structs.replace(asked, terms=terms)
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}") from error


def _timeout(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, timeout=parse_duration(value))


def _priority(terms: Terms, value: str) -> Terms:
    digits = value.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:  # noqa: PLR2004 - fits 64 bits
        raise UsageError(f"{brief(value)} is not a whole number, such as 5 or -5")
    return msgspec.structs.replace(terms, priority=int(value))


def _held(terms: Terms, value: str) -> Terms:
    del value
    return msgspec.structs.replace(terms, held=True)


def _immediate(terms: Terms, value: str) -> Terms:
    del value
    return msgspec.structs.replace(terms, immediate=True)


def _ids(value: str) -> tuple[int, ...]:
    ids = [task_id(word.strip()) for word in value.split(",")]
    return tuple(ADDED_LAST if it is None else it for it in ids)


def waits_for_last(terms: Terms | None) -> bool:
    """Tell whether terms name the task added last, not yet by its id."""
    return terms is not None and ADDED_LAST in terms.waits_for


def with_last(terms: Terms, last: int) -> Terms:
    """Put the id of the task added last into terms that name it."""

    def put_in(ids: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(last if it == ADDED_LAST else it for it in ids)

    return msgspec.structs.replace(
        terms,
        after=put_in(terms.after),
        after_failed=put_in(terms.after_failed),
        after_any=put_in(terms.after_any),
    )


def _after(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, after=terms.after + _ids(value))


def _after_failed(terms: Terms, value: str) -> Terms:
    ids = terms.after_failed + _ids(value)
    return msgspec.structs.replace(terms, after_failed=ids)


def _after_any(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, after_any=terms.after_any + _ids(value))


def _delay(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, delay=parse_duration(value))


def _at(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, at=parse_time(value))


def _group(terms: Terms, value: str) -> Terms:
    if not is_group_name(value):
        raise UsageError(f"{brief(value)} is not a group; use a short name")
    return msgspec.structs.replace(terms, group=value)


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 18:  # noqa: PLR2004 - fits 64 bits
        raise UsageError(f"{brief(value)} is not a whole number, such as 3")
    return int(value)


def _retry(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, retries=_count(value))


def _retry_delay(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, retry_delay=parse_duration(value))


def _retry_on(terms: Terms, value: str) -> Terms:
    statuses = tuple(_count(word.strip()) for word in value.split(","))
    if wrong := [it for it in statuses if it > _HIGHEST_STATUS]:
        raise UsageError(f"{wrong[0]} is not an exit status; they go from 0 to 255")
    return msgspec.structs.replace(terms, retry_on=terms.retry_on + statuses)


def _restart(terms: Terms, value: str) -> Terms:
    if value not in {"always", "on-failure"}:
        raise UsageError(f"{brief(value)} is neither always nor on-failure")
    restart: Restart = "always" if value == "always" else "on-failure"
    return msgspec.structs.replace(terms, restart=restart)


def _on_reboot(terms: Terms, value: str) -> Terms:
    if value not in {"again", "fail"}:
        raise UsageError(f"{brief(value)} is neither again nor fail")
    wanted: OnReboot = "again" if value == "again" else "fail"
    return msgspec.structs.replace(terms, on_reboot=wanted)


def _engine(terms: Terms, value: str) -> Terms:
    if not is_group_name(value):
        raise UsageError(f"{brief(value)} is not an engine; use a name such as ray")
    return msgspec.structs.replace(terms, engine=value)


def _address(terms: Terms, value: str) -> Terms:
    if not is_address(value):
        raise UsageError(f"{brief(value)} is not an address; write auto or HOST:PORT")
    return msgspec.structs.replace(terms, address=value)


def _ship(terms: Terms, value: str) -> Terms:
    del value
    return msgspec.structs.replace(terms, ships=True)


def _gpus(terms: Terms, value: str) -> Terms:
    return _need(terms, f"GPU={value}")


def _need(terms: Terms, value: str) -> Terms:
    name, equals, amount = value.partition("=")
    if not is_resource_name(name) or not equals:
        raise UsageError(f"{brief(value)} names no resource; write it like gpu=1")
    needs = {**dict(terms.needs), name: parse_amount(amount)}
    return msgspec.structs.replace(terms, needs=tuple(sorted(needs.items())))


def _cpus(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, cpus=parse_cpus(value))


def _memory(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, memory=parse_memory(value))


def _pids(terms: Terms, value: str) -> Terms:
    return msgspec.structs.replace(terms, pids=parse_pids(value))


def _input(terms: Terms, wanted: Input) -> Terms:
    if terms.input not in {None, wanted}:
        raise UsageError("a task with a terminal has its input there; leave --stdin")
    return msgspec.structs.replace(terms, input=wanted)


def _pty(terms: Terms, value: str) -> Terms:
    del value
    return _input(terms, "terminal")


def _stdin(terms: Terms, value: str) -> Terms:
    del value
    return _input(terms, "pipe")


_HIGHEST_STATUS: Final = 255

_TERM_OPTIONS: Final = (
    TermOption("--timeout", "10m", "fail it if it takes longer", _timeout),
    TermOption(
        "--priority", "N", "start it before those with a lower number; 0", _priority
    ),
    TermOption("--stash", "", "hold it until it is enqueued", _held),
    TermOption("--immediate", "", "start it now, even if no slot is free", _immediate),
    TermOption("--after", "3,5", "start it when these are complete", _after, "-a"),
    TermOption(
        "--after-failed", "3,5", "start it when these have failed", _after_failed
    ),
    TermOption(
        "--after-any", "3,5", "start it when these have ended, however", _after_any
    ),
    TermOption("--delay", "5m", "start it after this time, at the earliest", _delay),
    TermOption("--at", "18:30", "start it then, at the earliest", _at),
    TermOption("--retry", "3", "make so many more attempts if it fails", _retry),
    TermOption(
        "--retry-delay", "2s", "wait so long before the second attempt", _retry_delay
    ),
    TermOption(
        "--retry-on", "1,75", "only after these exit statuses; 124: timeout", _retry_on
    ),
    TermOption(
        "--restart", "always", "start it again when it ends, or on-failure", _restart
    ),
    TermOption(
        "--on-reboot", "again", "run it again after a reboot, or fail", _on_reboot
    ),
    TermOption("--need", "gpu=1", "let it take so much of a resource", _need),
    TermOption("--cpus", "1.5", "let it use so many processors at most", _cpus),
    TermOption("--memory", "2G", "fail it if it uses more memory", _memory),
    TermOption("--pids", "100", "let it have so many processes at most", _pids),
    TermOption("--pty", "", "give it a terminal of its own, for /input", _pty),
    TermOption("--stdin", "", "let it read what /send sends", _stdin),
    TermOption("--engine", "ray", "run it on a cluster", _engine),
    TermOption("--address", "HOST:PORT", "of the head of that cluster", _address),
    TermOption("--ship", "", "copy its directory to the node, and run it there", _ship),
    TermOption("--gpus", "1", "let it have so many GPUs of the cluster", _gpus),
    TermOption("--group", "NAME", "let it take a slot of this group", _group, "-g"),
)

OPTIONS: Final = (*_TERM_OPTIONS, *ASK_OPTIONS)
"""All options, in the order in which help lists them."""

_BY_NAME: Final = {it.name: it for it in OPTIONS}


def read_options(text: str, asked: Asked = NOTHING_ASKED) -> tuple[Asked, str]:
    """Read the options at the beginning of a text.

    Args:
        text: What was typed.
        asked: What is asked for already.

    Returns:
        What they say, and the rest of the text.

    Raises:
        UsageError: If one is not known, or its value makes no sense.
    """
    rest = text.lstrip()
    while rest.startswith("--"):
        word, after = split_word(rest)
        if word == "--":
            rest = after.lstrip()
            break
        name, equals, value = word.partition("=")
        option = _BY_NAME.get(name)
        if name == "--label":
            # The command line has it, where a task needs no description.
            raise UsageError(
                'the description is the label: /task [OPTIONS] "TEXT" bash COMMAND'
            )
        if option is None:
            known = " ".join(_BY_NAME)
            raise UsageError(f"unknown option {brief(name)}; the options are: {known}")
        if option.value and not equals:
            value, after = _value(after)
        if option.value and not value:
            raise UsageError(f"{name} takes a value, such as: {name} {option.value}")
        if equals and not option.value:
            raise UsageError(f"{name} takes no value")
        asked = option.add_to(asked, value)
        rest = after.lstrip()
    asked.check()
    return asked, rest


def _value(text: str) -> tuple[str, str]:
    """Read one word, or what is between quotes; return what follows as well."""
    text = text.lstrip()
    return read_quoted(text) if text[:1] in QUOTES and text else split_word(text)


def help_lines() -> tuple[str, ...]:
    """Return a line of help for each option."""
    return tuple(f"{f'{it.name} {it.value}'.rstrip()}: {it.summary}" for it in OPTIONS)


def terms_text(terms: Terms) -> str:
    """Say in one line what was asked for: `timeout 10m, after #3 #5`."""
    parts: list[str] = []
    if terms.timeout is not None:
        parts.append(f"timeout {short_duration(terms.timeout)}")
    if terms.priority:
        parts.append(f"priority {terms.priority}")
    parts += [
        f"{what} {' '.join(f'#{it}' for it in ids)}"
        for what, ids in (
            ("after", terms.after),
            ("after failed", terms.after_failed),
            ("after the end of", terms.after_any),
        )
        if ids
    ]
    if terms.delay is not None:
        parts.append(f"delay {short_duration(terms.delay)}")
    if terms.at is not None:
        parts.append(f"not before {terms.at.astimezone():%Y-%m-%d %H:%M:%S}")
    if terms.retries:
        on = ",".join(map(str, terms.retry_on))
        parts.append(f"retry {terms.retries}" + (f" on {on}" if on else ""))
    if terms.restart is not None:
        parts.append(f"restart {terms.restart}")
    if terms.retry_delay is not None:
        parts.append(f"first pause {short_duration(terms.retry_delay)}")
    if terms.on_reboot is not None:
        parts.append(f"on reboot {terms.on_reboot}")
    parts += [f"{name}={amount_text(amount)}" for name, amount in terms.needs]
    if terms.cpus is not None:
        parts.append(f"at most {cpus_text(terms.cpus)}")
    if terms.memory is not None:
        parts.append(f"at most {size_text(terms.memory)} of memory")
    if terms.pids is not None:
        parts.append(f"at most {pids_text(terms.pids)}")
    if terms.engine:
        at = f" at {terms.address}" if terms.address else ""
        copied = " in a copy of its directory" if terms.ships else ""
        parts.append(f"on {terms.engine}{at}{copied}")
    if terms.group != DEFAULT_GROUP:
        parts.append(f"group {terms.group}")
    if terms.batch:
        parts.append(f"batch {terms.batch}")
    if terms.max_fails is not None:
        parts.append(f"at most {terms.max_fails} failures")
    if terms.schedule is not None:
        parts.append(f"added by schedule {terms.schedule}")
    if terms.input is not None:
        parts.append(f"input from a {terms.input}")
    parts += ["held"] * terms.held + ["immediate"] * terms.immediate
    return ", ".join(parts)
